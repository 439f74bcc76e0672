#include "stage/stage.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/deadfile.h"
#include "record/envelope.h"
#include "stage/budget.h"
#include "sync/ctx.h"
#include "t.h"

#define THREADS 4
#define HAS(r, text) CHECK(has(r, text), "%.*s has no %s", (int)(r)->len, (r)->data, text)
#define HAS_NO(r, text) CHECK(!has(r, text), "%.*s has %s", (int)(r)->len, (r)->data, text)

_Static_assert(sizeof(struct record) <= 96, "channels copy records");

static struct options opt = {.max_record = 1000};

static void
begin(struct stage *st)
{
	CHECK(stage_init(st,
		  &(struct stage_setup){.tool = "tool",
		      .name = "name",
		      .opt = &opt,
		      .workers = 1,
		      .shards = 1,
		      .max_records = 100}) == 0,
	    "%s", st->error);
}

static struct record
record(const char *text)
{
	struct record r;

	if (record_copy(&r, text, strlen(text)) == -1)
		abort();
	r.seq = 17;
	r.line = 18;
	r.offset = 4711;
	r.input = "-";
	r.reserved = 99;
	return r;
}

/*
 * So many bytes of answers are counted in the budget: one more than fit, with
 * the rest.
 */
static void
check_answer_bytes(struct stage *st, size_t bytes)
{
	struct budget_release rest = {.answer_bytes = STAGE_BYTES - bytes + 1};

	budget_answer(st->budget, rest.answer_bytes - 1);
	CHECK(budget_may_take(st->budget, UINT64_MAX), "more than %zu bytes are counted", bytes);
	budget_answer(st->budget, 1);
	CHECK(!budget_may_take(st->budget, UINT64_MAX), "fewer than %zu are counted", bytes);
	budget_release(st->budget, &rest);
}

static bool
has(const struct record *r, const char *text)
{
	return memmem(r->data, r->len, text, strlen(text)) != NULL;
}

static bool
is_letter(const struct record *r)
{
	return r->kind == RECORD_DEAD && r->data[r->len] == '\n' &&
	    memchr(r->data, '\n', r->len) == NULL &&
	    envelope_kind(r->data, r->len) == ENVELOPE_LETTER;
}

static void
test_init(void)
{
	struct options nowhere = {.dead_letter = "/nonexistent/dead"}, dir = {.dead_letter = "/"};
	struct stage st;

	begin(&st);
	CHECK(strcmp(st.tool, "tool") == 0 && strcmp(st.name, "name") == 0 && st.opt == &opt);
	CHECK(st.dead == NULL && st.status == 0 && !st.hung_up && !stage_is_cancelled(&st));
	CHECK(st.begun > 0 && st.begun <= clock_now());
	stage_free(&st);
	CHECK(stage_init(&st,
		  &(struct stage_setup){.tool = "tool",
		      .name = "name",
		      .opt = &nowhere,
		      .workers = 1,
		      .shards = 1,
		      .max_records = 100}) == -1);
	CHECK(strstr(st.error, "/nonexistent/dead") != NULL &&
	    strstr(st.error, strerror(ENOENT)) != NULL);
	stage_free(&st);
	CHECK(stage_init(&st,
		  &(struct stage_setup){.tool = "tool",
		      .name = "name",
		      .opt = &dir,
		      .workers = 1,
		      .shards = 1,
		      .max_records = 100}) == -1 &&
	    strstr(st.error, strerror(EISDIR)) != NULL);
	stage_free(&st);
}

static void
test_bury(void)
{
	static const struct failure exited = {.reason = REASON_CRASH,
	    .message = "the worker died",
	    .slot = 3,
	    .pid = 77,
	    .exited = true,
	    .wait_status = 5 << 8,
	    .log = "last words",
	    .log_len = 10};
	static const struct failure killed = {.reason = REASON_TIMEOUT,
	    .message = "no answer in 2s",
	    .slot = 1,
	    .pid = 78,
	    .exited = true,
	    .wait_status = SIGKILL};
	static const struct failure nobody = {.reason = REASON_NO_KEY, .message = "no \"key\""};
	struct record r = record("{\"a\":1.10}");
	struct stage st;

	begin(&st);
	r.attempts = 3;
	r.first_failed = 1;
	stage_bury(&st, &r, &exited);
	CHECK(is_letter(&r) && r.reason == REASON_CRASH && r.seq == 17 && r.reserved == 99 &&
	    r.line == 18);
	HAS(&r, "\"stage\":\"name\"");
	HAS(&r, "\"reason\":\"crash\"");
	HAS(&r, "\"message\":\"the worker died\"");
	HAS(&r, "\"attempts\":3");
	HAS(&r, "\"first_failed\":\"1970-01-01T00:00:00.000001Z\"");
	HAS(&r, "\"line\":18,\"offset\":4711");
	HAS(&r, "\"worker\":{\"slot\":3,\"pid\":77,\"exit\":5,\"stderr\":\"last words\"}");
	HAS(&r, "\"value\":{\"a\":1.10}}");
	HAS_NO(&r, "signal");
	HAS_NO(&r, "truncated");
	CHECK(r.answered, "its bytes count as an answer");
	check_answer_bytes(&st, r.len);
	record_free(&r);

	r = record("1");
	stage_bury(&st, &r, &killed);
	HAS(&r, "\"signal\":\"SIGKILL\"");
	HAS_NO(&r, "\"exit\"");
	record_free(&r);

	r = record("plain text");
	stage_bury(&st, &r, &nobody);
	HAS(&r, "\"message\":\"no \\\"key\\\"\"");
	HAS(&r, "\"text\":\"plain text\"");
	HAS_NO(&r, "worker");
	HAS_NO(&r, "attempts");
	record_free(&r);
	CHECK(st.status == 0);
	stage_free(&st);
}

/* A record that came in a retry envelope keeps its identity. */
static void
test_bury_again(void)
{
	struct record r = record("{}");
	struct failure f = {.reason = REASON_REJECTED, .message = "no"};
	struct stage st;

	begin(&st);
	r.origin = calloc(1, sizeof(*r.origin));
	r.origin->enveloped = true;
	strcpy(r.origin->id, "the-id");
	r.origin->replays = 2;
	r.origin->first_failed = 1000000;
	r.attempts = 1;
	r.first_failed = 5000000;
	stage_bury(&st, &r, &f);
	CHECK(is_letter(&r) && r.origin == NULL);
	HAS(&r, "\"id\":\"the-id\"");
	HAS(&r, "\"replays\":3");
	HAS(&r, "\"first_failed\":\"1970-01-01T00:00:01.000000Z\"");
	record_free(&r);
	r = record("{}");
	stage_bury_cancelled(&st, &r);
	CHECK(is_letter(&r) && r.reason == REASON_CANCELLED);
	HAS(&r, "\"reason\":\"cancelled\"");
	record_free(&r);
	stage_free(&st);
}

static void
test_check(void)
{
	struct record good = record(" {\"a\":[1,2]}\r"), bad = record("{\"a\":01}"),
		      empty = record(""), lengthy = record("12345");
	const char *data = good.data;
	struct stage st;

	begin(&st);
	CHECK(stage_check(&st, &good) && good.data == data && good.kind == RECORD_DATA &&
	    !good.answered);
	CHECK(!stage_check(&st, &bad) && is_letter(&bad) && bad.reason == REASON_INVALID);
	HAS(&bad, "at byte 6");
	CHECK(!stage_check(&st, &empty) && is_letter(&empty));
	lengthy.full_len = 123456;
	CHECK(!stage_check(&st, &lengthy) && is_letter(&lengthy) &&
	    lengthy.reason == REASON_TOO_LONG);
	HAS(&lengthy, "123456 bytes, over --max-record 1000");
	HAS(&lengthy, "\"truncated\":true");
	record_free(&bad);
	record_free(&empty);
	record_free(&lengthy);
	opt.raw = true;
	bad = record("{\"a\":01}");
	CHECK(stage_check(&st, &bad) && bad.kind == RECORD_DATA, "with -R everything is a record");
	lengthy = record("12345");
	lengthy.full_len = 5; /* over the limit, but whole */
	CHECK(!stage_check(&st, &lengthy) && lengthy.reason == REASON_TOO_LONG);
	HAS_NO(&lengthy, "truncated");
	opt.raw = false;
	record_free(&good);
	record_free(&bad);
	record_free(&lengthy);
	stage_free(&st);
}

/* Taken off: the good ones as a run, the next one alone, and so on. */
static void
test_take_checked(void)
{
	static const struct {
		const char *text;
		uint64_t count;
		bool checked, more;
	} parts[] = {{"1\n2\n", 2, true, true}, {"03\n", 1, false, true}, {"4\n", 1, false, false}};
	struct record run = record("1\n2\n03\n4"), front;
	struct stage st;
	bool more, checked;

	begin(&st);
	run.kind = RECORD_RUN;
	run.lines = 4;
	run.reserved = record_weight(run.lines, run.len + 1);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		more = stage_take_checked(&st, &run, &front, &checked);
		CHECK(more == parts[i].more && checked == parts[i].checked, "%zu", i);
		CHECK(record_count(&front) == parts[i].count &&
			strncmp(front.data, parts[i].text, front.len + 1) == 0,
		    "%zu", i);
		record_free(&front);
	}
	run = record("1\n2");
	run.kind = RECORD_RUN;
	run.lines = 2;
	run.reserved = record_weight(run.lines, run.len + 1);
	ctx_cancel(st.work);
	CHECK(stage_take_checked(&st, &run, &front, &checked) && !checked, "work is cancelled");
	record_free(&front);
	record_free(&run);
	stage_free(&st);
}

/* A run passes up to the first record that alone would not. */
static void
test_check_run(void)
{
	static const struct {
		const char *text;
		uint64_t lines, good;
		size_t bytes;
		bool raw;
	} rows[] = {{"1\n{}", 2, 2, 5, false}, {"1\n[2]\n03\n4", 4, 2, 6, false},
	    {"01\n2", 2, 0, 0, false}, {"1\n\n3", 3, 1, 2, false}, {"\n", 2, 0, 0, false},
	    {"{\n}", 2, 0, 0, false}, {"[1\n,2]\n3", 3, 0, 0, false},
	    {"true\n\"a\"\n\"b", 3, 2, 9, false}, {"true\n\"a\"\n\"b", 3, 3, 12, true},
	    {"\n\n", 3, 3, 3, true}};
	struct stage st;

	begin(&st);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct record run = record(rows[i].text), one;
		uint64_t good;
		size_t bytes = 999;

		run.kind = RECORD_RUN;
		run.lines = rows[i].lines;
		run.reserved = record_weight(run.lines, run.len + 1);
		opt.raw = rows[i].raw;
		good = stage_check_run(&st, &run, &bytes);
		CHECK(good == rows[i].good && bytes == rows[i].bytes, "%zu: %ju, %zu bytes", i,
		    (uintmax_t)good, bytes);
		CHECK(run.kind == RECORD_RUN && run.lines == rows[i].lines, "it stays a run");
		CHECK(bytes == record_run_bytes(&run, good), "%zu", i);
		/* As with each alone. */
		for (uint64_t n = 0; n < rows[i].lines; n++) {
			(void)record_take_one(&run, &one);
			if (n <= good)
				CHECK(stage_check(&st, &one) == (n < good), "%zu: %ju", i,
				    (uintmax_t)n);
			record_free(&one);
		}
	}
	opt.raw = false;
	stage_free(&st);
}

static void
test_answer_and_drop(void)
{
	struct record in = record("question"), answer = record("answer"), none = {0}, other;
	struct stage st;

	begin(&st);
	in.origin = calloc(1, sizeof(*in.origin));
	answer.seq = 1000;
	stage_answer(&st, &in, &answer, RECORD_DATA);
	CHECK(in.kind == RECORD_DATA && in.len == 6 && memcmp(in.data, "answer\n", 7) == 0 &&
	    in.slab == answer.slab);
	CHECK(
	    in.seq == 17 && in.reserved == 99 && in.origin == NULL, "in the place of the question");
	CHECK(in.answered);
	check_answer_bytes(&st, 6);
	record_free(&in);

	in = record("question");
	stage_answer(&st, &in, &none, RECORD_LINES);
	CHECK(in.kind == RECORD_LINES && in.slab == NULL && in.len == 0 && in.seq == 17);
	CHECK(in.results == 1);
	other = record("question");
	stage_share(&other, &in);
	CHECK(in.results == 2, "they end together");
	CHECK(other.kind == RECORD_SHARED && other.slab == NULL && other.len == 0 &&
	    other.seq == 17 && other.reserved == 99);
	record_free(&in);

	in = record("question");
	stage_drop(&in);
	CHECK(in.kind == RECORD_DROP && in.slab == NULL && in.len == 0 && in.seq == 17 &&
	    in.reserved == 99);
	stage_free(&st);
}

/* Each way to end is stronger than the one before. */
static void
test_ends(void)
{
	struct stage st;

	begin(&st);
	stage_abort(&st, 2, "%d %s", 3, "reasons");
	CHECK(st.status == 2 && strcmp(st.error, "3 reasons") == 0);
	CHECK(ctx_state(st.input) == CTX_CANCELLED && stage_is_cancelled(&st) &&
	    ctx_state(st.root) == CTX_LIVE);
	stage_give_up(&st, 126, "later");
	CHECK(st.status == 2 && strcmp(st.error, "3 reasons") == 0, "the first one counts");
	stage_abort(&st, 3, "not told");
	stage_abort_always(&st, 3, "the file");
	CHECK(st.more_errors == 2 && strcmp(st.more[0], "later") == 0 &&
		strcmp(st.more[1], "the file") == 0,
	    "errors that lose records are told, too");
	for (int i = 0; i < 2 * STAGE_MORE; i++)
		stage_give_up(&st, 2, "again");
	CHECK(st.status == 2 && st.more_errors == STAGE_MORE);
	CHECK(ctx_state(st.root) == CTX_CANCELLED);
	stage_free(&st);

	begin(&st);
	stage_give_up(&st, 126, "%0*d", 2 * STAGE_ERROR_SIZE, 7);
	CHECK(st.status == 126 && strlen(st.error) == STAGE_ERROR_SIZE - 1);
	CHECK(stage_is_cancelled(&st) && ctx_state(st.input) == CTX_CANCELLED && !st.hung_up);
	stage_free(&st);

	begin(&st);
	stage_hang_up(&st);
	CHECK(st.hung_up && st.status == 0 && ctx_state(st.root) == CTX_CANCELLED);
	stage_free(&st);
}

/* A fault is told, and counts in the status; the stage goes on. */
static void
test_fault(void)
{
	struct stage st;

	begin(&st);
	stage_fault(&st, 1, "a: %s", "gone");
	CHECK(st.status == 1 && strcmp(st.error, "a: gone") == 0 && !st.aborted);
	CHECK(!stage_is_cancelled(&st) && ctx_state(st.files) == CTX_LIVE);
	stage_fault(&st, 2, "b");
	stage_fault(&st, 1, "c");
	CHECK(st.status == 2 && st.more_errors == 2 && strcmp(st.more[1], "c") == 0);
	/* What ends the run is told, too, and from then on the status stays. */
	stage_abort(&st, 3, "d");
	CHECK(st.status == 3 && st.more_errors == 3 && strcmp(st.more[2], "d") == 0);
	CHECK(stage_is_cancelled(&st));
	stage_fault(&st, 4, "e");
	CHECK(st.status == 3 && st.more_errors == 4);
	stage_abort(&st, 5, "not told");
	CHECK(st.status == 3 && st.more_errors == 4);
	stage_free(&st);

	/* A status never falls. */
	begin(&st);
	stage_fault(&st, 2, "a");
	stage_abort(&st, 1, "b");
	CHECK(st.status == 2);
	stage_free(&st);

	begin(&st);
	for (int i = 0; i < 2 * STAGE_MORE; i++)
		stage_fault(&st, 2, "again");
	CHECK(st.more_errors == STAGE_MORE);
	stage_free(&st);
}

static void *
fail_main(void *arg)
{
	struct stage *st = arg;
	struct failure f = {.reason = REASON_REJECTED, .message = "no"};

	for (int i = 0; i < 100; i++) {
		struct record r = record("{}");

		if (i % 2)
			stage_bury_cancelled(st, &r);
		else
			stage_bury(st, &r, &f);
		record_free(&r);
	}
	stage_abort(st, 3, "a thread's");
	return NULL;
}

/*
 * --max-failed: so many from all threads together, those that were cancelled
 * not counted.
 */
static void
test_max_failed(uint64_t max, int status)
{
	pthread_t thread[THREADS];
	struct stage st;

	begin(&st);
	st.max_failed = max;
	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, fail_main, &st) == 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	CHECK(st.status == status, "--max-failed %ju: status %d, %s", (uintmax_t)max, st.status,
	    st.error);
	CHECK(stage_is_cancelled(&st));
	stage_free(&st);
}

int
main(void)
{
	alarm(60);
	test_init();
	test_bury();
	test_bury_again();
	test_check();
	test_check_run();
	test_take_checked();
	test_answer_and_drop();
	test_ends();
	test_fault();
	test_max_failed(0, 3);
	test_max_failed(50, 2);
	test_max_failed(201, 3);
	return t_end();
}
