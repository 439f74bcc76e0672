#include "usage.h"

#include <err.h>
#include <string.h>
#include <unistd.h>

#include "metrics/look.h"
#include "metrics/rundir.h"
#include "stage/cli.h"

const char usage_usage[] = "[-n STAGE] [options]";

const char usage_about[] =
    "Without a command, copies lines from standard input to standard output and counts them, so "
    "that a place in a pipeline can be watched.\n"
    "The commands read what all stages that run, or have run, leave: their numbers and spans.";

const struct options_command usage_commands[] = {
    [USAGE_PRINT] = {"print", "[--format prometheus|openmetrics|json] [-w D] [--all-users]",
	"print the numbers once"},
    [USAGE_SERVE] = {"serve",
	"[--web.listen-address HOST:PORT] ... [--web.telemetry-path PATH] [--all-users]",
	"answer the scrapes of Prometheus, and show a page of the pipelines"},
    [USAGE_SHIP] = {"ship",
	"[--endpoint URL] [--once] [--interval D] [--grace D] [-v] [FILE ... | -- command [arg "
	"...]]",
	"post the spans of stages to a collector of OpenTelemetry"},
    [USAGE_TEXTFILE] = {"textfile", "[--interval D] [--once] [--all-users] DIR",
	"keep DIR/pchan.prom up to date for the textfile collector of node_exporter"},
    [USAGE_TOP] = {"top", "[-i D] [-w D] [-n N] [--pipeline NAME] [--json] [--all-users]",
	"show the pipelines that run, and which part holds each of them up"},
    [USAGE_TRACE] = {"trace", "[TRACEID] [--slowest N] [--failed] [--json] [FILE ...]",
	"list the traces of records, and draw where their time went"},
    [USAGE_COMMANDS] = {0},
};

const struct option_habit usage_habits[] = {
    {"watch", "top"},
    {"live", "top"},
    {"show", "print"},
    {"dump", "print"},
    {"export", "textfile"},
    {"send", "ship"},
    {"push", "ship"},
    {"--url", "--endpoint"},
    {"server", "serve"},
    {"spans", "trace"},
    {"traces", "trace"},
    {"waterfall", "trace"},
    {"--limit", "--slowest"},
    {"--top", "--slowest"},
    {"--errors", "--failed"},
    {"-o", "--format"},
    {"--output", "--format"},
    {"--port", "--web.listen-address"},
    {"--listen", "--web.listen-address"},
    {"--all", "--all-users"},
    {0},
};

static const struct options_command *
find_command(const char *name)
{
	const struct options_command *c = usage_commands;

	while (strcmp(c->name, name) != 0)
		c++;
	return c;
}

int
usage_parse(int argc, char **argv, const struct option_row *rows, const struct option_rule *rules,
    enum operand_kind operand)
{
	const struct options_tool tool = {.name = "pmetrics",
	    .rows = rows,
	    .rules = rules,
	    .habits = usage_habits,
	    .command = find_command(argv[0]),
	    .operands = operand == OPERAND_FILE_COMMAND ? "a FILE" : "an operand",
	    .operand = operand};
	struct options opt = {0};
	bool files = operand == OPERAND_FILE || operand == OPERAND_FILE_COMMAND;
	int most = operand == OPERAND_NONE ? 0 : files ? argc : 1;
	int operands = cli_parse(&opt, argc, argv, &tool);

	if (argc - operands > most)
		errx(2, "%s: unexpected operand %s", argv[0], argv[operands + most]);
	return operands;
}

unsigned
usage_look(const char *command, bool all_users)
{
	if (all_users && geteuid() != 0)
		errx(2, "%s: --all-users: only root may see the stages of other users", command);
	return LOOK_FOLD | (all_users ? LOOK_ALL_USERS : 0);
}

void
usage_warn_off(const char *command, unsigned how)
{
	struct rundir_list list;

	if ((how & LOOK_ALL_USERS) != 0)
		return;
	if (rundir_list(&list) == -1)
		err(2, "%s", command);
	if (list.off)
		warnx("%s: $PCHAN_METRICS is off, so no stage will be found", command);
	rundir_list_free(&list);
}
