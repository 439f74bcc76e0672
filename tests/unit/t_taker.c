/* The side of a helper that takes records; the test is pfanout. */

#include "engine/taker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "base/clock.h"
#include "t.h"
#include "t_play.h"
#include "t_random.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))

/* Answers, and the lines that they become. */
static const struct {
	char what; /* d, ? or ! */
	int64_t wait;
	const char *message;
	const char *want;
} answers[] = {
    {'d', 0, "", ""},
    {'?', 0, "later", "?later"},
    {'?', 5 * CLOCK_S, "later", "?5s later"},
    {'?', 250 * CLOCK_MS, "", "?250ms "},
    {'?', 1, "later", "?1ns later"},
    {'?', -1, "later", "?later"},
    {'?', 90 * CLOCK_S, "later", "?1m30s later"},
    {'?', 0, "", "?"},
    {'?', 0, "a\nb\tc\rd\x1b[1m\x01", "?a b c d [1m "},
    {'?', 5 * CLOCK_S, "a\nb", "?5s a b"},
    /* A message that begins with a duration is no time to wait. */
    {'?', 0, "5s have passed", "?0 5s have passed"},
    {'?', 0, "1m30s", "?0 1m30s"},
    {'?', 0, "0", "?0 0"},
    {'?', 0, "5 servers", "?5 servers"},
    {'?', 0, "503 Service Unavailable", "?503 Service Unavailable"},
    {'?', 5 * CLOCK_S, "10s have passed", "?5s 10s have passed"},
    {'!', 0, "never", "!never"},
    {'!', 0, "", "!"},
    {'!', 0, "5s", "!5s"},
    {'!', 0, "a\nb\n", "!a b "},
    {'!', 0, "caf\xc3\xa9 100%s", "!caf\xc3\xa9 100%s"},
};

static void
answer(struct taker *t, uint64_t n, size_t i)
{
	if (answers[i].what == 'd')
		taker_done(t, n);
	else if (answers[i].what == '?')
		taker_again(t, n, answers[i].wait, "%s", answers[i].message);
	else
		taker_reject(t, n, "%s", answers[i].message);
}

/* Until it ends or stops: no more records come. */
static enum taker_state
step_on(struct taker *t)
{
	struct taker_record r;
	enum taker_state state;

	while ((state = taker_step(t, NULL, 0, -1)) == TAKER_GOES_ON)
		if (taker_next(t, &r))
			return TAKER_GOES_ON;
	return state;
}

/* Takes so many records; the numbers are those from `first` on. */
static void
take(struct taker *t, uint64_t first, uint64_t n)
{
	struct taker_record r;

	for (uint64_t i = first; i < first + n;) {
		if (!taker_next(t, &r)) {
			CHECK(taker_step(t, NULL, 0, -1) == TAKER_GOES_ON);
			continue;
		}
		CHECK(r.n == i, "%ju", (uintmax_t)r.n);
		i++;
	}
}

/* All records are taken, and then answered in an order of its own. */
static void
run_answers(const void *arg)
{
	const char *order = arg;
	struct taker *t = taker_new();
	uint64_t left[LEN(answers)];
	size_t n = LEN(answers);

	take(t, 0, n);
	CHECK(taker_owed(t) == n && !taker_has_all(t));
	for (size_t i = 0; i < n; i++)
		left[i] = i;
	while (n > 0) {
		size_t i = *order == 'f' ? 0 : *order == 'l' ? n - 1 : next_random() % n;
		uint64_t record = left[i];

		memmove(&left[i], &left[i + 1], (--n - i) * sizeof(*left));
		answer(t, record, record);
		CHECK(taker_owed(t) == n);
		if (*order == 'r')
			CHECK(taker_step(t, NULL, 0, 0) == TAKER_GOES_ON);
	}
	CHECK(step_on(t) == TAKER_ENDS);
	taker_free(t);
	taker_free(NULL);
}

static void
test_answers(void)
{
	static const char *const orders[] = {"first", "last", "random"};

	for (size_t i = 0; i < LEN(orders); i++) {
		struct play p = play(run_answers, orders[i], false, -1);
		char line[100];

		for (size_t j = 0; j < LEN(answers); j++)
			play_write(&p, "record\n", 7);
		for (size_t j = 0; j < LEN(answers); j++) {
			CHECK(play_line(p.out, line, sizeof(line)), "row %zu", j);
			CHECK(strcmp(line, answers[j].want) == 0, "%s, row %zu: %s", orders[i], j,
			    line);
		}
		/* It has no more, and ends only now. */
		play_close(&p.in);
		CHECK(!play_line(p.out, line, sizeof(line)) && *line == '\0');
		CHECK(play_end(&p) == 0);
	}
}

/* Numbers are told when they are new, also while nothing else happens. */
static void
run_stats(const void *arg)
{
	struct taker *t = taker_new();

	(void)arg;
	taker_stat(t, "reconnects", 0);
	take(t, 0, 2);
	taker_done(t, 0);
	taker_done(t, 1);
	CHECK(step_on(t) == TAKER_ENDS);
	taker_free(t);
}

static void
test_stats(void)
{
	char line[100], all[1000] = "";
	struct play p;

	setenv("PCHAN_KEY", "k", 1);
	p = play(run_stats, NULL, false, -1);
	CHECK(play_line(p.out, line, sizeof(line)) && strcmp(line, "@k stat reconnects 0") == 0);
	CHECK(
	    play_line(p.out, line, sizeof(line)) && strcmp(line, "@k stat unacknowledged 0") == 0);
	play_write(&p, "1\n2\n", 4);
	for (int empty = 0; empty < 2;) {
		CHECK(play_line(p.out, line, sizeof(line)));
		empty += *line == '\0';
		strcat(all, line);
	}
	CHECK(*all == '\0' || strcmp(all, "@k stat unacknowledged 2") == 0, "%s", all);
	/* The taker sleeps, but not longer than until that is due. */
	if (*all != '\0')
		CHECK(play_line(p.out, line, sizeof(line)) &&
			strcmp(line, "@k stat unacknowledged 0") == 0,
		    "%s", line);
	play_close(&p.in);
	CHECK(!play_line(p.out, line, sizeof(line)));
	CHECK(play_end(&p) == 0);
	unsetenv("PCHAN_KEY");
}

/* A message that is too long is cut; it is one line. */
static void
run_long(const void *arg)
{
	struct taker *t = taker_new();
	static char text[5000];

	(void)arg;
	memset(text, 'x', sizeof(text) - 1);
	take(t, 0, 2);
	taker_again(t, 0, CLOCK_S, "%s", text);
	taker_reject(t, 1, "%s", text);
	CHECK(step_on(t) == TAKER_ENDS);
	taker_free(t);
}

static void
test_long(void)
{
	struct play p = play(run_long, NULL, false, -1);
	char line[5000];

	play_write(&p, "1\n2\n", 4);
	CHECK(play_line(p.out, line, sizeof(line)) && strncmp(line, "?1s xxx", 7) == 0);
	CHECK(strspn(line + 4, "x") == strlen(line + 4) && strlen(line) > 500);
	CHECK(play_line(p.out, line, sizeof(line)) && strncmp(line, "!xxx", 4) == 0);
	CHECK(strspn(line + 1, "x") == strlen(line + 1) && strlen(line) > 500);
	play_close(&p.in);
	CHECK(!play_line(p.out, line, sizeof(line)));
	CHECK(play_end(&p) == 0);
}

/* What comes, in writes that | ends, and the records that are taken. */
static const struct {
	const char *writes, *records;
} inputs[] = {
    {"", ""},
    {"a\n", "<a>"},
    {"a", "<a>"},
    {"a\nb", "<a><b>"},
    {"a\nb\n", "<a><b>"},
    {"\n", "<>"},
    {"\n\na\n\n", "<><><a><>"},
    {"a|b|\n|c|d", "<ab><cd>"},
    {"a\r\n", "<a\r>"},
    {"a\n|", "<a>"},
};

/* Takes all records, and answers them when it has all. */
static void
run_inputs(const void *arg)
{
	struct taker *t = taker_new();
	struct taker_record r[10];
	enum taker_state state;
	size_t n = 0;

	(void)arg;
	do {
		while (n < LEN(r) && taker_next(t, &r[n])) {
			CHECK(r[n].n == n, "%ju", (uintmax_t)r[n].n);
			n++;
		}
		if (taker_has_all(t)) {
			CHECK(!taker_next(t, &r[0]), "it had all");
			for (size_t i = 0; i < n && taker_owed(t) > 0; i++) {
				tell("<%.*s>", (int)r[i].len, r[i].data);
				taker_done(t, i);
			}
		}
	} while ((state = taker_step(t, NULL, 0, -1)) == TAKER_GOES_ON);
	CHECK(state == TAKER_ENDS && taker_has_all(t) && taker_owed(t) == 0);
	CHECK(taker_step(t, NULL, 0, -1) == TAKER_ENDS, "again");
	tell("\n");
	taker_free(t);
}

static void
test_inputs(void)
{
	for (size_t i = 0; i < LEN(inputs); i++) {
		struct play p = play(run_inputs, NULL, false, -1);
		const char *at = inputs[i].writes;
		char *text;
		size_t len, records = 0;

		for (; *at != '\0'; at += strcspn(at, "|"), at += *at == '|')
			play_write(&p, at, strcspn(at, "|"));
		play_close(&p.in);
		CHECK(play_is_told(&p, inputs[i].records), "row %zu", i);
		for (at = inputs[i].records; *at != '\0'; at++)
			records += *at == '<';
		text = play_read_all(p.out, &len);
		CHECK(len == records && strspn(text, "\n") == records, "row %zu: %s", i, text);
		CHECK(play_end(&p) == 0, "row %zu", i);
		free(text);
	}
}

/* While it holds, nothing is read or taken. */
static void
run_hold(const void *arg)
{
	struct taker *t = taker_new();
	struct taker_record r;
	int unread = 0;

	(void)arg;
	taker_hold(t, true);
	while (unread < 6) {
		CHECK(taker_step(t, NULL, 0, 1) == TAKER_GOES_ON);
		CHECK(!taker_next(t, &r), "it holds");
		CHECK(ioctl(STDIN_FILENO, FIONREAD, &unread) == 0);
	}
	CHECK(unread == 6);
	taker_hold(t, false);
	take(t, 0, 1);
	taker_hold(t, true);
	CHECK(!taker_next(t, &r), "it holds, with a record that was read");
	CHECK(taker_step(t, NULL, 0, 0) == TAKER_GOES_ON);
	CHECK(taker_owed(t) == 1);
	taker_done(t, 0);
	tell("holds\n");
	/* Answers go on; so does the wait, which `more` ends. */
	while (taker_step(t, NULL, 0, 0) == TAKER_GOES_ON && unread != 0)
		CHECK(ioctl(STDIN_FILENO, FIONREAD, &unread) == 0);
	taker_hold(t, false);
	take(t, 1, 2);
	taker_done(t, 2);
	taker_done(t, 1);
	CHECK(step_on(t) == TAKER_ENDS);
	taker_free(t);
}

static void
test_hold(void)
{
	struct play p = play(run_hold, NULL, false, -1);
	char line[10], *text;
	size_t len;

	play_write(&p, "a\nb\nc\n", 6);
	CHECK(play_is_told(&p, "holds"));
	CHECK(play_line(p.out, line, sizeof(line)) && *line == '\0');
	play_close(&p.in);
	text = play_read_all(p.out, &len);
	CHECK(strcmp(text, "\n\n") == 0, "%zu", len);
	CHECK(play_end(&p) == 0);
	free(text);
}

/* So many records, which together or in number are too many to be owed. */
static const struct bound {
	uint64_t records;
	size_t len; /* of each */
	uint64_t owed;
} bounds[] = {
    {20000, 1, TAKER_OWED},
    {80, (size_t)1 << 20, 64},
    {2, TAKER_BYTES + 1, 1},
};

/* Takes all that it gets, and answers them, the last first, when it is full. */
static void
run_bound(const void *arg)
{
	const struct bound *b = arg;
	struct taker *t = taker_new();
	struct taker_record r;
	uint64_t taken = 0, most = 0;
	enum taker_state state;

	do {
		for (; taker_next(t, &r); taken++)
			CHECK(r.n == taken && r.len == b->len, "%zu", r.len);
		if (taker_owed(t) > most)
			most = taker_owed(t);
		if (taker_owed(t) == b->owed || (taken == b->records && taker_owed(t) > 0)) {
			CHECK(taker_step(t, NULL, 0, 0) == TAKER_GOES_ON);
			CHECK(taken == b->records || !taker_next(t, &r), "more are owed");
			for (uint64_t n = taken; taker_owed(t) > 0; n--)
				taker_done(t, n - 1);
		}
	} while ((state = taker_step(t, NULL, 0, -1)) == TAKER_GOES_ON);
	CHECK(state == TAKER_ENDS && taken == b->records, "%ju", (uintmax_t)taken);
	CHECK(most == b->owed, "%ju", (uintmax_t)most);
	taker_free(t);
}

static void
test_bounds(void)
{
	for (size_t i = 0; i < LEN(bounds); i++) {
		struct play p = play(run_bound, &bounds[i], false, -1);
		char *record = malloc(bounds[i].len + 1), *text;
		size_t len;

		memset(record, 'x', bounds[i].len);
		record[bounds[i].len] = '\n';
		for (uint64_t n = 0; n < bounds[i].records; n++)
			play_write(&p, record, bounds[i].len + 1);
		play_close(&p.in);
		text = play_read_all(p.out, &len);
		CHECK(len == bounds[i].records, "%zu", len);
		CHECK(play_end(&p) == 0, "row %zu", i);
		free(text);
		free(record);
	}
}

#define SLOW_RECORDS 100000
#define SLOW_LEN 500 /* bytes of each answer, and a line feed */

/* Answers that nobody reads are bounded, and so are those that wait a bit. */
static void
run_slow(const void *arg)
{
	struct taker *t = taker_new();
	struct taker_record r;
	long memory = play_memory();
	unsigned n = 0, idle = 0;
	enum taker_state state;

	(void)arg;
	do {
		idle++;
		for (; taker_next(t, &r); n++, idle = 0)
			taker_reject(t, r.n, "%0499u", n);
		if (idle == 5)
			tell("%s\n", n < 20000 ? "few" : "many");
	} while ((state = taker_step(t, NULL, 0, idle < 5 ? 0 : -1)) == TAKER_GOES_ON);
	CHECK(state == TAKER_ENDS && n == SLOW_RECORDS, "%u", n);
	memory = play_memory() - memory;
	CHECK(!PLAY_MEMORY || memory < 24576, "%ld KiB", memory);
	taker_free(t);
}

static void
test_slow_reader(void)
{
	FILE *f = tmpfile();
	struct play p;
	char line[SLOW_LEN + 2], want[SLOW_LEN + 2];

	for (int i = 0; i < SLOW_RECORDS; i++)
		fputs("r\n", f);
	CHECK(fflush(f) == 0 && lseek(fileno(f), 0, SEEK_SET) == 0);
	p = play(run_slow, NULL, false, fileno(f));
	fclose(f);
	CHECK(play_is_told(&p, "few"));
	for (unsigned n = 0; n < SLOW_RECORDS; n++) {
		size_t have = 0;
		ssize_t got;

		while (
		    have <= SLOW_LEN && (got = read(p.out, line + have, SLOW_LEN + 1 - have)) > 0)
			have += (size_t)got;
		snprintf(want, sizeof(want), "!%0499u\n", n);
		if (CHECK(have == SLOW_LEN + 1 && memcmp(line, want, have) == 0, "answer %u", n))
			break;
	}
	CHECK(read(p.out, line, 1) == 0, "the end");
	CHECK(play_end(&p) == 0);
}

/* The reader goes away, while something is owed or not. */
static void
run_gone(const void *arg)
{
	const char *when = arg;
	struct taker *t = taker_new();
	struct pollfd out = {.fd = STDOUT_FILENO};

	take(t, 0, 2);
	tell("taken\n");
	if (*when == 'l') {
		CHECK(poll(&out, 1, -1) == 1, "it is gone");
		taker_done(t, 0);
	}
	CHECK(step_on(t) == TAKER_STOPS);
	CHECK(taker_step(t, NULL, 0, -1) == TAKER_STOPS, "again");
	taker_free(t);
}

static void
test_gone(void)
{
	for (int i = 0; i < 4; i++) {
		struct play p = play(run_gone, i % 2 ? "late" : "never", i / 2, -1);

		play_write(&p, "a\nb\n", 4);
		CHECK(play_is_told(&p, "taken"), "%d", i);
		play_close(&p.out);
		CHECK(!play_is_told(&p, ""), "it ends while stdin is open");
		CHECK(play_end(&p) == 0, "%d", i);
	}
}

static bool
step_more(void *t, struct pollfd *more, size_t n)
{
	return taker_step(t, more, n, -1) == TAKER_GOES_ON;
}

static void
run_more(const void *arg)
{
	struct taker *t = taker_new();

	(void)arg;
	play_more(step_more, t);
	taker_free(t);
}

static void
test_more(void)
{
	struct play p = play(run_more, NULL, false, -1);

	CHECK(!play_is_told(&p, ""));
	CHECK(play_end(&p) == 0);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_answers();
	test_stats();
	test_long();
	test_inputs();
	test_hold();
	test_bounds();
	test_slow_reader();
	test_gone();
	test_more();
	return t_end();
}
