#include "usage.h"

#include <err.h>

#include "base/clock.h"
#include "pfanin.h"
#include "stage/cli.h"

static const char usage[] =
    "[--round-robin | --concat | --merge PATH [--idle-timeout D]] [--follow [--from-end]] "
    "[--state FILE [--window N]] [--tag NAME] [--keep-open] [options] [input ...]";

static const char about[] =
    "Merges its inputs into one stream of lines, as they arrive.  An input is a file, a FIFO, "
    "fd:N, the URL of an engine (pchan-engines(7)), or - for standard input, which is also the "
    "default.";

/* Of tail(1), sort(1) and cat(1). */
static const struct option_habit habits[] = {
    {"-f", "--follow"},
    {"-F", "--follow"},
    {"-m", "--merge"},
    {"-k", "--merge"},
    {"--key", "--merge"},
    {"--sort", "--merge"},
    {"--label", "--tag"},
    {"--timeout", "--idle-timeout"},
    {0},
};

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
	    {0, "round-robin", NULL, "take one record of each input in turn", OPTION_FLAG,
		OPTION_FIELD(pi->round_robin)},
	    {0, "concat", NULL, "one input after the other, as cat does", OPTION_FLAG,
		OPTION_FIELD(pi->concat)},
	    {0, "merge", "PATH",
		"merge inputs that are sorted by the value at PATH, such as .time: numbers, or "
		"strings by their bytes",
		OPTION_PATH, OPTION_FIELD(pi->merge)},
	    {0, "idle-timeout", "D",
		"leave a silent input out of the merge after D (default: wait for it)",
		OPTION_DURATION, OPTION_FIELD(pi->idle_timeout), .min = 1},
	    {0, "follow", NULL,
		"go on at the end of files, as tail -F does; an input may be a quoted pattern",
		OPTION_FLAG, OPTION_FIELD(pi->follow_files)},
	    {0, "from-end", NULL, "with --follow, leave out what is there at the start",
		OPTION_FLAG, OPTION_FIELD(pi->from_end)},
	    {0, "state", "FILE",
		"go on where the records were finished, by the whole pipeline, in the run before",
		OPTION_TEXT, OPTION_FIELD(pi->state)},
	    {0, "window", "N",
		"with --state, or a URL: records on their way at most (default 10000)",
		OPTION_NUMBER, OPTION_FIELD(pi->window), .min = 1, .max = 1 << 24},
	    {0, "tag", "NAME", "add the input's name to each record, as member NAME", OPTION_TEXT,
		OPTION_FIELD(pi->tag)},
	    {0, "keep-open", NULL, "read a FIFO on after its writers have left, until SIGTERM",
		OPTION_FLAG, OPTION_FIELD(pi->keep_open)},
	    {0},
	};
	const struct options_tool tool = {.name = "pfanin",
	    .usage = usage,
	    .about = about,
	    .rows = rows,
	    .rules = rules,
	    .habits = habits,
	    .operands = "an input",
	    .operand = OPERAND_FILE};

	*pi = (struct pfanin){.idle_timeout = CLOCK_NEVER};
	pi->operands = argv + cli_parse(&pi->opt, argc, argv, &tool);
	pi->order = order_of(pi);
	if (pi->merge == NULL && pi->tag == NULL)
		pi->opt.raw = true; /* lines are moved, not parsed */
}
