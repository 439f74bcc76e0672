#include "usage.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "base/clock.h"
#include "base/units.h"
#include "pfanout.h"
#include "stage/cli.h"
#include "template.h"

#define JOBS_MAX 100000
#define ATTEMPTS_MAX 1000000
#define WINDOW_MAX (1 << 20)
#define BATCH_MAX (1 << 20)

static const char help[] =
    "usage: pfanout [-j N] [-k] [-t D] [-a N] [options] [--] [command [arg ...]]\n"
    "       pfanout -x [-j N] [-k] [-t D] [-a N] [options] [--] command [arg ...]\n"
    "       pfanout -F [-j N] [options] [--] command [arg ...]\n"
    "       pfanout --to FILE [--to FILE ...] [--by POLICY] [--key PATH] [options]\n"
    "\n"
    "Spreads the lines of its input, JSON records, over workers and gathers their\n"
    "answers.\n"
    "\n"
    "Each worker keeps one command running: a line in, a line out.  An empty line\n"
    "drops the record, !message rejects it.  Without a command, records that are\n"
    "valid JSON pass.\n"
    "\n"
    "  -x, --exec             run the command once per record: {} is the record,\n"
    "                         {.path} a value in it, {#} its number, {%} the worker's\n"
    "                         slot; the command's output is the result\n"
    "      --batch N[,D]      run the command once per N records, which are on its\n"
    "                         standard input (-x); wait no longer than D for them\n"
    "                         (default 1s); {#} is the batch's number, {n} its size;\n"
    "                         one that fails is halved to find the record to blame\n"
    "      --no-bisect        do not halve a batch: all its records have failed\n"
    "  -F, --filter           the command is a filter: it may drop, add or hold lines\n"
    "  -j, --jobs N           workers (default: one per processor)\n"
    "  -k, --keep-order       write the results in the order of the input\n"
    "  -t, --timeout D        time limit of an attempt, such as 2s\n"
    "      --start-timeout D  time limit for a child to begin to read (default 30s)\n"
    "  -a, --attempts N       attempts per record (default 1)\n"
    "      --backoff D[,MAX]  wait before the second attempt; doubles with each\n"
    "                         attempt, up to MAX (default 100ms,30s)\n"
    "      --window N         records given to a worker ahead of its answers\n"
    "                         (default: adapts)\n"
    "      --unbuffered       ask the command to write each answer at once\n"
    "      --match PATH       an answer must carry the record's own value at PATH\n"
    "      --max-failed N     stop when N records have failed\n"
    "      --ok-status LIST   exit statuses of the command that are no failure,\n"
    "                         such as 1,3 (-x, -F)\n"
    "      --to FILE          no workers: write the records to FILE, a FIFO or a file\n"
    "                         (- is standard output), and only dead letters to\n"
    "                         standard output; may be given many times\n"
    "      --by POLICY        which FILE: ready (default), round-robin, key, copy\n"
    "      --key PATH         records with the same value at PATH go to the same FILE\n"
    "  -n, --name STAGE       name of the stage (default: the command's)\n"
    "  -b, --buffer N         records read ahead of the workers (default 1024)\n"
    "  -d, --dead-letter FILE append dead letters to FILE instead of the output\n"
    "  -R, --raw              records are plain lines, not JSON\n"
    "      --no-bypass        treat dead letters in the input as data\n";

static const struct option_rule rules[] = {
    {"--to", OPTION_EXCLUDES, "a command", NULL},
    {"--to", OPTION_EXCLUDES, "-x", NULL},
    {"--to", OPTION_EXCLUDES, "-F", NULL},
    {"--to", OPTION_EXCLUDES, "-j", "there are no workers"},
    {"--to", OPTION_EXCLUDES, "-k", "each output has its records in the order of the input"},
    {"--by", OPTION_NEEDS, "--to", NULL},
    {"--key", OPTION_NEEDS, "--to", NULL},
    {"-x", OPTION_EXCLUDES, "-F", NULL},
    {"-x", OPTION_NEEDS, "a command", NULL},
    {"-F", OPTION_NEEDS, "a command", NULL},
    {"-k", OPTION_EXCLUDES, "-F", "a filter's lines have no order to keep"},
    {"-t", OPTION_EXCLUDES, "-F", "a filter's records have no attempts"},
    {"-a", OPTION_EXCLUDES, "-F", "a filter's records have no attempts"},
    {"--backoff", OPTION_EXCLUDES, "-F", "a filter's records have no attempts"},
    {"--start-timeout", OPTION_EXCLUDES, "-F", "a filter's records have no attempts"},
    {"--start-timeout", OPTION_EXCLUDES, "-x", "-t includes the start of the command"},
    {"--match", OPTION_EXCLUDES, "-F", "a filter's lines are no answers to records"},
    {"--match", OPTION_EXCLUDES, "-x", "what the command prints is the result, unchecked"},
    {"--window", OPTION_EXCLUDES, "-F", "a filter takes as many records as it reads"},
    {"--window", OPTION_EXCLUDES, "-x", "a command gets one record, or with --batch several"},
    {"--unbuffered", OPTION_NEEDS, "a command", NULL},
    {"--unbuffered", OPTION_EXCLUDES, "-x", "its output is read to the end anyway"},
    {"--batch", OPTION_NEEDS, "-x", "a batch is the input of one process"},
    {"--no-bisect", OPTION_NEEDS, "--batch", NULL},
    {"-t", OPTION_NEEDS, "a command", NULL},
    {"-a", OPTION_NEEDS, "a command", NULL},
    {"--backoff", OPTION_NEEDS, "a command", NULL},
    {"--match", OPTION_NEEDS, "a command", NULL},
    {"--window", OPTION_NEEDS, "a command", NULL},
    {"--start-timeout", OPTION_NEEDS, "-t", "without it there is no limit"},
    {0},
};

/* The text before the comma, if that fits.  *comma is NULL without a comma. */
static bool
split_pair(const char *value, char *first, size_t size, const char **comma)
{
	size_t len = strcspn(value, ",");

	if (len >= size)
		return false;
	memcpy(first, value, len);
	first[len] = '\0';
	*comma = value[len] == ',' ? value + len : NULL;
	return true;
}

/* N or N,D. */
static int
parse_batch(void *field, const char *value, const char **why)
{
	struct pfanout *pf = field;
	const char *comma;
	char first[64];
	int64_t n;

	*why = "a number of records such as 100, or also a duration: 100,1s";
	if (!split_pair(value, first, sizeof(first), &comma) ||
	    units_number(first, 1, BATCH_MAX, &n, why) == -1 ||
	    (comma != NULL && units_duration(comma + 1, &pf->batch_wait, why) == -1))
		return -1;
	pf->batch = (size_t)n;
	return 0;
}

/* D or D,MAX. */
static int
parse_backoff(void *field, const char *value, const char **why)
{
	struct pfanout *pf = field;
	const char *comma;
	char first[64];

	*why = "a duration such as 100ms, or two: 100ms,30s";
	if (!split_pair(value, first, sizeof(first), &comma) ||
	    units_duration(first, &pf->backoff_first, why) == -1 ||
	    (comma != NULL && units_duration(comma + 1, &pf->backoff_most, why) == -1))
		return -1;
	*why = "a first wait no longer than the longest";
	if (comma == NULL && pf->backoff_most < pf->backoff_first)
		pf->backoff_most = pf->backoff_first;
	return pf->backoff_most < pf->backoff_first ? -1 : 0;
}

/* N[,N]...: the exit statuses that are no failure, besides 0. */
static int
parse_ok_status(void *field, const char *value, const char **why)
{
	struct pfanout *pf = field;
	char *end;

	*why = "exit statuses from 1 to 255, such as 1 or 1,3";
	pf->lists_ok = true;
	memset(pf->ok_status, 0, sizeof(pf->ok_status));
	pf->ok_status[0] = true;
	for (const char *at = value;; at = end + 1) {
		unsigned long status;

		if (*at < '0' || *at > '9')
			return -1;
		status = strtoul(at, &end, 10);
		if (status < 1 || status > 255)
			return -1;
		pf->ok_status[status] = true;
		if (*end == '\0')
			return 0;
		if (*end != ',')
			return -1;
	}
}

static int
parse_to(void *field, const char *value, const char **why)
{
	struct spread *s = field;
	struct name_template **to = reallocarray(s->to, s->n + 1, sizeof(struct name_template *));
	const char **paths = reallocarray(s->paths, s->n + 1, sizeof(*paths)), *path;

	*why = NULL;
	if (to != NULL)
		s->to = to;
	if (paths != NULL)
		s->paths = paths;
	if (to == NULL || paths == NULL)
		return -1;
	*why = "a file name, or - for standard output";
	if (*value == '\0' || (to[s->n] = template_new(value, why)) == NULL)
		return -1;
	path = template_path(to[s->n]);
	s->has_template = s->has_template || path == NULL;
	s->paths[s->n++] = path != NULL ? path : value;
	return 0;
}

/* What --by and --key say together. */
static void
settle_policy(struct spread *s)
{
	if (s->has_template) {
		if (s->n > 1 || s->by != BY_DEFAULT || s->key != NULL)
			errx(2,
			    "--to with a {.path} goes alone, without --to, --by and --key: "
			    "the path says which file a record goes to");
		s->by = BY_NAME;
		return;
	}
	if (s->by == BY_DEFAULT)
		s->by = s->key != NULL ? BY_KEY : BY_READY;
	if (s->by == BY_KEY && s->key == NULL)
		errx(2, "--by key needs --key");
	if (s->by != BY_KEY && s->key != NULL)
		errx(2, "--key needs --by key");
}

static enum mode
mode_of(const struct pfanout *pf)
{
	if (pf->spread.n > 0)
		return MODE_SPREAD;
	if (pf->exec)
		return MODE_EXEC;
	if (pf->filter)
		return MODE_FILTER;
	return pf->argv[0] != NULL ? MODE_MAP : MODE_CHECK;
}

void
usage_parse(struct pfanout *pf, int argc, char **argv)
{
	static const char *const policies[] = {"ready", "round-robin", "key", "copy", NULL};
	const struct option_row rows[] = {
	    {'x', "exec", OPTION_FLAG, OPTION_FIELD(pf->exec)},
	    {'F', "filter", OPTION_FLAG, OPTION_FIELD(pf->filter)},
	    {'j', "jobs", OPTION_NUMBER, OPTION_FIELD(pf->jobs), 1, JOBS_MAX},
	    {'k', "keep-order", OPTION_FLAG, OPTION_FIELD(pf->keep_order)},
	    {'t', "timeout", OPTION_DURATION, OPTION_FIELD(pf->timeout), .min = 1},
	    {0, "start-timeout", OPTION_DURATION, OPTION_FIELD(pf->start_timeout), .min = 1},
	    {'a', "attempts", OPTION_NUMBER, OPTION_FIELD(pf->attempts), 1, ATTEMPTS_MAX},
	    {0, "backoff", OPTION_FUNCTION, .field = pf, .parse = parse_backoff},
	    {0, "batch", OPTION_FUNCTION, .field = pf, .parse = parse_batch},
	    {0, "no-bisect", OPTION_FLAG, OPTION_FIELD(pf->no_bisect)},
	    {0, "window", OPTION_NUMBER, OPTION_FIELD(pf->window), 1, WINDOW_MAX},
	    {0, "unbuffered", OPTION_FLAG, OPTION_FIELD(pf->unbuffered)},
	    {0, "match", OPTION_PATH, OPTION_FIELD(pf->match)},
	    {0, "max-failed", OPTION_NUMBER, OPTION_FIELD(pf->max_failed), 1, INT64_MAX},
	    {0, "ok-status", OPTION_FUNCTION, .field = pf, .parse = parse_ok_status},
	    {0, "to", OPTION_FUNCTION, .field = &pf->spread, .parse = parse_to},
	    {0, "by", OPTION_CHOICE, OPTION_FIELD(pf->spread.by), .names = policies},
	    {0, "key", OPTION_PATH, OPTION_FIELD(pf->spread.key)},
	    {0},
	};
	const struct options_tool tool = {
	    .name = "pfanout", .help = help, .rows = rows, .rules = rules, .operands = "a command"};
	const char *why, *bad;
	unsigned how;

	pf->jobs = pf->processors;
	pf->timeout = CLOCK_NEVER;
	pf->start_timeout = 30 * CLOCK_S;
	pf->attempts = 1;
	pf->backoff_first = 100 * CLOCK_MS;
	pf->backoff_most = 30 * CLOCK_S;
	pf->batch_wait = CLOCK_S;
	pf->ok_status[0] = true;
	pf->spread.by = BY_DEFAULT;
	pf->argv = argv + cli_parse(&pf->opt, argc, argv, &tool);
	if (pf->argv[0] != NULL && *pf->argv[0] == '\0')
		errx(2, "the command is empty");
	pf->mode = mode_of(pf);
	settle_policy(&pf->spread);
	if (pf->lists_ok && pf->mode != MODE_EXEC && pf->mode != MODE_FILTER)
		errx(2, "--ok-status needs -x or -F");
	how = (pf->opt.raw ? ARGUMENTS_RAW : 0) | (pf->batch > 0 ? ARGUMENTS_BATCH : 0);
	if (pf->exec && (pf->arguments = arguments_new(pf->argv, how, &why, &bad)) == NULL)
		errx(2, "argument %s: %s", bad, why);
}
