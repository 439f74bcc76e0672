#include "usage.h"

#include <err.h>

#include "base/clock.h"
#include "pfanin.h"
#include "stage/cli.h"

#define DEFAULT_WINDOW 10000

static const char help[] =
    "usage: pfanin [--round-robin | --concat | --merge PATH [--idle-timeout D]]\n"
    "              [--follow [--from-end]] [--state FILE [--window N]] [--tag NAME]\n"
    "              [--keep-open] [options] [input ...]\n"
    "\n"
    "Merges its inputs into one stream of lines, as they arrive.  An input is a\n"
    "file, a FIFO, fd:N, or - for standard input, which is also the default.\n"
    "\n"
    "      --round-robin      take one record of each input in turn\n"
    "      --concat           one input after the other, as cat does\n"
    "      --merge PATH       merge inputs that are sorted by the value at PATH, such\n"
    "                         as .time: numbers, or strings by their bytes\n"
    "      --idle-timeout D   leave a silent input out of the merge after D (default:\n"
    "                         wait for it)\n"
    "      --follow           files and quoted patterns: go on at the end, as tail -F\n"
    "      --from-end         with --follow, leave out what is there at the start\n"
    "      --state FILE       go on where the records were finished, by the whole\n"
    "                         pipeline, in the run before\n"
    "      --window N         with --state: records on their way at most (default\n"
    "                         10000)\n"
    "      --tag NAME         add the input's name to each record, as member NAME\n"
    "      --keep-open        read a FIFO on after its writers have left, until\n"
    "                         SIGTERM\n"
    "  -n, --name STAGE       name of the stage (default: pfanin)\n"
    "  -b, --buffer N         capacity of each channel, in records (default 1024)\n"
    "  -d, --dead-letter FILE append dead letters to FILE instead of the output\n"
    "  -R, --raw              records are plain lines, not JSON\n"
    "      --no-bypass        treat dead letters in the input as data\n";

static const struct option_rule rules[] = {
    {"--round-robin", OPTION_EXCLUDES, "--concat", NULL},
    {"--round-robin", OPTION_EXCLUDES, "--merge", NULL},
    {"--concat", OPTION_EXCLUDES, "--merge", NULL},
    {"--idle-timeout", OPTION_NEEDS, "--merge", NULL},
    {"--keep-open", OPTION_EXCLUDES, "--concat", "the next input's turn would never come"},
    {"--keep-open", OPTION_NEEDS, "an input", "it is for FIFOs that are named"},
    {"--follow", OPTION_EXCLUDES, "--concat", "a file that is followed does not end"},
    {"--follow", OPTION_EXCLUDES, "--round-robin", "a silent file would hold up the others"},
    {"--follow", OPTION_NEEDS, "an input", "it is for files that are named"},
    {"--from-end", OPTION_NEEDS, "--follow", NULL},
    {"--window", OPTION_NEEDS, "--state", NULL},
    {"--state", OPTION_EXCLUDES, "--keep-open", "what comes out of a FIFO cannot be read again"},
    {0},
};

static enum order
order_of(const struct pfanin *pi)
{
	if (pi->round_robin)
		return ORDER_ROUND_ROBIN;
	if (pi->concat)
		return ORDER_CONCAT;
	return pi->merge != NULL ? ORDER_MERGE : ORDER_ARRIVAL;
}

void
usage_parse(struct pfanin *pi, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {0, "round-robin", OPTION_FLAG, OPTION_FIELD(pi->round_robin)},
	    {0, "concat", OPTION_FLAG, OPTION_FIELD(pi->concat)},
	    {0, "merge", OPTION_PATH, OPTION_FIELD(pi->merge)},
	    {0, "idle-timeout", OPTION_DURATION, OPTION_FIELD(pi->idle_timeout), .min = 1},
	    {0, "tag", OPTION_TEXT, OPTION_FIELD(pi->tag)},
	    {0, "keep-open", OPTION_FLAG, OPTION_FIELD(pi->keep_open)},
	    {0, "follow", OPTION_FLAG, OPTION_FIELD(pi->follow_files)},
	    {0, "from-end", OPTION_FLAG, OPTION_FIELD(pi->from_end)},
	    {0, "state", OPTION_TEXT, OPTION_FIELD(pi->state)},
	    {0, "window", OPTION_NUMBER, OPTION_FIELD(pi->window), .min = 1, .max = 1 << 24},
	    {0},
	};
	const struct options_tool tool = {.name = "pfanin",
	    .help = help,
	    .rows = rows,
	    .rules = rules,
	    .operands = "an input",
	    .files = true};

	*pi = (struct pfanin){.idle_timeout = CLOCK_NEVER, .window = DEFAULT_WINDOW};
	pi->operands = argv + cli_parse(&pi->opt, argc, argv, &tool);
	pi->order = order_of(pi);
	/* A mark can be sent without waiting if the channel has room. */
	if (pi->state != NULL && pi->opt.buffer == 0)
		pi->opt.buffer = 1;
	pi->plain = pi->opt.raw;
	if (pi->merge == NULL && pi->tag == NULL)
		pi->opt.raw = true; /* lines are moved, not parsed */
}
