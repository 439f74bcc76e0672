#include "usage.h"

#include <err.h>
#include <unistd.h>

#include "metrics/look.h"
#include "metrics/rundir.h"
#include "stage/cli.h"
#include "stage/options.h"

const char usage_help[] =
    "usage: pmetrics [-n STAGE] [options]\n"
    "       pmetrics print [--format prometheus|openmetrics|json] [-w D]\n"
    "                [--all-users]\n"
    "       pmetrics serve [--web.listen-address HOST:PORT] ...\n"
    "                [--web.telemetry-path PATH] [--all-users]\n"
    "       pmetrics textfile [--interval D] [--once] [--all-users] DIR\n"
    "       pmetrics top [-i D] [-w D] [-n N] [--pipeline NAME] [--json]\n"
    "                [--all-users]\n"
    "\n"
    "Without a command, copies lines from standard input to standard output and\n"
    "counts them, so that a place in a pipeline can be watched.\n"
    "\n"
    "The commands read the numbers of all stages that run, or have run.  print\n"
    "prints them once, serve answers the scrapes of Prometheus, textfile keeps\n"
    "DIR/pchan.prom up to date for the textfile collector of node_exporter.  top\n"
    "shows the pipelines that run, and which part holds each of them up: on the\n"
    "screen, or as lines where standard output is none.\n"
    "\n"
    "Options of the commands:\n"
    "\n"
    "      --format FORMAT    prometheus (text, version 0.0.4: the default),\n"
    "                         openmetrics or json\n"
    "  -w, --window D         with json: watch for D, from 1s to 60s (default 3s);\n"
    "                         with 0 there are totals only, at once\n"
    "      --web.listen-address HOST:PORT\n"
    "                         where to listen (default 127.0.0.1:9464); :9464 is all\n"
    "                         addresses; may be given several times\n"
    "      --web.telemetry-path PATH\n"
    "                         where the metrics are (default /metrics)\n"
    "      --interval D       time between two files (default 15s)\n"
    "      --once             write the file once\n"
    "      --all-users        the stages of all users (for root)\n"
    "\n"
    "Options of top:\n"
    "\n"
    "  -i, --interval D       time between two looks, from 100ms (default 1s)\n"
    "  -w, --window D         rates and the verdict are those of the last D, from 3s\n"
    "                         to 1m (default 10s)\n"
    "  -n, --count N          print N looks as lines, and end\n"
    "      --pipeline NAME    only the pipelines of this name\n"
    "      --json             each look as a line of JSON\n"
    "\n"
    "Options without a command:\n"
    "\n"
    "  -n, --name STAGE       name of the stage (default: pmetrics)\n"
    "  -b, --buffer N         capacity of the channel, in records (default 1024)\n"
    "      --no-bypass        treat dead letters in the input as data\n";

int
usage_parse(
    int argc, char **argv, const struct option_row *rows, const struct option_rule *rules, int most)
{
	const struct options_tool tool = {.name = "pmetrics",
	    .help = usage_help,
	    .rows = rows,
	    .rules = rules,
	    .command = argv[0],
	    .operands = "an operand"};
	struct options opt = {0};
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
