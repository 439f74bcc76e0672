/* Posts spans and metrics to a collector of OpenTelemetry: the command line. */

#include <err.h>
#include <string.h>

#include "base/clock.h"
#include "commands.h"
#include "shipper.h"
#include "stage/cli.h"
#include "stage/options.h"
#include "usage.h"

/* What follows "--" is the command; the rest is parsed without it. */
static char **
split_command(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++)
		if (strcmp(argv[i], "--") == 0) {
			argv[i] = NULL;
			*argc = i;
			return argv + i + 1;
		}
	return NULL;
}

static void
parse(struct shipper_wanted *w, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {0, "endpoint", "URL",
		"the collector, such as http://localhost:4318, to which v1/traces is added "
		"(default: what OTEL_EXPORTER_OTLP_ENDPOINT says)",
		OPTION_TEXT, OPTION_FIELD(w->endpoint)},
	    {0, "grace", "D",
		"how long a collector is waited for that does not take spans, after a signal, the "
		"end of the command, or with --once and FILE (default 5s)",
		OPTION_DURATION, OPTION_FIELD(w->grace)},
	    {0, "interval", "D", "time between two looks for new spans (default 1s)",
		OPTION_DURATION, OPTION_FIELD(w->interval), .min = CLOCK_MS},
	    {0, "once", NULL, "ship what is there, and end", OPTION_FLAG, OPTION_FIELD(w->once)},
	    {'v', "verbose", NULL, "end with a line of totals", OPTION_FLAG,
		OPTION_FIELD(w->verbose)},
	    {0},
	};
	static const struct option_rule rules[] = {
	    {"--once", OPTION_EXCLUDES, "--interval", NULL},
	    {"--once", OPTION_EXCLUDES, "a FILE", "files are shipped once in any case"},
	    {"--interval", OPTION_EXCLUDES, "a FILE", "files are shipped once"},
	    {0},
	};
	int operands;

	if (!options_complete(argc, argv))
		w->command = split_command(&argc, argv);
	operands = usage_parse(argc, argv, rows, rules, OPERAND_FILE_COMMAND);
	if (operands < argc)
		w->files = argv + operands;
	if (w->command == NULL)
		return;
	if (*w->command == NULL)
		errx(2, "ship: a command is needed behind --");
	if (w->files != NULL)
		errx(2, "ship: FILE does not go together with a command");
	if (w->once)
		errx(2, "ship: --once does not go together with a command");
}

int
ship_command(int argc, char **argv)
{
	struct shipper_wanted w = {.interval = CLOCK_S, .grace = 5 * CLOCK_S};

	cli_check_descriptors();
	parse(&w, argc, argv);
	if (w.files == NULL)
		usage_warn_off("ship", 0);
	return shipper_run(&w);
}
