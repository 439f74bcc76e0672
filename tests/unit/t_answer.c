#include "pfanout/answer.h"

#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "record/record.h"
#include "stage/stage.h"
#include "t.h"

/* A record whose bytes are this text. */
static struct record
record_of(const char *text)
{
	return (struct record){.data = (char *)(uintptr_t)text, .len = strlen(text)};
}

static void
test_table(void)
{
	static const struct {
		bool raw;
		const char *match, *input, *line;
		enum answer answer;
		/* that it contains; NULL: none is looked for */
		const char *message;
	} table[] = {
	    {false, NULL, "{\"id\":1}", "{\"id\":1}", ANSWER_RESULT, NULL},
	    {false, NULL, "{\"id\":1}", "7", ANSWER_RESULT, NULL},
	    {false, NULL, "1", " [1, 2] ", ANSWER_RESULT, NULL},
	    {false, NULL, "1", "", ANSWER_DROP, NULL},
	    {false, NULL, "1", " \t\r", ANSWER_DROP, NULL},
	    {false, NULL, "1", "!", ANSWER_REJECT, ""},
	    {false, NULL, "1", "!no such user", ANSWER_REJECT, "no such user"},
	    {false, NULL, "1", " !x", ANSWER_BAD, "not JSON"},
	    {false, NULL, "1", "hello", ANSWER_BAD, "not JSON: "},
	    {false, NULL, "1", "{\"id\":", ANSWER_BAD, "at byte 6"},
	    {false, NULL, "1", "1 2", ANSWER_BAD, "not JSON"},
	    {true, NULL, "x", "", ANSWER_RESULT, NULL},
	    {true, NULL, "x", "!hey", ANSWER_RESULT, NULL},
	    {true, NULL, "x", "?30s hey", ANSWER_RESULT, NULL},
	    {false, NULL, "1", " ?x", ANSWER_BAD, "not JSON"},
	    {true, NULL, "x", "{\"id\":", ANSWER_RESULT, NULL},
	    {false, ".id", "{\"id\":1}", "{\"x\":2,\"id\":1}", ANSWER_RESULT, NULL},
	    {false, ".id", "{\"id\":1}", "{\"id\":2}", ANSWER_BAD, "another record's"},
	    {false, ".id", "{\"id\":1}", "{\"id\":\"1\"}", ANSWER_BAD, "another record's"},
	    /* A string is its characters, any other value its text. */
	    {false, ".id", "{\"id\":\"a\\u0026b\"}", "{\"id\":\"a&b\"}", ANSWER_RESULT, NULL},
	    {false, ".id", "{\"id\":\"a&b\"}", "{\"id\":\"\\u0061\\u0026b\"}", ANSWER_RESULT, NULL},
	    {false, ".id", "{\"id\":\"\\ud83d\\ude00\"}", "{\"id\":\"\U0001f600\"}", ANSWER_RESULT,
		NULL},
	    {false, ".id", "{\"id\":\"a\\/b\"}", "{\"id\":\"a/b\"}", ANSWER_RESULT, NULL},
	    {false, ".id", "{\"id\":\"a\\u0026b\"}", "{\"id\":\"a&c\"}", ANSWER_BAD,
		"another record's"},
	    {false, ".id", "{\"id\":\"\\u0031\"}", "{\"id\":1}", ANSWER_BAD, "another record's"},
	    {false, ".id", "{\"id\":1.0}", "{\"id\":1.0}", ANSWER_RESULT, NULL},
	    {false, ".id", "{\"id\":1.0}", "{\"id\":1}", ANSWER_BAD, "another record's"},
	    {true, ".id", "{\"id\":1}", "{\"id\":\"\\x\"}", ANSWER_BAD, "no value"},
	    {false, ".id", "{\"id\":1}", "{}", ANSWER_BAD, "no value at the --match path"},
	    {false, ".id", "{\"id\":1}", "", ANSWER_DROP, NULL},
	    {false, ".id", "{\"id\":1}", "!no", ANSWER_REJECT, "no"},
	    {false, ".id", "{\"id\":1}", "?1s no", ANSWER_RETRY, NULL},
	    {true, ".id", "{\"id\":1}", "!{\"id\":1}", ANSWER_BAD, "no value"},
	    {true, ".id", "{\"id\":1}", "{\"id\":1}", ANSWER_RESULT, NULL},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct record input = record_of(table[i].input), line = record_of(table[i].line);
		struct json_path *match = NULL;
		struct failure f = {.reason = REASON_COUNT};
		struct answer_rules rules = {.raw = table[i].raw};
		const char *why;
		enum answer got;

		if (table[i].match != NULL)
			match = json_path_new(table[i].match, &why);
		rules.match = match;
		got = answer_judge(&rules, &input, &line, &f);
		CHECK(got == table[i].answer, "row %zu: %d", i, (int)got);
		if (got == ANSWER_REJECT)
			CHECK(
			    f.reason == REASON_REJECTED && strcmp(f.message, table[i].message) == 0,
			    "row %zu: %s", i, f.message);
		if (got == ANSWER_BAD)
			CHECK(f.reason == REASON_BAD_ANSWER &&
				strstr(f.message, table[i].message) != NULL,
			    "row %zu: %s", i, f.message);
		json_path_free(match);
	}
}

/* --raw-input: a record that comes back is no result if it is not JSON. */
static void
test_raw_input(void)
{
	struct answer_rules rules = {.raw_input = true};
	struct record word = record_of("word"), one = record_of("1"), none = record_of(""),
		      request = record_of("?1s x");
	struct failure f;

	CHECK(answer_judge(&rules, &word, &word, &f) == ANSWER_BAD);
	CHECK(answer_judge(&rules, &one, &one, &f) == ANSWER_RESULT);
	CHECK(answer_judge(&rules, &word, &one, &f) == ANSWER_RESULT);
	CHECK(answer_judge(&rules, &none, &none, &f) == ANSWER_DROP);
	CHECK(answer_judge(&rules, &request, &request, &f) == ANSWER_RETRY);
}

/* "?message": what is asked for, and when. */
static void
test_retry(void)
{
	static const struct {
		const char *line;
		int64_t wait;
		const char *message;
	} table[] = {
	    {"?", 0, ""},
	    {"?try again", 0, "try again"},
	    {"?30s", 30 * CLOCK_S, ""},
	    {"?30s too many requests", 30 * CLOCK_S, "too many requests"},
	    {"?30s\r", 30 * CLOCK_S, ""},
	    {"?1m30s \t busy", 90 * CLOCK_S, "busy"},
	    {"?1.5ms x", 1500 * CLOCK_US, "x"},
	    {"?0 x", 0, "x"},
	    /* The word is no duration. */
	    {"?30 x", 0, "30 x"},
	    {"?503 Service Unavailable", 0, "503 Service Unavailable"},
	    {"?30s: slow down", 0, "30s: slow down"},
	    {"?-3s x", 0, "-3s x"},
	    {"? 30s x", 0, " 30s x"},
	    {"?99999999999999999999h x", 0, "99999999999999999999h x"},
	    {"?0000000000000000000000000000000000000000000000000000000000000030s x", 0,
		"0000000000000000000000000000000000000000000000000000000000000030s x"},
	    {"??", 0, "?"},
	    {"?!", 0, "!"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct record input = record_of("1"), line = record_of(table[i].line);
		struct answer_rules rules = {0};
		struct failure f = {.reason = REASON_COUNT, .wait = 7, .slot = 7};
		enum answer got = answer_judge(&rules, &input, &line, &f);

		CHECK(got == ANSWER_RETRY && f.reason == REASON_EXHAUSTED && f.slot == 0, "%s: %d",
		    table[i].line, (int)got);
		CHECK(f.wait == table[i].wait, "%s: %jd ns", table[i].line, (intmax_t)f.wait);
		CHECK(strcmp(f.message, table[i].message) == 0, "%s: %s", table[i].line, f.message);
	}
}

/* A line over --max-record is no answer, whatever it begins with. */
static void
test_too_long(void)
{
	struct record input = record_of("1"), line = record_of("!x");
	struct answer_rules rules = {.raw = true};
	struct failure f;

	line.full_len = 1 << 30;
	CHECK(answer_judge(&rules, &input, &line, &f) == ANSWER_BAD);
	CHECK(strstr(f.message, "--max-record") != NULL, "%s", f.message);
}

/* A long rejection is cut to what a letter has room for. */
static void
test_long_message(void)
{
	static char text[4096];
	struct record input = record_of("1"), line;
	struct answer_rules rules = {0};
	struct failure f;

	memset(text, 'x', sizeof(text) - 1);
	text[0] = '!';
	line = record_of(text);
	CHECK(answer_judge(&rules, &input, &line, &f) == ANSWER_REJECT);
	CHECK(strlen(f.message) == sizeof(f.message) - 1, "%zu", strlen(f.message));
}

int
main(void)
{
	test_table();
	test_raw_input();
	test_retry();
	test_too_long();
	test_long_message();
	return t_end();
}
