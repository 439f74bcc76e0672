#include "usage.h"

#include <err.h>
#include <string.h>

#include "limiter.h"
#include "ratefile.h"
#include "stage/cli.h"
#include "base/units.h"
#include "base/version.h"

#define MAX_KEYS 100000
#define BURST_MAX (INT64_C(1) << 50)

enum {
	OPTION_BYTES = OPTIONS_TOOL,
	OPTION_KEY,
	OPTION_QUEUE,
	OPTION_MAX_KEYS,
	OPTION_OVER,
	OPTION_SHARED,
	OPTION_RATE_FILE,
};

static const char letters[] = "r:B:";

static const struct option words[] = {
    {"rate", required_argument, NULL, 'r'},
    {"burst", required_argument, NULL, 'B'},
    {"bytes", no_argument, NULL, OPTION_BYTES},
    {"key", required_argument, NULL, OPTION_KEY},
    {"queue", required_argument, NULL, OPTION_QUEUE},
    {"max-keys", required_argument, NULL, OPTION_MAX_KEYS},
    {"over", required_argument, NULL, OPTION_OVER},
    {"shared", required_argument, NULL, OPTION_SHARED},
    {"rate-file", required_argument, NULL, OPTION_RATE_FILE},
    {0},
};

static const char help[] =
    "usage: pratelimit {-r RATE | --rate-file FILE} [-B BURST] [--bytes]\n"
    "                  [--key PATH [--queue N] [--max-keys N]]\n"
    "                  [--over wait|dead-letter|drop] [--shared FILE] [options]\n"
    "\n"
    "Lets records through at a rate, no more than BURST of them at once.\n"
    "\n"
    "  -r, --rate RATE        100/s, 6000/m, 1/h, 10k/s; with --bytes 512K/s, 10M/s\n"
    "      --rate-file FILE   read the rate from FILE, and again at SIGHUP\n"
    "  -B, --burst BURST      what may pass at once after idle time (default 1)\n"
    "      --bytes            the rate and the burst are of bytes, not records\n"
    "      --key PATH         the rate is for each value at this path, as .user.id\n"
    "      --queue N          records of one key that may wait (default: as many as the buffer\n"
    "                         has room for; none with --over dead-letter or drop)\n"
    "      --max-keys N       keys that are known at a time (default 100000)\n"
    "      --over WHAT        a record that can't go now waits (the default), becomes a\n"
    "                         dead-letter, or is dropped: wait, dead-letter, drop\n"
    "      --shared FILE      the processes that name this FILE have one rate together\n"
    "  -n, --name STAGE       the stage's name (default: pratelimit)\n"
    "  -b, --buffer N         capacity of each channel inside, in records (default "
    "1024)\n" OPTIONS_HELP;

/* What can only be understood when all options are known, or has to be known to have been given. */
struct given {
	struct pratelimit *limit;
	const char *rate, *burst, *queue, *max_keys;
};

static int
take_over(enum over *over, const char *value, const char **why)
{
	static const char *const names[] = {
	    [OVER_WAIT] = "wait", [OVER_DEAD_LETTER] = "dead-letter", [OVER_DROP] = "drop", NULL};
	int choice;

	if (options_choice(&choice, names, value, why) == -1)
		return -1;
	*over = (enum over)choice;
	return 0;
}

static int
take_number(size_t *n, const char *value, const char **why)
{
	int64_t number;

	if (units_number(value, 1, 1 << 30, &number, why) == -1)
		return -1;
	*n = (size_t)number;
	return 0;
}

static int
take_name(const char **name, const char *value, const char **why)
{
	*why = "the name of a file";
	*name = value;
	return *value != '\0' ? 0 : -1;
}

static int
take(void *arg, int option, const char *value, const char **why)
{
	struct given *given = arg;
	struct pratelimit *limit = given->limit;

	switch (option) {
	case 'r':
		given->rate = value;
		return 0;
	case 'B':
		given->burst = value;
		return 0;
	case OPTION_BYTES:
		limit->bytes = true;
		return 0;
	case OPTION_KEY:
		return options_path(&limit->key, value, why);
	case OPTION_QUEUE:
		given->queue = value;
		return take_number(&limit->queue, value, why);
	case OPTION_MAX_KEYS:
		given->max_keys = value;
		return take_number(&limit->max_keys, value, why);
	case OPTION_OVER:
		return take_over(&limit->over, value, why);
	case OPTION_SHARED:
		return take_name(&limit->shared, value, why);
	case OPTION_RATE_FILE:
		return take_name(&limit->rate_file, value, why);
	}
	return 0;
}

static void
read_burst(struct pratelimit *limit, const char *text)
{
	const char *why;
	int64_t n;

	if (text == NULL)
		limit->rate.burst = 1;
	else if (limit->bytes && units_size(text, &limit->rate.burst, &why) == -1)
		errx(2, "-B %s: want %s", text, why);
	else if (!limit->bytes) {
		if (units_number(text, 1, BURST_MAX, &n, &why) == -1)
			errx(2, "-B %s: want %s", text, why);
		limit->rate.burst = (uint64_t)n;
	}
}

static void
read_rate(struct pratelimit *limit, const char *text)
{
	struct rate *r = &limit->rate;
	const char *why;
	char line[512];

	if (text == NULL) {
		if (ratefile_read(limit->rate_file, limit->bytes, r, line, sizeof(line)) == -1)
			errx(2, "rate file %s", line);
		return;
	}
	if (units_rate(text, limit->bytes, &r->amount, &r->per, &why) == -1)
		errx(2, "-r %s: want %s", text, why);
	if (!rate_is_sane(r))
		errx(2, "-r %s: the burst would take longer than a lifetime to earn", text);
}

static void
check_combination(const struct given *given)
{
	const struct pratelimit *limit = given->limit;

	if (given->rate == NULL && limit->rate_file == NULL)
		errx(2, "at which rate?  -r RATE, such as -r 100/s, or --rate-file FILE");
	if (given->rate != NULL && limit->rate_file != NULL)
		errx(2, "-r and --rate-file don't go together");
	if (limit->key == NULL && given->queue != NULL)
		errx(2, "--queue needs --key; without keys -b is the bound");
	if (limit->key == NULL && given->max_keys != NULL)
		errx(2, "--max-keys needs --key");
	if (limit->key != NULL && limit->shared != NULL)
		errx(2, "--shared does not go with --key: there is one bucket in the file");
}

void
usage_parse(struct pratelimit *limit, int argc, char **argv)
{
	struct given given = {.limit = limit};
	struct options_tool tool = {
	    .letters = letters, .words = words, .take = take, .arg = &given};
	int operands;

	*limit = (struct pratelimit){.max_keys = MAX_KEYS};
	if ((operands = options_parse(&limit->opt, argc, argv, &tool)) == -1)
		errx(2, "%s", limit->opt.error);
	if (limit->opt.help)
		cli_print(help);
	if (limit->opt.version)
		cli_print("pratelimit " PCHAN_VERSION "\n");
	if (operands < argc)
		errx(2, "%s: no operands are taken: the input is standard input", argv[operands]);
	check_combination(&given);
	read_burst(limit, given.burst);
	read_rate(limit, given.rate);
	if (given.queue == NULL)
		limit->queue = limit->over == OVER_WAIT ? SIZE_MAX : 0;
	if (limit->key == NULL)
		limit->opt.raw = true; /* lines are moved here, not looked into */
}
