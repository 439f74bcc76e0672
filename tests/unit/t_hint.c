#include "stage/hint.h"

#include <stdbool.h>
#include <string.h>

#include "t.h"

#define LINE(text) text, sizeof(text) - 1

static void
test_inputs(void)
{
	static const struct {
		const char *line;
		size_t len;
		enum hint_kind look;
	} table[] = {
	    /* Records, whole or broken. */
	    {LINE(""), LOOK_RECORDS},
	    {LINE("1"), LOOK_RECORDS},
	    {LINE("plain text, with a comma,"), LOOK_RECORDS},
	    {LINE("{\"id\":1}"), LOOK_RECORDS},
	    {LINE("{\"id\":1"), LOOK_RECORDS},
	    {LINE("{\"id\":"), LOOK_PRETTY},
	    {LINE("{\"id\":1},"), LOOK_RECORDS},
	    {LINE("[1,2]"), LOOK_RECORDS},
	    {LINE("[]"), LOOK_RECORDS},
	    {LINE("[[1],[2]]"), LOOK_RECORDS},
	    {LINE("]"), LOOK_RECORDS},

	    /* Texts over several lines. */
	    {LINE("{"), LOOK_PRETTY},
	    {LINE(" { \r"), LOOK_PRETTY},
	    {LINE("{ \"id\": 1,"), LOOK_PRETTY},
	    {LINE("{\"tags\": ["), LOOK_PRETTY},
	    {LINE("["), LOOK_ARRAY_LINES},
	    {LINE("\t[\r"), LOOK_ARRAY_LINES},
	    {LINE("[{"), LOOK_ARRAY_LINES},
	    {LINE("[ {\"id\":1},"), LOOK_ARRAY_LINES},
	    {LINE("[1,"), LOOK_ARRAY_LINES},
	    {LINE("[,"), LOOK_ARRAY_LINES},
	    {LINE("[{\"id\":1},{\"id\":2}]"), LOOK_ARRAY},
	    {LINE(" [ {\"id\":1} ]\r"), LOOK_ARRAY},
	    /* --max-record has cut it. */
	    {LINE("[{\"id\":1},{\"id\":2}"), LOOK_ARRAY},

	    /* Other bytes. */
	    {LINE("\036{\"id\":1}"), LOOK_SEPARATORS},
	    {LINE("\xff\xfe{\0\"\0"), LOOK_UTF16},
	    {LINE("\xfe\xff\0{\0\""), LOOK_UTF16},
	    {LINE("\x1f\x8b\x08\0"), LOOK_GZIP},
	    {LINE("\x1f\x8b"), LOOK_GZIP},
	    {LINE("\x1f"), LOOK_RECORDS},
	    {LINE("\x28\xb5\x2f\xfd\x04"), LOOK_ZSTD},
	    {LINE("(\xb5"), LOOK_RECORDS},
	    {LINE("\xfd\x37zXZ\0\0"), LOOK_XZ},
	    {LINE("\xfd\x37zip"), LOOK_RECORDS},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum hint_kind look = hint_look(table[i].line, table[i].len);

		CHECK(look == table[i].look, "\"%s\": %d", table[i].line, (int)look);
		CHECK((hint_for_input(look) == NULL) == (look == LOOK_RECORDS));
	}
}

static void
test_answers(void)
{
	static const struct {
		const char *line;
		bool hint;
	} table[] = {
	    {"{", true},
	    {"[", true},
	    {" { \r", true},
	    {"", false},
	    {" ", false},
	    {"}", false},
	    {"{\"id\":", false},
	    {"garbage", false},
	    {"{{", false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		CHECK((hint_for_answer(table[i].line, strlen(table[i].line)) != NULL) ==
			table[i].hint,
		    "\"%s\"", table[i].line);
}

static void
test_logs(void)
{
	CHECK(hint_for_log(LINE("jq: error (at <stdin>:2): Cannot index\n")) != NULL);
	CHECK(hint_for_log(LINE("noise\njq: error: bad\nnoise\n")) != NULL);
	CHECK(hint_for_log(LINE("jq: erro")) == NULL);
	CHECK(hint_for_log(LINE("error: no jq here")) == NULL);
	CHECK(hint_for_log("", 0) == NULL);
}

static void
test_buffering(void)
{
	static const struct {
		const char *command, *want;
	} table[] = {
	    {"python3", "flush=True"},
	    {"/usr/bin/python3.11", "flush=True"},
	    {"jq", "jq --unbuffered"},
	    {"/bin/sed", "sed -u"},
	    {"mlr", "--fflush"},
	    {"./classify", "try --unbuffered"},
	    {"", "try --unbuffered"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		CHECK(strstr(hint_for_buffering(table[i].command, false), table[i].want) != NULL,
		    "%s", table[i].command);
	CHECK(strstr(hint_for_buffering("./classify", true), "try") == NULL);
}

int
main(void)
{
	test_buffering();
	test_inputs();
	test_answers();
	test_logs();
	return t_end();
}
