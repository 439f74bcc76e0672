#include "stage/hint.h"

#include <string.h>

#include "json/json.h"

static const char *const remedies[] = {
    [LOOK_RECORDS] = NULL,
    [LOOK_ARRAY] = "the input is one record, a JSON array: jq -c '.[]' FILE | ... makes a record "
		   "of each element",
    [LOOK_ARRAY_LINES] = "the input is a JSON array over several lines: jq -c '.[]' FILE | ... "
			 "makes a record of each element",
    [LOOK_PRETTY] = "the input is JSON over several lines: jq -c . FILE | ... makes one line of "
		    "each text",
    [LOOK_SEPARATORS] = "the input has a record separator (0x1E) before each record: tr -d "
			"'\\036' < FILE | ...",
    [LOOK_UTF16] = "the input is UTF-16: iconv -f UTF-16 -t UTF-8 FILE | ...",
    [LOOK_GZIP] = "the input is compressed with gzip: zcat FILE | ...",
    [LOOK_ZSTD] = "the input is compressed with zstd: zstdcat FILE | ...",
    [LOOK_XZ] = "the input is compressed with xz: xzcat FILE | ...",
    [LOOK_BZIP2] = "the input is compressed with bzip2: bzcat FILE | ...",
};

/* How other inputs begin, where the first bytes decide. */
static const struct {
	const char *bytes;
	enum hint_kind look;
} beginnings[] = {
    {"\036", LOOK_SEPARATORS},
    {"\xff\xfe", LOOK_UTF16},
    {"\xfe\xff", LOOK_UTF16},
    {"\x1f\x8b", LOOK_GZIP},
    {"\x28\xb5\x2f\xfd", LOOK_ZSTD},
    {"\xfd\x37zXZ", LOOK_XZ},
    {"BZh91AY&SY", LOOK_BZIP2},
};

static bool
begins_with(const char *line, size_t len, const char *bytes)
{
	size_t n = strlen(bytes);

	return len >= n && memcmp(line, bytes, n) == 0;
}

static bool
is_space(char c)
{
	return json_blank(&c, 1);
}

/* Takes the white space away on both sides. */
static const char *
trim(const char *line, size_t *len)
{
	while (*len > 0 && is_space(line[*len - 1]))
		(*len)--;
	while (*len > 0 && is_space(*line)) {
		line++;
		(*len)--;
	}
	return line;
}

/* Whether a text that begins here goes on in the next line. */
static bool
is_continued(const char *line, size_t len)
{
	char last = line[len - 1];

	if (last != ',')
		return last == '{' || last == '[' || last == ':';
	/* "{...}," is a whole object, an element of something. */
	return *line == '[' || len < 2 || line[len - 2] != '}';
}

enum hint_kind
hint_look(const char *line, size_t len)
{
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (begins_with(line, len, beginnings[i].bytes))
			return beginnings[i].look;
	line = trim(line, &len);
	if (len == 0 || (*line != '{' && *line != '['))
		return LOOK_RECORDS;
	if (is_continued(line, len))
		return *line == '{' ? LOOK_PRETTY : LOOK_ARRAY_LINES;
	if (*line == '{')
		return LOOK_RECORDS;
	/* An array of objects; one of anything else may well be a record. */
	len--;
	line = trim(line + 1, &len);
	return len > 0 && *line == '{' ? LOOK_ARRAY : LOOK_RECORDS;
}

const char *
hint_for_input(enum hint_kind look)
{
	return remedies[look];
}

const char *
hint_for_answer(const char *line, size_t len)
{
	line = trim(line, &len);
	if (len == 1 && (*line == '{' || *line == '['))
		return "an answer is one line, and those of the worker are several: jq needs -c";
	return NULL;
}

const char *
hint_for_rubbish(const char *line, size_t len)
{
	if (json_check(line, len, NULL))
		return NULL;
	return "an answer is one line of JSON, and nothing else goes to standard output (jq: "
	       "without "
	       "-r); with -R any line is an answer";
}

const char *
hint_for_log(const char *log, size_t len)
{
	static const char error[] = "jq: error";

	if (memmem(log, len, error, sizeof(error) - 1) == NULL)
		return NULL;
	return "jq has no answer for a record at which it fails; to reject the record: "
	       "jq -r 'try (FILTER | tojson) catch \"!\\(.)\"'";
}

const char *
hint_for_command(const char *command)
{
	if (strchr(command, ' ') == NULL)
		return NULL;
	return "the command and its arguments are words of their own: pfanout -x -- echo {}";
}

/* What programs have for that, by the beginning of their names. */
static const struct {
	const char *name, *remedy;
} flushers[] = {
    {"python", "let it flush: print(..., flush=True), or use --unbuffered"},
    {"jq", "let it flush: jq --unbuffered"},
    {"mawk", "let it flush: mawk -W interactive"},
    {"awk", "let it flush: fflush() after each print, or mawk -W interactive"},
    {"gawk", "let it flush: fflush() after each print, or use --unbuffered"},
    {"sed", "let it flush: sed -u"},
    {"mlr", "let it flush: mlr --records-per-batch 1 --fflush"},
    {"perl", "let it flush: $| = 1"},
    {"ruby", "let it flush: $stdout.sync = true"},
};

const char *
hint_for_buffering(const char *command, bool asked)
{
	const char *slash = strrchr(command, '/'), *name = slash != NULL ? slash + 1 : command;

	for (size_t i = 0; i < sizeof(flushers) / sizeof(flushers[0]); i++)
		if (begins_with(name, strlen(name), flushers[i].name))
			return flushers[i].remedy;
	return asked ? "--unbuffered does not help here: let it flush each answer"
		     : "let it flush each answer (in Python: print(..., flush=True)), or try "
		       "--unbuffered";
}
