#include "stage/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "base/units.h"

#define LETTERS "n:b:d:RPqvhV"
#define PLAIN_LETTERS "hV"

static const struct option common_words[] = {
    {"name", required_argument, NULL, 'n'},
    {"buffer", required_argument, NULL, 'b'},
    {"dead-letter", required_argument, NULL, 'd'},
    {"raw", no_argument, NULL, 'R'},
    {"max-record", required_argument, NULL, OPTIONS_MAX_RECORD},
    {"no-bypass", no_argument, NULL, OPTIONS_NO_BYPASS},
    {"grace", required_argument, NULL, OPTIONS_GRACE},
    {"progress", no_argument, NULL, 'P'},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
};

#define NCOMMON (sizeof(common_words) / sizeof(common_words[0]))
#define NPLAIN 2 /* the last ones: help and version */
#define NWORDS 64

static int
take_count(size_t *value, const char *text, int64_t min, int64_t max, const char **why)
{
	int64_t n;

	if (units_number(text, min, max, &n, why) == -1)
		return -1;
	*value = (size_t)n;
	return 0;
}

static int
take_size(size_t *value, const char *text, const char **why)
{
	uint64_t n;

	if (units_size(text, &n, why) == -1)
		return -1;
	if (n > SIZE_MAX / 8) {
		*why = "a size that fits into memory";
		return -1;
	}
	*value = (size_t)n;
	return 0;
}

static int
take_text(const char **value, const char *text, const char **why)
{
	if (*text == '\0') {
		*why = "a text that is not empty";
		return -1;
	}
	*value = text;
	return 0;
}

/* 1: not one of the common options. */
static int
take_common(struct options *o, int option, const char *value, const char **why)
{
	switch (option) {
	case 'n':
		return take_text(&o->name, value, why);
	case 'b':
		return take_count(&o->buffer, value, 0, 1 << 20, why);
	case 'd':
		return take_text(&o->dead_letter, value, why);
	case OPTIONS_MAX_RECORD:
		return take_size(&o->max_record, value, why);
	case OPTIONS_GRACE:
		return units_duration(value, &o->grace, why);
	case 'R':
		o->raw = true;
		return 0;
	case OPTIONS_NO_BYPASS:
		o->no_bypass = true;
		return 0;
	case 'P':
		o->progress = true;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	default:
		return 1;
	}
}

/* "-j" or "--window": how people call the option. */
static void
option_name(const struct option *words, int option, char *name, size_t size)
{
	if (option < OPTIONS_MAX_RECORD) {
		snprintf(name, size, "-%c", option);
		return;
	}
	for (; words->name != NULL; words++)
		if (words->val == option)
			snprintf(name, size, "--%s", words->name);
}

static bool
is_known(const struct option *words, int option)
{
	for (; words->name != NULL; words++)
		if (words->val == option)
			return true;
	return false;
}

/* How many of the words begin like this one. */
static int
count_alike(const struct option *words, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	int n = 0;

	for (; words->name != NULL; words++)
		n += strncmp(words->name, word + 2, len) == 0;
	return n;
}

/* What getopt_long(3) does not say; in a cluster of letters it has not stepped over the word yet. */
static int
say_wrong(struct options *o, char **argv, const struct option *words, int seen)
{
	const char *word = argv[optind - 1], *what = "there is no option";
	char letter[] = {'-', (char)optopt, '\0'};
	bool is_word =
	    strncmp(word, "--", 2) == 0 && (optopt == 0 || seen == ':' || is_known(words, optopt));

	if (seen == ':')
		what = "a value is missing after";
	else if (is_word && optopt != 0)
		what = "no value is taken by";
	else if (is_word && count_alike(words, word) > 1)
		what = "more than one option begins like";
	snprintf(o->error, sizeof(o->error), "%s %s; --help lists the options", what,
	    is_word ? word : letter);
	return -1;
}

static int
take(struct options *o, const struct options_tool *tool, const struct option *words, int option)
{
	const char *why = NULL;
	char name[64] = "";
	int error = take_common(o, option, optarg, &why);

	if (error == 1)
		error = tool->take(tool->arg, option, optarg, &why);
	if (error == 0)
		return 0;
	option_name(words, option, name, sizeof(name));
	if (optarg != NULL)
		snprintf(o->error, sizeof(o->error), "%s %s: want %s", name, optarg, why);
	else
		snprintf(o->error, sizeof(o->error), "%s: %s", name, why);
	return -1;
}

int
options_parse(struct options *o, int argc, char **argv, const struct options_tool *tool)
{
	struct option words[NWORDS] = {0};
	char letters[64];
	size_t n = 0;
	int option;

	*o = (struct options){.buffer = 1024, .max_record = 16 << 20, .grace = 5 * CLOCK_S};
	for (size_t i = tool->plain ? NCOMMON - NPLAIN : 0; i < NCOMMON; i++)
		words[n++] = common_words[i];
	for (const struct option *w = tool->words; w->name != NULL && n < NWORDS - 1; w++)
		words[n++] = *w;
	/* '+': stop at the first operand; ':': tell a missing value apart. */
	snprintf(letters, sizeof(letters), "%s%s%s",
	    tool->plain ? ":" : "+:", tool->plain ? PLAIN_LETTERS : LETTERS, tool->letters);
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, letters, words, NULL)) != -1) {
		if (option == '?' || option == ':')
			return say_wrong(o, argv, words, option);
		if (take(o, tool, words, option) == -1)
			return -1;
		if (o->help || o->version)
			break;
	}
	return optind;
}

int
options_path(struct json_path **path, const char *value, const char **why)
{
	static char text[128];

	json_path_free(*path);
	if ((*path = json_path_new(value, why)) != NULL)
		return 0;
	snprintf(text, sizeof(text), "a path such as .user.id (%s)", *why);
	*why = text;
	return -1;
}

int
options_choice(int *choice, const char *const *names, const char *value, const char **why)
{
	static char text[128];
	size_t len = 0;

	for (int i = 0; names[i] != NULL; i++) {
		const char *before = i == 0 ? "" : names[i + 1] != NULL ? ", " : " or ";

		if (strcmp(value, names[i]) == 0) {
			*choice = i;
			return 0;
		}
		if (len < sizeof(text))
			len += (size_t)snprintf(
			    text + len, sizeof(text) - len, "%s%s", before, names[i]);
	}
	*why = text;
	return -1;
}
