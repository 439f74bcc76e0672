#include "usage.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "base/clock.h"
#include "base/units.h"
#include "engine/control.h"
#include "engine/helper.h"
#include "engine/url.h"
#include "pfanout.h"
#include "stage/cli.h"
#include "template.h"

#define JOBS_MAX 100000
#define ATTEMPTS_MAX 1000000
#define WINDOW_MAX (1 << 20)
#define BATCH_MAX (1 << 20)
/* An engine answers late, and is quick with many records at once. */
#define ENGINE_WINDOW 8192

static const char usage[] = "[-j N] [-k] [-t D] [-a N] [options] [--] [command [arg ...]]\n"
			    "-x [-j N] [-k] [-t D] [-a N] [options] [--] command [arg ...]\n"
			    "-F [-j N] [options] [--] command [arg ...]\n"
			    "--to FILE [--to FILE ...] [--by POLICY] [--key PATH] [options]\n"
			    "--to URL [-j N] [-a N] [-t D] [options]";

static const char about[] =
    "Spreads the lines of its input, JSON records, over workers and gathers their answers.\n"
    "Each worker keeps one command running: a line in, a line out.  An empty line drops the "
    "record, !message rejects it, ?message asks for another attempt (-a).  Without a command, "
    "records that are valid JSON pass.";

#define NO_ATTEMPTS "the rate is of attempts; for records: pratelimit -r RATE | pfanout ..."

/* Of xargs(1), GNU parallel(1), and libraries for retries. */
static const struct option_habit habits[] = {
    {"-P", "-j"},
    {"--max-procs", "-j"},
    {"--workers", "-j"},
    {"--threads", "-j"},
    {"--parallel", "-j"},
    {"--concurrency", "-j"},
    {"-I", "-x"},
    {"--replace", "-x"},
    {"-L", "--batch"},
    {"--max-lines", "--batch"},
    {"-N", "--batch"},
    {"--max-args", "--batch"},
    {"--pipe", "-F"},
    {"--retries", "-a"},
    {"--retry", "-a"},
    {"--max-attempts", "-a"},
    {"--delay", "--rate"},
    {"--ordered", "-k"},
    {"--order", "-k"},
    {"--halt", "--max-failed"},
    {"--joblog", "-d"},
    {"--bar", "-P"},
    {"--eta", "-P"},
    {"-0", "-R"},
    {"--null", "-R"},
    {"-u", "--unbuffered"},
    {"--line-buffered", "--unbuffered"},
    {0},
};

static const struct option_rule rules[] = {
    {"--to", OPTION_EXCLUDES, "a command", NULL},
    {"--to", OPTION_EXCLUDES, "-x", NULL},
    {"--to", OPTION_EXCLUDES, "-F", NULL},
    {"--to", OPTION_EXCLUDES, "-j", "there are no workers"},
    {"--to", OPTION_EXCLUDES, "-k", "each output has its records in the order of the input"},
    {"--by", OPTION_NEEDS, "--to", NULL},
    {"--key", OPTION_EXCLUDES, "-F",
	"filters have FIFOs: pfanout --to FIFO --to FIFO --by key --key PATH"},
    {"--key", OPTION_EXCLUDES, "--batch", "the records of a batch have many keys"},
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
    {"--retry-status", OPTION_NEEDS, "-x", "in map mode a worker answers ?message"},
    {"--reject-status", OPTION_NEEDS, "-x", "in map mode a worker answers !message"},
    {"-t", OPTION_NEEDS, "a command", NULL},
    {"-a", OPTION_NEEDS, "a command", NULL},
    {"--backoff", OPTION_NEEDS, "a command", NULL},
    {"--backoff", OPTION_NEEDS, "-a", "without it there is one attempt, and no wait"},
    {"--match", OPTION_NEEDS, "a command", NULL},
    {"--window", OPTION_NEEDS, "a command", NULL},
    {"--start-timeout", OPTION_NEEDS, "-t", "without it there is no limit"},
    {"--rate", OPTION_EXCLUDES, "-F", NO_ATTEMPTS},
    {"--rate", OPTION_EXCLUDES, "--to", NO_ATTEMPTS},
    {"--rate", OPTION_NEEDS, "a command", NO_ATTEMPTS},
    {"--shared", OPTION_NEEDS, "--rate", NULL},
    {"--raw-input", OPTION_EXCLUDES, "-R", "with that the answers are plain lines, too"},
    {"--raw-input", OPTION_EXCLUDES, "-x", "what the command prints is unchecked anyway: use -R"},
    {"--raw-input", OPTION_EXCLUDES, "-F", "what the filter prints is unchecked anyway: use -R"},
    {"--raw-input", OPTION_NEEDS, "a command", "it is to answer in JSON"},
    {0},
};

/* With --to URL the command is the engine's helper, a worker of map mode. */
static const struct option_rule engine_rules[] = {
    {"--to", OPTION_EXCLUDES, "a command", NULL},
    {"--to", OPTION_EXCLUDES, "-x", NULL},
    {"--to", OPTION_EXCLUDES, "-F", NULL},
    {"--to", OPTION_EXCLUDES, "--by", "the engine has all records"},
    {"--to", OPTION_EXCLUDES, "--batch", "the engine's helper makes batches itself"},
    {"--to", OPTION_EXCLUDES, "--match", "the engine's helper answers with empty lines"},
    {"--to", OPTION_EXCLUDES, "--window", "the engine's helper has a deep one"},
    {"--to", OPTION_EXCLUDES, "--unbuffered", "the engine's helper needs no help"},
    {"--to", OPTION_EXCLUDES, "--raw-input", "use -R"},
    {"--to", OPTION_EXCLUDES, "--start-timeout", "the engine's helper waits for its server"},
    {"--to", OPTION_EXCLUDES, "--no-bisect", "there are no batches"},
    {"--to", OPTION_EXCLUDES, "--retry-status", NULL},
    {"--to", OPTION_EXCLUDES, "--reject-status", NULL},
    {"--to", OPTION_EXCLUDES, "--ok-status", NULL},
    {"--shared", OPTION_NEEDS, "--rate", NULL},
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

/* N or P%; the last one counts. */
static int
parse_max_failed(void *field, const char *value, const char **why)
{
	struct pfanout *pf = field;
	uint32_t share = 0;
	int64_t n = 0;
	bool valid = strchr(value, '%') != NULL ? units_share(value, &share, why) == 0
						: units_number(value, 1, INT64_MAX, &n, why) == 0;

	*why = "a number of records of at least 1, or a share such as 5% (above 0%, below 100%)";
	if (!valid)
		return -1;
	pf->max_failed = (uint64_t)n;
	pf->max_share = share;
	pf->share_text = value;
	return 0;
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

static int
parse_exits(void *field, const char *value, const char **why)
{
	return exit_list_parse(field, value, why);
}

/* RATE[,BURST], as -r and -B of pratelimit have them. */
static int
parse_rate(void *field, const char *value, const char **why)
{
	struct pfanout *pf = field;
	struct rate *r = &pf->rate;
	const char *comma;
	char first[64];
	int64_t burst = 1;

	*why = "a rate such as 50/s, or also a burst: 50/s,10";
	if (!split_pair(value, first, sizeof(first), &comma) ||
	    units_rate(first, false, &r->amount, &r->per, why) == -1 ||
	    (comma != NULL && units_number(comma + 1, 1, BUCKET_BURST_MAX, &burst, why) == -1))
		return -1;
	r->burst = (uint64_t)burst;
	*why = "a burst that is earned within a lifetime";
	return bucket_is_sane(r) ? 0 : -1;
}

static int
parse_to(void *field, const char *value, const char **why)
{
	struct pfanout *pf = field;
	struct spread *s = &pf->spread;
	struct name_template **to = reallocarray(s->to, s->n + 1, sizeof(struct name_template *));
	const char **paths = reallocarray(s->paths, s->n + 1, sizeof(*paths)), *path;

	*why = NULL;
	if (to != NULL)
		s->to = to;
	if (paths != NULL)
		s->paths = paths;
	if (to == NULL || paths == NULL)
		return -1;
	*why = "alone if it is a URL; records for several: pfanout --to FIFO --to FIFO --by copy";
	if (pf->engine != NULL || (url_is(value) && s->n > 0))
		return -1;
	if (url_is(value)) {
		pf->engine = value;
		return 0;
	}
	*why = "a file name, a URL, or - for standard output";
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

/* --key is for the outputs, or for the workers. */
static void
settle_key(struct pfanout *pf)
{
	if (pf->mode == MODE_SPREAD) {
		pf->spread.key = pf->key;
		pf->key = NULL;
	} else if (pf->key != NULL && pf->mode == MODE_CHECK)
		errx(2, "--key needs a command or --to");
}

/* Whether the arguments have --to URL, which has rules of its own. */
static bool
names_engine(char **argv)
{
	for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
		const char *value = *argv + strlen("--to=");

		if (strcmp(*argv, "--to") == 0 && argv[1] != NULL && url_is(argv[1]))
			return true;
		if (strncmp(*argv, "--to=", strlen("--to=")) == 0 && url_is(value))
			return true;
	}
	return false;
}

/* The helper of the engine is the command. */
static void
settle_engine(struct pfanout *pf)
{
	static char *argv[3];
	char why[HELPER_WHY_SIZE], key[CONTROL_KEY_SIZE];

	if ((argv[0] = helper_find("to", pf->engine, why)) == NULL)
		errx(2, "%s", why);
	argv[1] = (char *)(uintptr_t)pf->engine;
	pf->argv = argv;
	pf->window = ENGINE_WINDOW;
	control_key(key, pf->prefix);
	if (setenv(CONTROL_VARIABLE, key, 1) == -1)
		err(2, NULL);
}

static enum mode
mode_of(const struct pfanout *pf)
{
	if (pf->engine != NULL)
		return MODE_MAP;
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
	    {'x', "exec", NULL,
		"run the command once per record: {} is the record, {.path} a value in it, {#} its "
		"number, {%} the worker's slot; the command's output is the result",
		OPTION_FLAG, OPTION_FIELD(pf->exec)},
	    {0, "batch", "N[,D]",
		"run the command once per N records, which are on its standard input (-x); wait no "
		"longer than D for them (default 1s); {#} is the batch's number, {n} its size; one "
		"that fails is halved to find the record to blame",
		OPTION_FUNCTION, .field = pf, .parse = parse_batch},
	    {0, "no-bisect", NULL, "do not halve a batch: all its records have failed", OPTION_FLAG,
		OPTION_FIELD(pf->no_bisect)},
	    {'F', "filter", NULL, "the command is a filter: it may drop, add or hold lines",
		OPTION_FLAG, OPTION_FIELD(pf->filter)},
	    {'j', "jobs", "N", "workers (default: one per processor)", OPTION_NUMBER,
		OPTION_FIELD(pf->jobs), 1, JOBS_MAX},
	    {'k', "keep-order", NULL, "write the results in the order of the input", OPTION_FLAG,
		OPTION_FIELD(pf->keep_order)},
	    {'t', "timeout", "D", "time limit of an attempt, such as 2s", OPTION_DURATION,
		OPTION_FIELD(pf->timeout), .min = 1},
	    {0, "start-timeout", "D", "time limit for a child to begin to read (default 30s)",
		OPTION_DURATION, OPTION_FIELD(pf->start_timeout), .min = 1},
	    {'a', "attempts", "N", "attempts per record (default 1)", OPTION_NUMBER,
		OPTION_FIELD(pf->attempts), 1, ATTEMPTS_MAX},
	    {0, "backoff", "D[,MAX]",
		"wait before the second attempt; doubles with each attempt, up to MAX (default "
		"100ms,30s)",
		OPTION_FUNCTION, .field = pf, .parse = parse_backoff},
	    {0, "rate", "RATE[,BURST]",
		"attempts that may begin, such as 50/s: retries count; BURST at once after idle "
		"time (default 1)",
		OPTION_FUNCTION, .field = pf, .parse = parse_rate},
	    {0, "shared", "FILE|URL",
		"processes that name the same FILE, or machines the same URL (redis://HOST/NAME), "
		"share one rate",
		OPTION_TEXT, OPTION_FIELD(pf->shared)},
	    {0, "window", "N", "records given to a worker ahead of its answers (default: adapts)",
		OPTION_NUMBER, OPTION_FIELD(pf->window), 1, WINDOW_MAX},
	    {0, "unbuffered", NULL, "ask the command to write each answer at once", OPTION_FLAG,
		OPTION_FIELD(pf->unbuffered)},
	    {0, "match", "PATH", "an answer must carry the record's own value at PATH", OPTION_PATH,
		OPTION_FIELD(pf->match)},
	    {0, "max-failed", "N|P%",
		"stop when N records have failed, or more than P% of the last 1000 or more (from "
		"the 100th on)",
		OPTION_FUNCTION, .field = pf, .parse = parse_max_failed},
	    {0, "ok-status", "LIST",
		"exit statuses of the command that are no failure, such as 1,3 (-x, -F)",
		OPTION_FUNCTION, .field = &pf->exits.ok, .parse = parse_exits},
	    {0, "retry-status", "LIST", "those that ask for another attempt (-x; default 75)",
		OPTION_FUNCTION, .field = &pf->exits.retry, .parse = parse_exits},
	    {0, "reject-status", "LIST", "those after which none is made (-x; default 65)",
		OPTION_FUNCTION, .field = &pf->exits.reject, .parse = parse_exits},
	    {0, "to", "FILE|URL",
		"write the records to FILE, a FIFO or a file (- is standard output), and only dead "
		"letters to standard output; there are no workers; may be given many times; or to "
		"the engine at URL, pchan-engines(7)",
		OPTION_FUNCTION, .field = pf, .parse = parse_to},
	    {0, "by", "POLICY",
		"which FILE a record goes to: ready (default), round-robin, key, copy",
		OPTION_CHOICE, OPTION_FIELD(pf->spread.by), .names = policies},
	    {0, "key", "PATH",
		"records with the same value at PATH go to the same worker (with --to: FILE), and "
		"stay in their order",
		OPTION_PATH, OPTION_FIELD(pf->key)},
	    OPTION_HELP("raw", "records are plain lines, not JSON, and so are answers"),
	    {0, "raw-input", NULL, "only the records are plain lines", OPTION_FLAG,
		OPTION_FIELD(pf->raw_input)},
	    OPTION_HELP("name", "name of the stage (default: the command's)"),
	    OPTION_HELP("buffer", "records read ahead of the workers (default 1024)"),
	    {0},
	};
	bool engine = names_engine(argv);
	const struct options_tool tool = {.name = "pfanout",
	    .usage = usage,
	    .about = about,
	    .rows = rows,
	    .rules = engine ? engine_rules : rules,
	    .habits = habits,
	    .operands = "a command",
	    .operand = OPERAND_COMMAND};
	const char *why, *bad;
	unsigned how;
	int twice;

	pf->jobs = engine ? 1 : pf->processors;
	pf->timeout = CLOCK_NEVER;
	pf->start_timeout = 30 * CLOCK_S;
	pf->attempts = engine ? ATTEMPTS_MAX : 1;
	pf->backoff_first = 100 * CLOCK_MS;
	pf->backoff_most = 30 * CLOCK_S;
	pf->batch_wait = CLOCK_S;
	pf->spread.by = BY_DEFAULT;
	pf->argv = argv + cli_parse(&pf->opt, argc, argv, &tool);
	if (pf->argv[0] != NULL && *pf->argv[0] == '\0')
		errx(2, "the command is empty");
	if (pf->engine != NULL)
		settle_engine(pf);
	pf->mode = mode_of(pf);
	settle_key(pf);
	pf->opt.raw = pf->opt.raw || pf->raw_input;
	settle_policy(&pf->spread);
	if (pf->exits.ok.given && pf->mode != MODE_EXEC && pf->mode != MODE_FILTER)
		errx(2, "--ok-status needs -x or -F");
	if ((twice = exits_settle(&pf->exits)) != 0)
		errx(2,
		    "exit status %d is in two of --ok-status, --retry-status and --reject-status",
		    twice);
	how = (pf->opt.raw ? ARGUMENTS_RAW : 0) | (pf->batch > 0 ? ARGUMENTS_BATCH : 0);
	if (pf->exec && (pf->arguments = arguments_new(pf->argv, how, &why, &bad)) == NULL)
		errx(2, "argument %s: %s", bad, why);
}
