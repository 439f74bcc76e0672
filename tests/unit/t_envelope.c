#include "record/envelope.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "t.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))
#define DECODE (JSON_ALLOW_NUL | JSON_DECODE_ANY)

#define LETTER "{\"pchan\":\"dead-letter/1\",\"id\":\"x\",\"stage\":\"s\",\"reason\":\"exit\","
#define RETRY "{\"pchan\":\"retry/1\",\"id\":\"x\","

/* Every letter of the tests has all members, with one of these payloads. */
#define BYTES(s) s, sizeof(s) - 1
static const struct {
	const char *bytes;
	size_t len;
	const char *member; /* in which it travels */
} payloads[] = {
    {BYTES("{\"the\":\"record\",\"big\":12345678901234567890.10}"), "value"},
    {BYTES("{}"), "value"},
    {BYTES("[1,2,[3]]"), "value"},
    {BYTES("\"string with \\\"value\\\":1}\""), "value"},
    {BYTES("-0.10e+5"), "value"},
    {BYTES("true"), "value"},
    {BYTES("false"), "value"},
    {BYTES("null"), "value"},
    {BYTES(" {\"a\" : 1 } "), "value"},
    {BYTES("{\"a\":1}\r"), "value"},
    {BYTES("\t\r 5 \r"), "value"},
    {BYTES("{\"value\":1,\"text\":2,\"base64\":3,\"id\":4}"), "value"},
    {BYTES(LETTER "\"value\":1}"), "value"},
    {BYTES("\"caf\xc3\xa9 \\ud83d\\ude00\""), "value"},
    {BYTES(""), "text"},
    {BYTES(" "), "text"},
    {BYTES("\r"), "text"},
    {BYTES("GET / HTTP/1.1"), "text"},
    {BYTES("GET / HTTP/1.1\r"), "text"},
    {BYTES("say \"hi\" to C:\\temp"), "text"},
    {BYTES("caf\xc3\xa9 \xf0\x9f\x98\x80"), "text"},
    {BYTES("1,\"x\":2"), "text"},
    {BYTES("1}"), "text"},
    {BYTES("{\"a\":1"), "text"},
    {BYTES("two\nlines"), "text"},
    {BYTES("{\"a\":\n1}"), "text"},
    {BYTES("a long line with one \x01 in it"), "text"},
    {BYTES("a long line with a \0 in it, and no more"), "text"},
    {BYTES("\0"), "base64"},
    {BYTES("\x01\x02\x03\x04\x05"), "base64"},
    {BYTES("a\0"), "base64"},
    {BYTES("\xff"), "base64"},
    {BYTES("caf\xe9"), "base64"},
    {BYTES("{\"a\":\"\xed\xa0\x80\"}"), "base64"},
    {BYTES("{\"a\":1}\xff\0\xfe"), "base64"},
    {BYTES("\xef\xbb\xbf{}"), "text"},
};

static struct letter
full_letter(const char *payload, size_t len)
{
	return (struct letter){
	    .id = "019aad1e-0000-7000-8000-000000000001",
	    .stage = "enrich",
	    .reason = REASON_TIMEOUT,
	    .message = "no answer in 2s",
	    .attempts = 3,
	    .first_failed = INT64_C(1795446245123456), /* 2026-11-23 15:04 */
	    .failed = INT64_C(1795446246000000),
	    .replays = 1,
	    .input = "-",
	    .line = 18,
	    .offset = 4711,
	    .truncated = true,
	    .full_len = 123456,
	    .worker = {.known = true,
		.slot = 2,
		.pid = 77,
		.exited = true,
		.exit = 3,
		.log = "oops\n",
		.log_len = 5},
	    .payload = payload,
	    .payload_len = len,
	};
}

#define FULL_HEAD                                                                       \
	"{\"pchan\":\"dead-letter/1\",\"id\":\"019aad1e-0000-7000-8000-000000000001\"," \
	"\"stage\":\"enrich\",\"reason\":\"timeout\",\"message\":\"no answer in 2s\","  \
	"\"attempts\":3,\"first_failed\":\"2026-11-23T15:04:05.123456Z\","              \
	"\"failed\":\"2026-11-23T15:04:06.000000Z\",\"replays\":1,"                     \
	"\"input\":{\"name\":\"-\",\"line\":18,\"offset\":4711,\"length\":123456},"     \
	"\"worker\":{\"slot\":2,\"pid\":77,\"exit\":3,\"stderr\":\"oops\\n\"},\"truncated\":true,"

static const struct envelope_id retry_id = {
    .id = "caf\xc3\xa9", .replays = 2, .first_failed = INT64_C(1795446245000001)};
#define RETRY_HEAD                                                     \
	"{\"pchan\":\"retry/1\",\"id\":\"caf\xc3\xa9\",\"replays\":2," \
	"\"first_failed\":\"2026-11-23T15:04:05.000001Z\","

/* Whether the payload comes out of the line as it went in. */
static int
gives_back(const char *line, size_t line_len, const char *bytes, size_t len)
{
	const char *payload;
	size_t payload_len;
	char *owned;
	int same;

	if (envelope_payload(line, line_len, &payload, &payload_len, &owned) == -1)
		return 0;
	same = payload_len == len && memcmp(payload, bytes, len) == 0;
	if (owned == NULL)
		same = same && payload >= line && payload + payload_len <= line + line_len;
	free(owned);
	return same;
}

static void
check_envelope(const char *line, size_t line_len, const char *head, size_t i)
{
	size_t n = strlen(head);
	json_t *json;

	CHECK(memchr(line, '\n', line_len) == line + line_len - 1, "%zu", i);
	CHECK(memcmp(line, head, n) == 0, "%.*s", (int)line_len, line);
	CHECK(line[n] == '"' &&
		memcmp(line + n + 1, payloads[i].member, strlen(payloads[i].member)) == 0,
	    "%.*s", (int)line_len, line);
	CHECK(gives_back(line, line_len, payloads[i].bytes, payloads[i].len), "%zu", i);
	CHECK(gives_back(line, line_len - 1, payloads[i].bytes, payloads[i].len), "%zu", i);
	CHECK(envelope_may_be(line, line_len), "%zu", i);
	json = json_loadb(line, line_len, DECODE, NULL);
	CHECK(json_is_object(json), "%.*s", (int)line_len, line);
	json_decref(json);
}

static void
test_round_trip(void)
{
	char *line;
	size_t len;

	for (size_t i = 0; i < LEN(payloads); i++) {
		struct letter letter = full_letter(payloads[i].bytes, payloads[i].len);

		CHECK(envelope_letter(&letter, &line, &len) == 0, "%zu", i);
		check_envelope(line, len, FULL_HEAD, i);
		CHECK(envelope_kind(line, len) == ENVELOPE_LETTER, "%zu", i);
		CHECK(envelope_kind(line, len - 1) == ENVELOPE_LETTER, "%zu", i);
		/* A letter that is cut off anywhere is data. */
		for (size_t cut = 0; cut < len - 1; cut++)
			CHECK(envelope_kind(line, cut) == ENVELOPE_NONE, "%zu of %zu", cut, i);
		free(line);

		CHECK(
		    envelope_retry(&retry_id, payloads[i].bytes, payloads[i].len, &line, &len) == 0,
		    "%zu", i);
		check_envelope(line, len, RETRY_HEAD, i);
		CHECK(envelope_kind(line, len) == ENVELOPE_RETRY, "%zu", i);
		free(line);
	}
}

/* Whether the payload travels in this member, and comes back. */
static int
survives(char *bytes, size_t len, const char *member)
{
	struct letter letter = {.stage = "s", .payload = bytes, .payload_len = len};
	char key[16];
	char *line;
	size_t line_len;
	int fine;

	if (envelope_letter(&letter, &line, &line_len) == -1)
		return 0;
	snprintf(key, sizeof(key), ",\"%s\":", member);
	fine = memmem(line, line_len < 256 ? line_len : 256, key, strlen(key)) != NULL;
	fine = fine && envelope_kind(line, line_len) == ENVELOPE_LETTER;
	fine = fine && gives_back(line, line_len, bytes, len);
	free(line);
	return fine;
}

static void
test_large(void)
{
	size_t size = 16 << 20;
	char *bytes = malloc(size);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	CHECK(survives(bytes, size, "base64"), "16 MiB");
	for (size_t len = 65530; len < 65540; len++)
		CHECK(survives(bytes, len, "base64"), "%zu", len);
	size = 1 << 20;
	memset(bytes, 'x', size);
	bytes[size / 2] = '\\';
	CHECK(survives(bytes, size, "text"), "1 MiB");
	bytes[size / 2] = 'x';
	bytes[0] = bytes[size - 1] = '"';
	CHECK(survives(bytes, size, "value"), "1 MiB");
	free(bytes);
}

/*
 * A letter nests one level deeper than its payload, which can use all levels of
 * JSON.
 */
static void
test_deep(void)
{
	char bytes[2 * 1024];

	memset(bytes, '[', sizeof(bytes) / 2);
	memset(bytes + sizeof(bytes) / 2, ']', sizeof(bytes) / 2);
	CHECK(survives(bytes + 1, sizeof(bytes) - 2, "value"), "1023 deep");
	CHECK(survives(bytes, sizeof(bytes), "text"), "1024 deep");
}

static const struct {
	const char *bytes;
	const char *base64;
} vectors[] = {
    {"\xff", "/w=="},
    {"\xff\xff", "//8="},
    {"\xff\xff\xff", "////"},
    {"\xfb\xef\xbe\xfb", "+++++w=="},
    {"\x80 any carnal pleas", "gCBhbnkgY2FybmFsIHBsZWFz"},
};

static const char *const bad_base64[] = {"/w=", "/w", "/", "/===", "=/w=", "/w==/w==", "/w=w",
    "====", "/ w=", "/w==\\n", "_-==", "/w\\u0000="};

static void
test_base64(void)
{
	char line[256], *letter, *owned;
	const char *bytes;
	size_t len;

	for (size_t i = 0; i < LEN(vectors); i++) {
		struct letter l = {.stage = "s",
		    .payload = vectors[i].bytes,
		    .payload_len = strlen(vectors[i].bytes)};

		CHECK(envelope_letter(&l, &letter, &len) == 0, "%zu", i);
		snprintf(line, sizeof(line), ",\"base64\":\"%s\"}\n", vectors[i].base64);
		CHECK(len > strlen(line) &&
			memcmp(letter + len - strlen(line), line, strlen(line)) == 0,
		    "%.*s", (int)len, letter);
		free(letter);
	}
	for (size_t i = 0; i < LEN(bad_base64); i++) {
		snprintf(line, sizeof(line), RETRY "\"base64\":\"%s\"}", bad_base64[i]);
		errno = 0;
		CHECK(envelope_payload(line, strlen(line), &bytes, &len, &owned) == -1 &&
			errno == EINVAL,
		    "%s", line);
	}
	/* Some filters escape slashes, or all characters. */
	snprintf(line, sizeof(line), RETRY "\"base64\":\"\\/\\u0077==\"}");
	CHECK(gives_back(line, strlen(line), "\xff", 1), "%s", line);
}

static const struct {
	const char *line;
	enum envelope_kind kind;
} lines[] = {
    {"", ENVELOPE_NONE},
    {"{}", ENVELOPE_NONE},
    {"{\"a\":1}", ENVELOPE_NONE},
    {LETTER "\"value\":1}", ENVELOPE_LETTER},
    {"\t" LETTER "\"value\":1} \r\n", ENVELOPE_LETTER},
    {" { \"pchan\" : \"dead-letter/1\" , \"id\" : \"x\" , \"stage\":\"s\",\"reason\":\"exit\","
     "\"value\" : 1 } ",
	ENVELOPE_LETTER},
    {"{\"pchan\":\"dead-letter/1\",\"value\":1,\"reason\":\"?\",\"stage\":\"\",\"id\":\"x\"}",
	ENVELOPE_LETTER},
    {RETRY "\"value\":null}", ENVELOPE_RETRY},
    {RETRY "\"text\":\"\"}", ENVELOPE_RETRY},
    {RETRY "\"base64\":\"\"}", ENVELOPE_RETRY},
    {RETRY "\"value\":1,\"host\":{\"value\":2}}", ENVELOPE_RETRY},
    {RETRY "\"value\":1,\"value\":2}", ENVELOPE_RETRY},
    {"{\"pchan\":\"retry/1\",\"\\u0069d\":\"\\u0078\",\"v\\u0061lue\":1}", ENVELOPE_RETRY},
    {"{\"pchan\":\"retry/1\",\"id\":1,\"id\":\"x\",\"value\":1}", ENVELOPE_RETRY},
    /* Sorted by a filter. */
    {"{\"base64\":\"\",\"id\":\"x\",\"pchan\":\"retry/1\"}", ENVELOPE_RETRY},
    {"{\"first_failed\":\"?\",\"id\":\"x\",\"pchan\":\"retry\\/1\",\"text\":\"\"}", ENVELOPE_RETRY},
    {"{\"attempts\": 1, \"id\": \"x\", \"pchan\": \"dead-letter/1\", \"reason\": \"r\", "
     "\"stage\": \"s\", \"text\": \"1\"}",
	ENVELOPE_LETTER},
    {"{\"attempts\":1,\"id\":\"x\",\"pchan\":\"dead-letter/1\",\"reason\":\"r\","
     "\"stage\":\"s\",\"value\":1}",
	ENVELOPE_LETTER},
    {"{\"failed\":\"\",\"id\":\"x\",\"pchan\":\"dead-letter/1\",\"reason\":\"r\","
     "\"stage\":\"s\",\"value\":1,\"worker\":{}}",
	ENVELOPE_LETTER},
    {"{\"failed\":\"\",\"id\":\"x\",\"reason\":\"r\",\"stage\":\"s\","
     "\"value\":{\"pchan\":\"dead-letter/1\"}}",
	ENVELOPE_NONE},
    {"{\"id\":\"x\",\"pchan\":\"retry/1\",\"value\":1}", ENVELOPE_NONE},
    {"{\"failed\":1,\"id\":\"x\",\"pchan\":\"retry/1\",\"value\":1", ENVELOPE_NONE},
    {"{\"failed\":1,\"id\":\"x\",\"pchan\":\"retry/2\",\"value\":1}", ENVELOPE_NONE},
    {"{\"attempts\":", ENVELOPE_NONE},
    {"{\"a", ENVELOPE_NONE},
    /* Another kind, version or place. */
    {"{\"app\":1,\"id\":\"x\",\"pchan\":\"retry/1\",\"value\":1}", ENVELOPE_NONE},
    {"{\"pchan\":\"dead-letter/2\",\"id\":\"x\",\"stage\":\"s\",\"reason\":\"exit\",\"value\":1}",
	ENVELOPE_NONE},
    {"{\"pchan\":\"dead-letter/1x\",\"id\":\"x\",\"stage\":\"s\",\"reason\":\"exit\",\"value\":1}",
	ENVELOPE_NONE},
    {"{\"pchan\":1,\"id\":\"x\",\"stage\":\"s\",\"reason\":\"exit\",\"value\":1}", ENVELOPE_NONE},
    {"[" LETTER "\"value\":1}]", ENVELOPE_NONE},
    {"\"pchan\"", ENVELOPE_NONE},
    /* A member is missing, or there is one too many. */
    {"{\"pchan\":\"retry/1\",\"value\":1}", ENVELOPE_NONE},
    {"{\"pchan\":\"retry/1\",\"id\":\"\",\"value\":1}", ENVELOPE_NONE},
    {"{\"pchan\":\"retry/1\",\"id\":1,\"value\":1}", ENVELOPE_NONE},
    {"{\"pchan\":\"retry/1\",\"id\":\"x\",\"id\":1,\"value\":1}", ENVELOPE_NONE},
    {"{\"pchan\":\"retry/1\",\"id\":\"a\\u0000b\",\"value\":1}", ENVELOPE_NONE},
    {"{\"pchan\":\"retry/1\",\"id\":\"x\"}", ENVELOPE_NONE},
    {"{\"pchan\":\"dead-letter/1\",\"id\":\"x\",\"reason\":\"exit\",\"value\":1}", ENVELOPE_NONE},
    {"{\"pchan\":\"dead-letter/1\",\"id\":\"x\",\"stage\":\"s\",\"value\":1}", ENVELOPE_NONE},
    {"{\"pchan\":\"dead-letter/1\",\"id\":\"x\",\"stage\":1,\"reason\":\"exit\",\"value\":1}",
	ENVELOPE_NONE},
    {RETRY "\"value\":1,\"text\":\"1\"}", ENVELOPE_NONE},
    {RETRY "\"value\":1,\"text\":null}", ENVELOPE_NONE},
    {RETRY "\"text\":\"1\",\"base64\":\"\"}", ENVELOPE_NONE},
    {RETRY "\"text\":1}", ENVELOPE_NONE},
    {RETRY "\"base64\":[\"\"]}", ENVELOPE_NONE},
    /* Not whole, or followed by something. */
    {RETRY "\"value\":1", ENVELOPE_NONE},
    {RETRY "\"value\":}", ENVELOPE_NONE},
    {RETRY "\"value\":1}}", ENVELOPE_NONE},
    {RETRY "\"value\":1}" RETRY "\"value\":1}", ENVELOPE_NONE},
    {RETRY "\"value\":\"\xff\"}", ENVELOPE_NONE},
};

static void
test_kind(void)
{
	char line[256];

	for (size_t i = 0; i < LEN(lines); i++) {
		size_t len = strlen(lines[i].line);

		CHECK(envelope_kind(lines[i].line, len) == lines[i].kind, "%s", lines[i].line);
		CHECK(envelope_kind_of(lines[i].line, len) == lines[i].kind, "%s", lines[i].line);
		/* Only data is unlikely, whatever there is of its head. */
		for (size_t cut = 0; cut <= len && lines[i].kind != ENVELOPE_NONE; cut++)
			CHECK(!envelope_is_unlikely(lines[i].line, cut), "%s", lines[i].line);
	}
	snprintf(line, sizeof(line), "{\"app\":1,\"id\":\"x\",\"pchan\":\"retry/1\",\"value\":1}");
	CHECK(envelope_kind_anywhere(line, strlen(line)) == ENVELOPE_RETRY, "%s", line);
	for (size_t i = 0; i < LEN(lines); i++)
		CHECK(lines[i].kind == ENVELOPE_NONE ||
			envelope_kind_anywhere(lines[i].line, strlen(lines[i].line)) ==
			    lines[i].kind,
		    "%s", lines[i].line);
	/* Ids of 63 and 64 bytes. */
	snprintf(line, sizeof(line), "{\"pchan\":\"retry/1\",\"id\":\"%063d\",\"value\":1}", 0);
	CHECK(envelope_kind(line, strlen(line)) == ENVELOPE_RETRY, "%s", line);
	snprintf(line, sizeof(line), "{\"pchan\":\"retry/1\",\"id\":\"%064d\",\"value\":1}", 0);
	CHECK(envelope_kind(line, strlen(line)) == ENVELOPE_NONE, "%s", line);
}

static void
test_may_be(void)
{
	static const char head[] = LETTER "\"value\":\"and so on";

	CHECK(envelope_may_be(head, strlen(head)), "%s", head);
	CHECK(envelope_may_be(RETRY, strlen(RETRY)), RETRY);
	CHECK(!envelope_may_be("{\"a\":1}", 7), "another member");
	CHECK(!envelope_may_be("", 0), "nothing");
	CHECK(!envelope_may_be(RETRY, strlen("{\"pchan\":\"retry/")), "cut off");
}

/*
 * Our lines after a filter that has parsed and printed them, or added a member.
 */
static void
test_foreign(void)
{
	for (size_t i = 0; i < LEN(payloads); i++) {
		struct letter letter = full_letter(payloads[i].bytes, payloads[i].len);
		const char *payload;
		json_t *json;
		char *line, *owned;
		size_t len;

		CHECK(envelope_letter(&letter, &line, &len) == 0, "%zu", i);
		json = json_loadb(line, len, DECODE, NULL);
		free(line);
		if (i % 2 == 0)
			json_object_set_new(json, "host", json_string("db1"));
		line = json_dumps(json, 0); /* with spaces */
		json_decref(json);
		len = strlen(line);
		CHECK(envelope_kind(line, len) == ENVELOPE_LETTER, "%s", line);
		CHECK(envelope_payload(line, len, &payload, &len, &owned) == 0, "%s", line);
		if (strcmp(payloads[i].member, "value") == 0) {
			json_t *value = json_loadb(payload, len, DECODE, NULL);
			json_t *expected =
			    json_loadb(payloads[i].bytes, payloads[i].len, DECODE, NULL);

			CHECK(json_equal(value, expected), "%s", line);
			CHECK(len > 0 && *payload != ' ', "%s", line);
			json_decref(value);
			json_decref(expected);
		} else {
			CHECK(
			    len == payloads[i].len && memcmp(payload, payloads[i].bytes, len) == 0,
			    "%s", line);
		}
		free(owned);
		free(line);
	}
}

static const struct {
	const char *line;
	const char *payload;
} foreign[] = {
    {RETRY "\"value\": 1 }", " 1 "}, /* ours */
    {RETRY "\"value\": 1 ,\"x\": 2 }", "1"},
    {RETRY "\"value\":1,\"value\": 2 }", " 2 "},
    {"{\"pchan\":\"retry/1\",\"value\": 1 ,\"id\":\"x\"}", "1"},
    {"{ \"pchan\":\"retry/1\",\"id\":\"x\",\"value\": 1 }", "1"},
    {RETRY "\"text\": \"1\" ,\"x\": 2 }", "1"},
    {RETRY "\"text\":\"\\u0061\\/\\\"\" }", "a/\""},
};

static void
test_white_space(void)
{
	for (size_t i = 0; i < LEN(foreign); i++)
		CHECK(gives_back(foreign[i].line, strlen(foreign[i].line), foreign[i].payload,
			  strlen(foreign[i].payload)),
		    "%s", foreign[i].line);
}

/* A member of a letter, as text, which the caller frees. */
static char *
member(const struct letter *letter, const char *object, const char *name)
{
	json_t *json, *from;
	char *line, *text;
	size_t len;

	if (envelope_letter(letter, &line, &len) == -1)
		return NULL;
	json = json_loadb(line, len, DECODE, NULL);
	free(line);
	from = object != NULL ? json_object_get(json, object) : json;
	text = json_dumps(json_object_get(from, name), JSON_ENCODE_ANY);
	json_decref(json);
	return text;
}

static void
check_member(
    const struct letter *letter, const char *object, const char *name, const char *expected)
{
	char *text = member(letter, object, name);

	if (text == NULL || expected == NULL)
		CHECK(text == expected, "%s is %s", name, text != NULL ? text : "left out");
	else
		CHECK(strcmp(text, expected) == 0, "%s is %s", name, text);
	free(text);
}

static void
test_members(void)
{
	struct letter letter = {.stage = "\xff", .payload = "1", .payload_len = 1, .failed = 1};
	char stamp[] = "\"1970-01-01T00:00:00.000001Z\"";

	check_member(&letter, NULL, "stage", "\"\xef\xbf\xbd\"");
	check_member(&letter, NULL, "reason", "\"invalid\"");
	check_member(&letter, NULL, "failed", stamp);
	check_member(&letter, NULL, "first_failed", stamp);
	check_member(&letter, NULL, "message", NULL);
	check_member(&letter, NULL, "attempts", NULL);
	check_member(&letter, NULL, "replays", NULL);
	check_member(&letter, NULL, "input", NULL);
	check_member(&letter, NULL, "worker", NULL);
	check_member(&letter, NULL, "truncated", NULL);

	letter.message = "caf\xe9";
	check_member(&letter, NULL, "message", "\"caf\xef\xbf\xbd\"");
	letter.input = "a\"b\xff";
	check_member(&letter, NULL, "input", "{\"name\": \"a\\\"b\xef\xbf\xbd\", \"offset\": 0}");
	letter.worker.known = true;
	check_member(&letter, NULL, "worker", "{}");
	letter.worker.signal = SIGKILL;
	check_member(&letter, NULL, "worker", "{\"signal\": \"SIGKILL\"}");
	letter.worker.signal = SIGRTMIN;
	check_member(&letter, "worker", "signal", "\"SIG34\"");
	letter.worker.exited = true;
	check_member(&letter, NULL, "worker", "{\"exit\": 0}");
}

/* Texts are cut at a character, the log at its start. */
static void
test_limits(void)
{
	char log[5000], message[2000], *text;
	struct letter letter = {.stage = "s", .message = message, .payload = "1", .payload_len = 1};

	for (size_t i = 0; i < sizeof(log); i += 2)
		memcpy(log + i, "\xc3\xa9", 2);
	letter.worker.known = true;
	letter.worker.log = log;
	/*
	 * The log ends inside a character, and a cut to 4096 bytes begins in
	 * one.
	 */
	letter.worker.log_len = sizeof(log) - 1;
	text = member(&letter, "worker", "stderr");
	/* 4095 bytes stay, and the last of them becomes three. */
	CHECK(text != NULL && strlen(text) == 2 + 4094 + 3, "%zu", text ? strlen(text) : 0);
	CHECK(text != NULL && strncmp(text, "\"\xc3\xa9", 3) == 0, "%.8s", text ? text : "");
	free(text);
	memset(message, 'm', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	text = member(&letter, NULL, "message");
	CHECK(text != NULL && strlen(text) == 2 + 1024, "%zu", text ? strlen(text) : 0);
	free(text);
}

/* What an attempt printed: all of it, or both ends, cut at characters. */
static void
test_output(void)
{
	static const char e_acute[] = "\xc3\xa9";
	struct letter letter = {.stage = "s", .payload = "1", .payload_len = 1};
	char out[5001], want[5100];
	size_t n = 0;

	letter.worker.known = true;
	letter.worker.out = "{\"error\":\"no \xff\"}\n";
	letter.worker.out_len = strlen(letter.worker.out);
	check_member(&letter, "worker", "stdout", "\"{\\\"error\\\":\\\"no \xef\xbf\xbd\\\"}\\n\"");
	check_member(&letter, "worker", "stdout_length", NULL);

	/* The cuts at 2048 bytes of either end are inside a character. */
	out[0] = 'a';
	for (size_t i = 1; i < sizeof(out); i += 2)
		memcpy(out + i, e_acute, 2);
	out[sizeof(out) - 1] = 'z';
	out[sizeof(out) - 2] = 'z';
	letter.worker.out = out;
	letter.worker.out_len = 4096;
	check_member(&letter, "worker", "stdout_length", NULL);
	letter.worker.out_len = sizeof(out);
	n = (size_t)sprintf(want, "\"a");
	for (size_t i = 1; i < 2047; i += 2)
		n += (size_t)sprintf(want + n, "%s", e_acute);
	n += (size_t)sprintf(want + n, "\\n[... %d bytes ...]\\n", 5001 - 2047 - 2048);
	for (size_t i = 0; i < 2046; i += 2)
		n += (size_t)sprintf(want + n, "%s", e_acute);
	sprintf(want + n, "zz\"");
	check_member(&letter, "worker", "stdout", want);
	check_member(&letter, "worker", "stdout_length", "5001");
}

/* Which records it may be about; nothing is said where there is nothing. */
static void
test_shared(void)
{
	struct letter letter = {.stage = "s", .payload = "1", .payload_len = 1};

	letter.worker.known = true;
	letter.worker.shared = 14;
	letter.worker.shared_first = 118;
	letter.worker.shared_last = 131;
	check_member(&letter, "worker", "shared", NULL);
	letter.worker.out = "x";
	letter.worker.out_len = 1;
	check_member(&letter, "worker", "stderr_shared", NULL);
	check_member(&letter, "worker", "shared",
	    "{\"records\": 14, \"first_line\": 118, \"last_line\": 131}");
	letter.worker.log = "y";
	letter.worker.log_len = 1;
	check_member(&letter, "worker", "stderr_shared", "true");
	letter.worker.shared = 1;
	check_member(&letter, "worker", "stderr_shared", NULL);
	check_member(&letter, "worker", "shared", NULL);
}

/*
 * All but the payload is shorter than readers have room for, whatever the names
 * are.
 */
static void
test_room(void)
{
	char bytes[8000];
	struct letter letter = full_letter("", 0);
	char *line;
	size_t len;

	memset(bytes, 1, sizeof(bytes) - 1);
	bytes[sizeof(bytes) - 1] = '\0';
	letter.id = letter.stage = letter.message = letter.input = letter.worker.log = bytes;
	letter.worker.log_len = letter.worker.out_len = sizeof(bytes);
	letter.worker.out = bytes;
	letter.worker.shared = letter.worker.shared_first = letter.worker.shared_last = INT64_MAX;
	CHECK(envelope_letter(&letter, &line, &len) == 0, "no letter");
	CHECK(len > 85000 && len < ENVELOPE_ROOM, "%zu", len);
	CHECK(envelope_kind(line, len) == ENVELOPE_LETTER, "%.*s", (int)len, line);
	free(line);
}

static const struct {
	const char *members;
	uint64_t replays;
	int64_t first_failed;
} identities[] = {
    {"", 0, 0},
    {"\"replays\":7,", 7, 0},
    {"\"replays\":7.0,", 7, 0},
    {"\"replays\":1,\"replays\": 2 ,", 2, 0},
    {"\"replays\":-7,", 0, 0},
    {"\"replays\":\"7\",", 0, 0},
    {"\"replays\":999999999999999999,", 999999999999999999, 0},
    {"\"replays\":null,\"first_failed\":null,", 0, 0},
    {"\"first_failed\":\"1970-01-01T00:00:01Z\",", 0, 1000000},
    {"\"first_failed\":\"1970-01-01T00:00:01.5Z\",", 0, 1500000},
    {"\"first_failed\":\"1970-01-01T00:00:01.123456Z\",", 0, 1123456},
    {"\"first_failed\":\"1970-01-01T00:00:01.123456789Z\",", 0, 1123456},
    {"\"first_failed\":\"1970-01-01T01:00:01+01:00\",", 0, 1000000},
    {"\"first_failed\":\"1969-12-31T19:30:01.000001-04:30\",", 0, 1000001},
    {"\"first_failed\":\"2026-11-23T15:04:05.123456Z\",", 0, INT64_C(1795446245123456)},
    {"\"first_failed\":\"2024-02-29T23:59:59Z\",", 0, INT64_C(1709251199000000)},
    {"\"first_failed\":\"1970-01-01T00:00:01\",", 0, 0},
    {"\"first_failed\":\"1970-01-01\",", 0, 0},
    {"\"first_failed\":\"1970-01-01T00:00:01Z and more\",", 0, 0},
    {"\"first_failed\":\"yesterday\",", 0, 0},
    {"\"first_failed\":\"\",", 0, 0},
    {"\"first_failed\":1,", 0, 0},
};

static void
test_identity(void)
{
	static const char *const heads[] = {LETTER, RETRY};
	struct envelope_id id;
	char line[512];

	for (size_t i = 0; i < 2 * LEN(identities); i++) {
		snprintf(line, sizeof(line), "%s%s\"value\":{\"id\":\"no\",\"replays\":9}}",
		    heads[i % 2], identities[i / 2].members);
		CHECK(envelope_kind(line, strlen(line)) != ENVELOPE_NONE, "%s", line);
		memset(&id, 0xff, sizeof(id));
		envelope_identity(line, strlen(line), &id);
		CHECK(strcmp(id.id, "x") == 0, "%s: %s", line, id.id);
		CHECK(id.replays == identities[i / 2].replays, "%s: %" PRIu64, line, id.replays);
		CHECK(id.first_failed == identities[i / 2].first_failed, "%s: %" PRId64, line,
		    id.first_failed);
	}
}

/* A retry envelope has the identity that it was made with. */
static void
test_retry(void)
{
	struct envelope_id id;
	char *line;
	size_t len;

	CHECK(envelope_retry(&retry_id, "1", 1, &line, &len) == 0, "no envelope");
	envelope_identity(line, len, &id);
	CHECK(strcmp(id.id, retry_id.id) == 0, "%s", id.id);
	CHECK(id.replays == retry_id.replays, "%" PRIu64, id.replays);
	CHECK(id.first_failed == retry_id.first_failed, "%" PRId64, id.first_failed);
	free(line);
}

/* The id of an envelope that was made without one. */
static void
make_id(char id[ENVELOPE_ID_SIZE])
{
	struct envelope_id made = {.id = ""};
	char *line;
	size_t len;

	CHECK(envelope_retry(&made, "1", 1, &line, &len) == 0);
	envelope_identity(line, len, &made);
	memcpy(id, made.id, ENVELOPE_ID_SIZE);
	free(line);
}

/* A UUID of version 7: the current ms, and no two are the same. */
static void
test_ids(void)
{
	char id[ENVELOPE_ID_SIZE], last[ENVELOPE_ID_SIZE] = "";
	unsigned long long high, low;

	for (int i = 0; i < 100; i++) {
		int64_t before = clock_calendar() / 1000, after;

		make_id(id);
		after = clock_calendar() / 1000;
		CHECK(strlen(id) == 36 && strspn(id, "0123456789abcdef-") == 36, "%s", id);
		CHECK(id[14] == '7' && strchr("89ab", id[19]) != NULL, "%s", id);
		CHECK(sscanf(id, "%8llx-%4llx-", &high, &low) == 2, "%s", id);
		CHECK((int64_t)(high << 16 | low) >= before, "%s", id);
		CHECK((int64_t)(high << 16 | low) <= after, "%s", id);
		CHECK(strcmp(id, last) != 0, "%s", id);
		memcpy(last, id, sizeof(id));
	}
}

/*
 * jansson's k-th request for memory fails.  It must have freed all blocks by
 * then, except the text of a head, which is freed by free(3).
 */
static int left, blocks;

static void *
scarce_malloc(size_t size)
{
	if (left == 0)
		return NULL;
	left--;
	blocks++;
	return malloc(size);
}

static void
scarce_free(void *p)
{
	blocks -= p != NULL;
	free(p);
}

static void
test_no_memory(void)
{
	struct letter letter = full_letter(BYTES("{\"a\":1}"));
	char *line;
	size_t len;
	int k = 0, rc;

	json_set_alloc_funcs(scarce_malloc, scarce_free);
	do {
		left = k++;
		errno = 0;
		if ((rc = envelope_letter(&letter, &line, &len)) == 0)
			free(line);
		CHECK(rc == 0 || errno == ENOMEM, "%d requests: %d", k, errno);
		CHECK(blocks == (rc == 0), "%d requests: %d left", k, blocks);
	} while (rc == -1 && k < 1000);
	CHECK(k > 30 && k < 1000, "%d", k);
	json_set_alloc_funcs(malloc, free);
}

int
main(void)
{
	json_object_seed(0);
	test_round_trip();
	test_large();
	test_deep();
	test_base64();
	test_kind();
	test_may_be();
	test_foreign();
	test_white_space();
	test_members();
	test_limits();
	test_output();
	test_shared();
	test_room();
	test_identity();
	test_retry();
	test_ids();
	test_no_memory();
	return t_end();
}
