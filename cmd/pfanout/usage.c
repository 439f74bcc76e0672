#include "usage.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pfanout.h"
#include "arguments.h"
#include "stage/cli.h"
#include "base/units.h"
#include "base/version.h"

#define JOBS_MAX 100000
#define ATTEMPTS_MAX 1000000

enum {
	OPTION_BACKOFF = OPTIONS_TOOL,
	OPTION_WINDOW,
	OPTION_MATCH,
	OPTION_MAX_FAILED,
};

static const char letters[] = "j:kt:a:xF";

static const struct option words[] = {
    {"jobs", required_argument, NULL, 'j'},
    {"keep-order", no_argument, NULL, 'k'},
    {"timeout", required_argument, NULL, 't'},
    {"attempts", required_argument, NULL, 'a'},
    {"exec", no_argument, NULL, 'x'},
    {"filter", no_argument, NULL, 'F'},
    {"backoff", required_argument, NULL, OPTION_BACKOFF},
    {"window", required_argument, NULL, OPTION_WINDOW},
    {"match", required_argument, NULL, OPTION_MATCH},
    {"max-failed", required_argument, NULL, OPTION_MAX_FAILED},
    {0},
};

static const char help[] =
    "usage: pfanout [-j N] [-k] [-t D] [-a N] [options] [--] [command [arg ...]]\n"
    "       pfanout -x [-j N] [-k] [-t D] [-a N] [options] [--] command [arg ...]\n"
    "       pfanout -F [-j N] [options] [--] command [arg ...]\n"
    "\n"
    "Spreads the lines of its input, JSON records, over workers and gathers their answers.\n"
    "\n"
    "With a command, each worker keeps one running: a line in, a line out.  An empty line drops "
    "the\n"
    "record, !message rejects it.  Without one, records that are valid JSON pass.\n"
    "\n"
    "  -x, --exec             run the command once per record: {} the record, {.path} a value in "
    "it,\n"
    "                         {#} its number, {%} the worker's slot; what it prints is the result\n"
    "  -F, --filter           the command is a filter: it may drop, add or hold lines\n"
    "  -j, --jobs N           workers (default: one per processor)\n"
    "  -k, --keep-order       results in the order of the input\n"
    "  -t, --timeout D        limit of an attempt, e.g. 2s\n"
    "  -a, --attempts N       attempts at a record in all (default 1)\n"
    "      --backoff D[,MAX]  wait before the second attempt, doubled each time (default "
    "100ms,30s)\n"
    "      --window N         records given to a worker ahead of its answers (default: it adapts)\n"
    "      --match PATH       an answer must carry the record's own value at PATH\n"
    "      --max-failed N     stop when N records have failed\n"
    "  -n, --name STAGE       the stage's name (default: the command's)\n"
    "  -b, --buffer N         records between the reader and the workers (default "
    "1024)\n" OPTIONS_HELP;

static int
take_backoff(struct pfanout *pf, const char *value, const char **why)
{
	char first[64];
	const char *comma = strchr(value, ',');
	size_t len = comma != NULL ? (size_t)(comma - value) : strlen(value);

	if (len >= sizeof(first)) {
		*why = "a duration such as 100ms, or two: 100ms,30s";
		return -1;
	}
	memcpy(first, value, len);
	first[len] = '\0';
	if (units_duration(first, &pf->backoff_first, why) == -1)
		return -1;
	if (comma != NULL && units_duration(comma + 1, &pf->backoff_most, why) == -1)
		return -1;
	if (pf->backoff_most < pf->backoff_first) {
		if (comma != NULL) {
			*why = "the first wait not to be longer than the longest";
			return -1;
		}
		pf->backoff_most = pf->backoff_first;
	}
	return 0;
}

static int
take_number(int64_t *n, const char *value, int64_t max, const char **why)
{
	return units_number(value, 1, max, n, why);
}

static int
take(void *arg, int option, const char *value, const char **why)
{
	struct pfanout *pf = arg;
	int64_t n = 0;
	int error = 0;

	switch (option) {
	case 'j':
		error = take_number(&n, value, JOBS_MAX, why);
		pf->jobs = (unsigned)n;
		break;
	case 'a':
		error = take_number(&n, value, ATTEMPTS_MAX, why);
		pf->attempts = (uint32_t)n;
		break;
	case OPTION_WINDOW:
		error = take_number(&n, value, 1 << 20, why);
		pf->window = (size_t)n;
		break;
	case OPTION_MAX_FAILED:
		error = take_number(&n, value, INT64_MAX, why);
		pf->max_failed = (uint64_t)n;
		break;
	case 't':
		if ((error = units_duration(value, &pf->timeout, why)) == 0 && pf->timeout == 0) {
			*why = "a duration above 0";
			error = -1;
		}
		break;
	case OPTION_BACKOFF:
		error = take_backoff(pf, value, why);
		pf->backoff_given = true;
		break;
	case OPTION_MATCH:
		error = options_path(&pf->match, value, why);
		break;
	case 'k':
		pf->keep_order = true;
		break;
	case 'x':
		pf->exec = true;
		break;
	case 'F':
		pf->filter = true;
		break;
	}
	return error;
}

/* Options that make no sense together, or without a command. */
static void
check_combination(const struct pfanout *pf)
{
	bool command = pf->argv[0] != NULL;
	bool retries = pf->attempts != 1 || pf->backoff_given;
	const char *mapping = pf->match != NULL ? "--match" : pf->window != 0 ? "--window" : NULL;

	if (pf->exec && pf->filter)
		errx(2, "-x and -F don't go together");
	if ((pf->exec || pf->filter) && !command)
		errx(2, "%s needs a command", pf->exec ? "-x" : "-F");
	if (pf->filter && pf->keep_order)
		errx(2, "-k does not go with -F: a filter's lines have no order to keep");
	if (pf->filter && (pf->timeout != CLOCK_NEVER || retries))
		errx(2, "%s does not go with -F: a filter's records have no attempts",
		    pf->timeout != CLOCK_NEVER ? "-t"
			: pf->attempts != 1    ? "-a"
					       : "--backoff");
	if (!command && (pf->timeout != CLOCK_NEVER || retries || mapping != NULL))
		errx(2, "%s needs a command",
		    pf->timeout != CLOCK_NEVER ? "-t"
			: pf->attempts != 1    ? "-a"
			: retries              ? "--backoff"
					       : mapping);
	if (mapping != NULL && (pf->exec || pf->filter))
		errx(2, "%s does not go with %s", mapping, pf->exec ? "-x" : "-F");
	if (command && *pf->argv[0] == '\0')
		errx(2, "the command is empty");
}

static enum mode
mode_of(const struct pfanout *pf)
{
	if (pf->exec)
		return MODE_EXEC;
	if (pf->filter)
		return MODE_FILTER;
	return pf->argv[0] != NULL ? MODE_MAP : MODE_CHECK;
}

static void
parse_arguments(struct pfanout *pf)
{
	const char *why, *bad;

	if (pf->mode == MODE_EXEC && (pf->arguments = arguments_new(pf->argv, &why, &bad)) == NULL)
		errx(2, "argument %s: %s", bad, why);
}

void
usage_parse(struct pfanout *pf, int argc, char **argv)
{
	struct options_tool tool = {.letters = letters, .words = words, .take = take, .arg = pf};
	int operands;

	pf->jobs = pf->processors;
	pf->timeout = CLOCK_NEVER;
	pf->attempts = 1;
	pf->backoff_first = 100 * CLOCK_MS;
	pf->backoff_most = 30 * CLOCK_S;
	if ((operands = options_parse(&pf->opt, argc, argv, &tool)) == -1)
		errx(2, "%s", pf->opt.error);
	if (pf->opt.help)
		cli_print(help);
	if (pf->opt.version)
		cli_print("pfanout " PCHAN_VERSION "\n");
	pf->argv = argv + operands;
	check_combination(pf);
	pf->mode = mode_of(pf);
	parse_arguments(pf);
}
