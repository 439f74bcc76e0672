/* The side of a helper that gives records; the test is pfanin. */

#include "engine/giver.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/time.h>

#include "t.h"
#include "t_play.h"
#include "t_random.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))
#define KEY "0123456789abcdef"
#define HELLO "@" KEY " pchan-in 1 marks\n"
#define PARENT "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
#define OTHER "00-fedcba9876543210fedcba9876543210-fedcba9876543210-01"
#define MEMBER "\"at\":{\"o\":1}"

static void
tell_done(void *arg, const char *token)
{
	(void)arg;
	tell("done %s\n", token);
}

static struct giver *
begin(bool with_key, bool marks)
{
	if (with_key)
		setenv("PCHAN_KEY", KEY, 1);
	else
		unsetenv("PCHAN_KEY");
	return giver_new(marks, tell_done, NULL);
}

/* Goes on until it stops; how many steps that takes. */
static unsigned
step_on(struct giver *g)
{
	unsigned n = 0;

	do {
		n++;
	} while (giver_step(g, NULL, 0, -1) == GIVER_GOES_ON);
	return n;
}

static void
put(struct giver *g, const char *text)
{
	giver_put(g, &(struct giver_record){.data = text, .len = strlen(text)}, "in", 1);
}

/* The first line, a record, a mark, and numbers. */
static const struct first {
	bool with_key, marks;
	const char *want;
} firsts[] = {
    {true, true,
	"@" KEY " pchan-in 1 marks\n1\n@" KEY " mark t:1\n@" KEY " stat lag 17\n@" KEY
	" stat lag 18446744073709551615 partition=3\n"},
    {true, false,
	"@" KEY " pchan-in 1\n1\n@" KEY " mark t:1\n@" KEY " stat lag 17\n@" KEY
	" stat lag 18446744073709551615 partition=3\n"},
    {false, true, "1\n"},
    {false, false, "1\n"},
};

static void
run_first(const void *arg)
{
	const struct first *first = arg;
	struct giver *g = begin(first->with_key, first->marks);

	put(g, "1");
	giver_mark(g, "t:1");
	giver_stat(g, "lag", 17, NULL);
	giver_stat(g, "lag", UINT64_MAX, "partition=3");
	giver_end(g);
	CHECK(!giver_has_room(g), "it has ended");
	step_on(g);
	giver_free(g);
	giver_free(NULL);
}

static void
test_first(void)
{
	for (size_t i = 0; i < LEN(firsts); i++) {
		struct play p = play(run_first, &firsts[i], false, -1);
		size_t len;
		char *text = play_read_all(p.out, &len);

		CHECK(strcmp(text, firsts[i].want) == 0, "row %zu: %s", i, text);
		CHECK(play_end(&p) == 0, "row %zu", i);
		free(text);
	}
}

/* Records, and the lines that they become. */
static const struct {
	const char *data;
	size_t len;
	const char *member, *parent, *state;
	const char *want; /* NULL: a letter, */
	const char *message;
} records[] = {
    {"{\"a\":1}", 7, NULL, NULL, NULL, "{\"a\":1}", NULL},
    {" {\"a\":1} ", 9, NULL, NULL, NULL, " {\"a\":1} ", NULL},
    {"plain text", 10, NULL, NULL, NULL, "plain text", NULL},
    {"plain\r", 6, NULL, NULL, NULL, "plain\r", NULL},
    {"{broken", 7, MEMBER, PARENT, NULL, "{broken", NULL},
    {"[1]", 3, MEMBER, PARENT, NULL, "[1]", NULL},
    {"7", 1, MEMBER, PARENT, NULL, "7", NULL},
    {"\"{}\"", 4, MEMBER, PARENT, NULL, "\"{}\"", NULL},
    /* line feeds */
    {"{\n\"a\":\n\n1}\n", 11, NULL, NULL, NULL, "{ \"a\":  1} ", NULL},
    {"[1,\n2]", 6, NULL, NULL, NULL, "[1, 2]", NULL},
    {"\n7", 2, NULL, NULL, NULL, " 7", NULL},
    {"a\nb", 3, NULL, NULL, NULL, NULL, "it has line feeds, and is no JSON"},
    {"{\"a\":\"\n\"}", 9, NULL, NULL, NULL, NULL, "it has line feeds, and is no JSON"},
    {"a\n", 2, MEMBER, PARENT, NULL, NULL, "it has line feeds, and is no JSON"},
    /* nothing is there */
    {"", 0, NULL, NULL, NULL, NULL, "it is empty"},
    {NULL, 0, NULL, NULL, NULL, NULL, "it is empty"},
    {"", 0, MEMBER, PARENT, NULL, NULL, "it is empty"},
    {" \t\r", 3, NULL, NULL, NULL, NULL, "it is empty"},
    {"\n", 1, NULL, NULL, NULL, NULL, "it is empty"},
    /* members in front */
    {"{}", 2, MEMBER, NULL, NULL, "{" MEMBER "}", NULL},
    {" { } ", 5, MEMBER, NULL, NULL, " {" MEMBER " } ", NULL},
    {"{\n}", 3, MEMBER, NULL, NULL, "{" MEMBER " }", NULL},
    {"{\"a\":1}", 7, MEMBER, NULL, NULL, "{" MEMBER ",\"a\":1}", NULL},
    {"\n{ \"a\":1}", 9, MEMBER, NULL, NULL, " {" MEMBER ", \"a\":1}", NULL},
    /* contexts */
    {"{}", 2, NULL, PARENT, NULL, "{\"traceparent\":\"" PARENT "\"}", NULL},
    {"{\"a\":1}", 7, NULL, PARENT, NULL, "{\"a\":1,\"traceparent\":\"" PARENT "\"}", NULL},
    {"{\"a\":1}", 7, NULL, PARENT, "x=y",
	"{\"a\":1,\"traceparent\":\"" PARENT "\",\"tracestate\":\"x=y\"}", NULL},
    {"{\"a\":1}", 7, NULL, PARENT, "not valid", "{\"a\":1,\"traceparent\":\"" PARENT "\"}", NULL},
    {"{\"a\":1}", 7, NULL, NULL, "x=y", "{\"a\":1}", NULL},
    {"{\"a\":1}", 7, NULL, "00-0-0-01", "x=y", "{\"a\":1}", NULL},
    {"{\"a\":1}", 7, NULL, "", NULL, "{\"a\":1}", NULL},
    {"{\"traceparent\":\"" OTHER "\"}", 73, NULL, PARENT, "x=y", "{\"traceparent\":\"" OTHER "\"}",
	NULL},
    {"{\"traceparent\":7}", 17, NULL, PARENT, NULL, "{\"traceparent\":\"" PARENT "\"}", NULL},
    {"{\"a\":\n1}", 8, MEMBER, PARENT, NULL, "{" MEMBER ",\"a\": 1,\"traceparent\":\"" PARENT "\"}",
	NULL},
    {"{}", 2, MEMBER, PARENT, NULL, "{" MEMBER ",\"traceparent\":\"" PARENT "\"}", NULL},
};

static void
run_records(const void *arg)
{
	struct giver *g = begin(false, false);

	(void)arg;
	for (size_t i = 0; i < LEN(records); i++) {
		struct giver_record r = {records[i].data, records[i].len, records[i].parent,
		    records[i].state, records[i].member};

		giver_put(g, &r, "topic/3", 1000 + i);
	}
	giver_end(g);
	step_on(g);
	giver_free(g);
}

/* The letter has the reason, the message, and where the record was. */
static void
check_letter(size_t i, const char *line)
{
	char message[100], place[100];

	snprintf(message, sizeof(message), "\"%s\"", records[i].message);
	snprintf(place, sizeof(place), "\"line\":%zu", 1000 + i);
	CHECK(strncmp(line, "{\"pchan\":\"", 10) == 0, "row %zu: %s", i, line);
	CHECK(strstr(line, "\"invalid\"") != NULL, "row %zu: %s", i, line);
	CHECK(strstr(line, "\"topic/3\"") != NULL, "row %zu: %s", i, line);
	CHECK(strstr(line, message) != NULL, "row %zu: %s", i, line);
	CHECK(strstr(line, place) != NULL, "row %zu: %s", i, line);
}

static void
test_records(void)
{
	struct play p = play(run_records, NULL, false, -1);
	char line[1000];

	for (size_t i = 0; i < LEN(records); i++) {
		CHECK(play_line(p.out, line, sizeof(line)), "row %zu", i);
		if (records[i].want != NULL)
			CHECK(strcmp(line, records[i].want) == 0, "row %zu: %s", i, line);
		else
			check_letter(i, line);
	}
	CHECK(!play_line(p.out, line, sizeof(line)) && *line == '\0', "%s", line);
	CHECK(play_end(&p) == 0);
}

/* Tokens come until stdin ends; stdout may have been closed before. */
static void
run_done(const void *arg)
{
	const bool *ends = arg;
	struct giver *g = begin(true, true);

	put(g, "1");
	if (*ends)
		giver_end(g);
	tell("steps %d\n", step_on(g) < 10000);
	giver_free(g);
}

/* What pfanin writes, in writes that | ends; and the tokens. */
static const struct {
	const char *writes, *tokens;
} dones[] = {
    {"", ""},
    {"done a\n", "a"},
    {"d|o|n|e| |a|\n", "a"},
    {"done a\ndone b\ndone c\n", "abc"},
    {"done a\ndo|ne b\nd|one c\n", "abc"},
    {"done a|\ndone b|\n", "ab"},
    {"done a\nhello\n\ndone\ndoneb\ndone c\n", "ac"},
    {"done a\ndone b", "a"},
    {"done a\n|done b", "a"},
};

static void
test_done(void)
{
	for (size_t i = 0; i < 2 * LEN(dones); i++) {
		bool ends = i % 2;
		struct play p = play(run_done, &ends, false, -1);
		const char *at = dones[i / 2].writes;
		char line[100];

		/* It prints while stdin is open; giver_end() ends stdout. */
		CHECK(play_line(p.out, line, sizeof(line)), "%s", line);
		CHECK(play_line(p.out, line, sizeof(line)) && strcmp(line, "1") == 0, "%s", line);
		CHECK(!ends || !play_line(p.out, line, sizeof(line)), "%s", line);
		for (; *at != '\0'; at += strcspn(at, "|"), at += *at == '|')
			play_write(&p, at, strcspn(at, "|"));
		play_close(&p.in);
		for (const char *token = dones[i / 2].tokens; *token != '\0'; token++) {
			snprintf(line, sizeof(line), "done %c", *token);
			CHECK(play_is_told(&p, line), "row %zu: %s", i / 2, line);
		}
		CHECK(play_is_told(&p, "steps 1"), "row %zu", i / 2);
		CHECK(play_end(&p) == 0, "row %zu", i / 2);
	}
}

/* More lines in one write than are read at once. */
static void
test_many_done(void)
{
	bool ends = false;
	struct play p = play(run_done, &ends, false, -1);
	char text[20000], line[50];
	size_t len = 0, n;

	for (n = 0; len < sizeof(text) - 50; n++)
		len += (size_t)snprintf(text + len, 50, "done %032zx\n", n);
	play_write(&p, text, len);
	for (size_t i = 0; i < n; i++) {
		snprintf(line, sizeof(line), "done %032zx", i);
		CHECK(play_is_told(&p, line), "%zu", i);
	}
	play_close(&p.in);
	CHECK(play_is_told(&p, "steps 1"));
	CHECK(play_end(&p) == 0);
}

/* No line of pfanin's is so long: the helper ends. */
static void
run_quiet(const void *arg)
{
	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	run_done(arg);
}

static void
test_long_line(void)
{
	bool ends = false;
	struct play p = play(run_quiet, &ends, false, -1);
	static char text[4096];

	memset(text, 'x', sizeof(text));
	play_write(&p, text, sizeof(text));
	CHECK(play_line(p.told, text, sizeof(text)) == false && *text == '\0');
	CHECK(play_end(&p) == 2);
}

#define SLOW_RECORDS 32768
#define SLOW_LEN 1023       /* bytes of each, and a line feed */
#define SLOW_MOST (1 << 19) /* bytes that may wait, in memory and in the pipe */

/* The test reads nothing before it is told that there is no more room. */
static void
run_slow(const void *arg)
{
	struct giver *g = begin(true, true);
	char text[SLOW_LEN + 1];
	long memory = play_memory();
	unsigned n = 0, full = 0;
	bool told = false;

	(void)arg;
	while (giver_step(g, NULL, 0, told ? -1 : 0) == GIVER_GOES_ON) {
		full = giver_has_room(g) ? 0 : full + 1;
		for (; giver_has_room(g) && n < SLOW_RECORDS; n++) {
			snprintf(text, sizeof(text), "%01023u", n);
			put(g, text);
		}
		if (full == 5 && !told) {
			tell("%s\n", n < SLOW_MOST / SLOW_LEN ? "few" : "many");
			told = true;
		}
		if (n == SLOW_RECORDS)
			giver_end(g);
	}
	memory = play_memory() - memory;
	CHECK(!PLAY_MEMORY || memory < 8192, "%ld KiB", memory);
	giver_free(g);
}

static void
test_slow_reader(void)
{
	struct play p = play(run_slow, NULL, false, -1);
	static char text[SLOW_LEN + 1], line[16384];
	unsigned n = 0;
	size_t have = 0;
	ssize_t got;

	CHECK(play_is_told(&p, "few"));
	CHECK(read(p.out, line, strlen(HELLO)) == (ssize_t)strlen(HELLO));
	while ((got = read(p.out, line + have, 1 + next_random() % 9000)) > 0) {
		have += (size_t)got;
		for (; have > SLOW_LEN; n++) {
			snprintf(text, sizeof(text), "%01023u", n);
			CHECK(memcmp(line, text, SLOW_LEN) == 0, "record %u", n);
			have -= SLOW_LEN + 1;
			memmove(line, line + SLOW_LEN + 1, have);
		}
	}
	CHECK(n == SLOW_RECORDS && have == 0, "%u", n);
	CHECK(play_end(&p) == 0);
}

/* The reader goes away: more can still be done.  Numbers take no room. */
static void
run_gone(const void *arg)
{
	struct giver *g = begin(true, true);
	long memory = play_memory();
	unsigned n = 0;

	(void)arg;
	while (giver_has_room(g))
		CHECK(giver_step(g, NULL, 0, -1) == GIVER_GOES_ON);
	for (int i = 0; i < 1000000; i++)
		giver_stat(g, "lag", 1, NULL);
	put(g, "1");
	memory = play_memory() - memory;
	CHECK(!PLAY_MEMORY || memory < 8192, "%ld KiB", memory);
	tell("gone\n");
	n = step_on(g);
	CHECK(n < 10, "it must wait: %u steps", n);
	giver_free(g);
}

/* Without a key that is the end. */
static void
run_gone_by_hand(const void *arg)
{
	const bool *puts = arg;
	struct giver *g = begin(false, false);
	unsigned n;

	if (*puts)
		put(g, "1");
	n = step_on(g);
	CHECK(n < 10, "%u steps", n);
	CHECK(!giver_has_room(g));
	giver_free(g);
}

static void
test_gone(void)
{
	for (int i = 0; i < 2; i++) {
		struct play p = play(run_gone, NULL, i, -1);

		play_close(&p.out);
		CHECK(play_is_told(&p, "gone"));
		play_write(&p, "done a\n", 7);
		CHECK(play_is_told(&p, "done a"));
		CHECK(play_end(&p) == 0);
	}
	for (int i = 0; i < 4; i++) {
		bool puts = i % 2;
		struct play p = play(run_gone_by_hand, &puts, i / 2, -1);

		play_close(&p.out);
		CHECK(play_end(&p) == 0);
	}
}

/* At the end of stdin it stops, whatever waits. */
static void
run_stopped(const void *arg)
{
	struct giver *g = begin(true, true);

	(void)arg;
	while (giver_step(g, NULL, 0, 0) == GIVER_GOES_ON)
		while (giver_has_room(g))
			put(g, "{\"a\":1}");
	CHECK(giver_step(g, NULL, 0, -1) == GIVER_STOPS, "again");
	giver_free(g);
}

static void
test_stopped(void)
{
	struct play p = play(run_stopped, NULL, false, -1);
	int status;

	play_close(&p.in);
	CHECK(waitpid(p.pid, &status, 0) == p.pid && status == 0, "while stdout is open");
	play_close(&p.out);
	play_close(&p.told);
}

static bool
step_more(void *g, struct pollfd *more, size_t n)
{
	return giver_step(g, more, n, -1) == GIVER_GOES_ON;
}

static void
run_more(const void *arg)
{
	struct giver *g = begin(true, true);

	(void)arg;
	CHECK(step_more(g, NULL, 0), "the first line is written");
	play_more(step_more, g);
	giver_free(g);
}

static void
test_more(void)
{
	struct play p = play(run_more, NULL, false, -1);
	char line[100];

	CHECK(play_line(p.out, line, sizeof(line)), "%s", line);
	CHECK(!play_line(p.told, line, sizeof(line)));
	CHECK(play_end(&p) == 0);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_first();
	test_records();
	test_done();
	test_many_done();
	test_long_line();
	test_slow_reader();
	test_gone();
	test_stopped();
	test_more();
	return t_end();
}
