#include "usage.h"

#include <err.h>

#include "base/units.h"
#include "pratelimit.h"
#include "ratefile.h"
#include "stage/cli.h"

#define KEYS_DEFAULT 100000
#define RECORDS_MAX (1 << 30) /* of --queue and --max-keys */

static const char usage[] =
    "{-r RATE | --rate-file FILE} [-B BURST] [--bytes] [--key PATH [--queue N] [--max-keys N]] "
    "[--over wait|dead-letter|drop] [--shared FILE|URL] [options]";

static const char about[] = "Lets records through at a rate, no more than BURST of them at once.";

/* Of pv(1), curl(1) and others that limit a rate. */
static const struct option_habit habits[] = {
    {"-L", "-r"},
    {"--limit", "-r"},
    {"--limit-rate", "-r"},
    {"--rate-limit", "-r"},
    {"-k", "--key"},
    {"--per", "--key"},
    {"--drop", "--over"},
    {0},
};

static const struct option_rule rules[] = {
    {"-r", OPTION_EXCLUDES, "--rate-file", NULL},
    {"--queue", OPTION_NEEDS, "--key", "without keys -b is the limit"},
    {"--max-keys", OPTION_NEEDS, "--key", NULL},
    {"--shared", OPTION_EXCLUDES, "--key", "it is one bucket"},
    {0},
};

static const char *const over_names[] = {
    [OVER_WAIT] = "wait",
    [OVER_DEAD_LETTER] = "dead-letter",
    [OVER_DROP] = "drop",
    NULL,
};

/* Without -B the burst is 1. */
static void
read_burst(struct pratelimit *pr, const char *text)
{
	int64_t records = 1;
	const char *why;
	int error = 0;

	if (pr->bytes && text != NULL)
		error = units_size(text, &pr->rate.burst, &why);
	else {
		if (text != NULL)
			error = units_number(text, 1, BUCKET_BURST_MAX, &records, &why);
		pr->rate.burst = (uint64_t)records;
	}
	if (error == -1)
		errx(2, "-B %s: expected %s", text, why);
}

/* From the text of -r, or if that is NULL from the rate file. */
static void
read_rate(struct pratelimit *pr, const char *text)
{
	struct rate *r = &pr->rate;
	const char *why;
	char line[512];

	if (text == NULL) {
		if (ratefile_read(pr->rate_file, pr->bytes, r, line, sizeof(line)) == -1)
			errx(2, "rate file %s", line);
		return;
	}
	if (units_rate(text, pr->bytes, &r->amount, &r->per, &why) == -1)
		errx(2, "-r %s: expected %s", text, why);
	if (!bucket_is_sane(r))
		errx(2, "-r %s: the burst would take longer than a lifetime to earn", text);
}

void
usage_parse(struct pratelimit *pr, int argc, char **argv)
{
	/* Their units depend on --bytes, so they are read last. */
	struct {
		const char *rate, *burst;
	} text = {NULL, NULL};
	const struct option_row rows[] = {
	    {'r', "rate", "RATE", "the rate: 100/s, 6000/m, 1/h, 10k/s; with --bytes 512K/s, 10M/s",
		OPTION_TEXT, OPTION_FIELD(text.rate)},
	    {0, "rate-file", "FILE", "read the rate from FILE, and again at SIGHUP", OPTION_TEXT,
		OPTION_FIELD(pr->rate_file)},
	    {'B', "burst", "BURST", "what may pass at once after idle time (default 1)",
		OPTION_TEXT, OPTION_FIELD(text.burst)},
	    {0, "bytes", NULL, "the rate and the burst are in bytes, not in records", OPTION_FLAG,
		OPTION_FIELD(pr->bytes)},
	    {0, "key", "PATH", "limit each value at this path, such as .user.id, to the rate",
		OPTION_PATH, OPTION_FIELD(pr->key)},
	    {0, "queue", "N",
		"records of one key that may wait (default: as many as the buffer has room for; "
		"with --over dead-letter or drop: none)",
		OPTION_NUMBER, OPTION_FIELD(pr->queue), 1, RECORDS_MAX},
	    {0, "max-keys", "N", "keys known at a time (default 100000)", OPTION_NUMBER,
		OPTION_FIELD(pr->max_keys), 1, RECORDS_MAX},
	    {0, "over", "WHAT",
		"what happens to a record that cannot go now: wait (the default), dead-letter or "
		"drop",
		OPTION_CHOICE, OPTION_FIELD(pr->over), .names = over_names},
	    {0, "shared", "FILE|URL",
		"processes that name the same FILE, or machines the same URL (redis://HOST/NAME), "
		"share one rate",
		OPTION_TEXT, OPTION_FIELD(pr->shared)},
	    {0},
	};
	const struct options_tool tool = {.name = "pratelimit",
	    .usage = usage,
	    .about = about,
	    .rows = rows,
	    .rules = rules,
	    .habits = habits};

	*pr = (struct pratelimit){.max_keys = KEYS_DEFAULT};
	(void)cli_parse(&pr->opt, argc, argv, &tool);
	if (text.rate == NULL && pr->rate_file == NULL)
		errx(2, "no rate: give one with -r, such as -r 100/s, or with --rate-file");
	read_burst(pr, text.burst);
	read_rate(pr, text.rate);
	if (pr->queue == 0 && pr->over == OVER_WAIT)
		pr->queue = SIZE_MAX;
	if (pr->key == NULL)
		pr->opt.raw = true; /* lines are moved, not parsed */
}
