#include "stage/report.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "stage/stage.h"
#include "t.h"

#define SAYS(want) CHECK(strstr(line, want) != NULL, "\"%s\" does not say \"%s\"", line, want)
#define IS(want) CHECK(strcmp(line, want) == 0, "\"%s\"", line)

static struct options opt;
static char line[REPORT_SIZE];

static void
begin(struct stage *st, struct metrics_shard *shards[2])
{
	CHECK(stage_init(st,
		  &(struct stage_setup){.tool = "tool",
		      .name = "name",
		      .opt = &opt,
		      .workers = 1,
		      .shards = 2,
		      .max_records = 100}) == 0,
	    "%s", st->error);
	shards[0] = metrics_shard(st->metrics, 0);
	shards[1] = metrics_shard(st->metrics, 1);
	memset(line, 'x', sizeof(line));
}

static void
test_totals(void)
{
	struct metrics_shard *s[2];
	struct stage st;

	begin(&st, s);
	report_totals(&st, line, sizeof(line));
	SAYS("received 0, processed 0, filtered 0, failed 0, bypassed 0, retries 0, blank 0, "
	     "written 0, 0.0");
	CHECK(strchr(line, '\n') == NULL);
	metrics_add(s[0], METRIC_RECEIVED, 1000);
	metrics_add(s[1], METRIC_RECEIVED, 1);
	metrics_add(s[0], METRIC_PROCESSED, 990);
	metrics_add(s[0], METRIC_FILTERED, 8);
	metrics_add(s[0], METRIC_FAILED + REASON_TIMEOUT, 2);
	metrics_add(s[1], METRIC_FAILED + REASON_INVALID, 1);
	metrics_add(s[0], METRIC_BYPASSED, 4);
	metrics_add(s[0], METRIC_RETRIES, 5);
	metrics_add(s[0], METRIC_BLANK, 6);
	metrics_add(s[0], METRIC_WRITTEN, 7);
	st.begun = clock_now() - 10 * CLOCK_S;
	report_totals(&st, line, sizeof(line));
	SAYS("received 1001, processed 990, filtered 8, failed 3 (1 invalid, 2 timeout), bypassed "
	     "4, retries 5, "
	     "blank 6, written 7, 10.");
	SAYS(" s, 100 records/s");
	metrics_add(s[0], METRIC_UNWRITTEN, 3);
	report_totals(&st, line, sizeof(line));
	SAYS("failed 3 (1 invalid, 2 timeout), unwritten 3, bypassed 4");
	stage_free(&st);
}

/* What the stage waited for: over the run, and between two moments. */
static void
test_waits(void)
{
	struct report_moment from, to;
	struct metrics_shard *s[2];
	struct stage st;
	struct state state;

	begin(&st, s);
	st.begun = clock_now() - 10 * CLOCK_S;
	st.workers = 2;
	stopwatch_add(&s[0]->time[TIME_INPUT], 200 * CLOCK_MS);
	stopwatch_start(&s[1]->time[TIME_OUTPUT], clock_now() - 9100 * CLOCK_MS);
	stopwatch_add(&s[0]->time[TIME_OWN], 9600 * CLOCK_MS);
	stopwatch_add(&s[0]->time[TIME_BUSY], 1000 * CLOCK_MS);
	stopwatch_add(&s[1]->time[TIME_BUSY], 1400 * CLOCK_MS);
	report_totals(&st, line, sizeof(line));
	SAYS(" records/s, waited: input 2 %, output 91 %, workers 5 %");
	CHECK(strstr(line, "busy") == NULL && strstr(line, "rate") == NULL, "\"%s\"", line);
	st.mode = STAGE_MAPS;
	report_totals(&st, line, sizeof(line));
	SAYS(", workers 5 %; workers busy 12 %");
	st.mode = STAGE_LIMITS;
	st.has_rate = true;
	stopwatch_add(&s[0]->time[TIME_RATE], 500 * CLOCK_MS);
	report_totals(&st, line, sizeof(line));
	SAYS(", output 91 %, workers 0 %, rate 5 %");

	/* The wait under way goes on. */
	report_now(&st, &from);
	to = from;
	to.at += CLOCK_S;
	to.time[TIME_OUTPUT] += 910 * CLOCK_MS;
	state = report_state(&st, &from, &to);
	CHECK(state.kind == STATE_OUTPUT && state.percent == 91, "%d %u", (int)state.kind,
	    state.percent);
	report_interim(&st, state, line, sizeof(line));
	SAYS(" records/s, waits for output 91 %");
	CHECK(report_state(&st, &from, &from).percent == 100, "no time has passed");
	stage_free(&st);
}

static void
test_losses(void)
{
	struct metrics_shard *s[2];
	struct stage st;

	begin(&st, s);
	metrics_add(s[0], METRIC_RECEIVED, 10);
	metrics_add(s[1], METRIC_PROCESSED, 9);
	CHECK(report_losses(&st, line, sizeof(line)) == 0 && *line == 'x');
	stage_settle(&st);
	CHECK(report_losses(&st, line, sizeof(line)) == 1);
	IS("not written, and lost: 1 record");
	stage_settle(&st);
	CHECK(metrics_get(st.metrics, METRIC_UNWRITTEN) == 1, "none is counted twice");
	metrics_add(s[0], METRIC_BYPASSED, 5);
	metrics_add(s[1], METRIC_PASSED_ON, 3);
	metrics_add(s[0], METRIC_PRINTED, 5);
	metrics_add(s[1], METRIC_DELIVERED, 1);
	st.has_filters = true;
	report_losses(&st, line, sizeof(line));
	IS("not written, and lost: 1 record, 2 dead letters that came by, 4 lines of the filters");
	stage_give_up(&st, 2, "full");
	report_losses(&st, line, sizeof(line));
	SAYS("4 lines of the filters, what the filters had read and not printed");
	stage_free(&st);
}

static void
test_progress(void)
{
	struct metrics_shard *s[2];
	struct stage st;

	begin(&st, s);
	metrics_add(s[0], METRIC_RECEIVED, 50);
	metrics_add(s[0], METRIC_QUEUED, 50);
	metrics_add(s[1], METRIC_TAKEN, 30);
	metrics_add(s[1], METRIC_GIVEN, 30);
	metrics_add(s[1], METRIC_ENDED, 28);
	metrics_add(s[0], METRIC_FAILED + REASON_EXIT, 1);
	report_progress(
	    &st, &(struct report_pace){0, 12.6, {STATE_OUTPUT, 91}}, line, sizeof(line));
	IS("name: 50 records, 13/s, backlog 20, in flight 2, failed 1, waits for output 91 %");
	report_progress(&st, &(struct report_pace){1000, 0, {STATE_INPUT, 0}}, line, sizeof(line));
	IS("name: 50 records, 0/s, backlog 20, in flight 2, failed 1, waits for input 0 %, 0%");
	metrics_add(s[0], METRIC_BYTES_IN, 250);
	st.begun = clock_now() - 1234500 * CLOCK_MS;
	report_progress(&st, &(struct report_pace){1000, 0, {STATE_INPUT, 0}}, line, sizeof(line));
	SAYS(", 25%, ETA 1:01:43");
	metrics_add(s[0], METRIC_BYTES_IN, 5000); /* the file has grown */
	report_progress(&st, &(struct report_pace){1000, 0, {STATE_INPUT, 0}}, line, sizeof(line));
	SAYS(", 100%, ETA 0:00:00");
	stage_free(&st);
}

static void
test_failures(void)
{
	struct metrics_shard *s[2];
	struct stage st;

	begin(&st, s);
	metrics_add(s[0], METRIC_RECEIVED, 1);
	CHECK(report_failures(&st, line, sizeof(line)) == 0 && line[0] == 'x', "no line");
	metrics_add(s[0], METRIC_FAILED + REASON_TIMEOUT, 1);
	CHECK(report_failures(&st, line, sizeof(line)) == 1);
	IS("1 of 1 record failed (1 timeout); its dead letter is in the output, see "
	   "pdeadletter(1)");
	metrics_add(s[0], METRIC_RECEIVED, 999);
	metrics_add(s[1], METRIC_FAILED + REASON_INVALID, 500);
	CHECK(report_failures(&st, line, sizeof(line)) == 1);
	IS("501 of 1000 records failed (500 invalid, 1 timeout); their dead letters are in the "
	   "output, see pdeadletter(1)");
	stage_free(&st);

	opt.dead_letter = "/dev/null";
	begin(&st, s);
	metrics_add(s[0], METRIC_RECEIVED, 10);
	metrics_add(s[0], METRIC_FAILED + REASON_CRASH, 2);
	CHECK(report_failures(&st, line, sizeof(line)) == 1);
	IS("2 of 10 records failed (2 crash); their dead letters are in /dev/null, see "
	   "pdeadletter(1)");
	stage_free(&st);

	/* One that collects letters counts those that it has written. */
	begin(&st, s);
	st.collects = true;
	metrics_add(s[0], METRIC_BYPASSED, 16);
	CHECK(report_failures(&st, line, sizeof(line)) == 0, "all are lost");
	metrics_add(s[0], METRIC_PASSED_ON, 15);
	CHECK(report_failures(&st, line, sizeof(line)) == 1);
	IS("15 dead letters are in /dev/null");
	opt.dead_letter = NULL;
	stage_free(&st);
}

static void
test_hints(void)
{
	static const struct {
		enum hint_kind look;
		bool raw, collects;
		uint64_t received, invalid, too_long;
		const char *says; /* NULL: nothing */
	} table[] = {
	    {LOOK_RECORDS, false, false, 1000, 500, 0, NULL},
	    {LOOK_RECORDS, false, false, 1000, 501, 0, "-R"},
	    {LOOK_RECORDS, false, false, 1, 0, 1, NULL},
	    {LOOK_RECORDS, true, false, 1000, 501, 0, NULL},
	    {LOOK_RECORDS, false, true, 1000, 501, 0, NULL},
	    {LOOK_PRETTY, false, false, 3, 0, 0, NULL},
	    {LOOK_PRETTY, false, false, 3, 1, 0, "jq -c . FILE"},
	    {LOOK_PRETTY, true, false, 3, 0, 0, NULL},
	    {LOOK_GZIP, false, false, 1, 0, 1, "zcat"},
	    {LOOK_ARRAY, false, false, 1, 0, 0, NULL},
	    {LOOK_ARRAY, false, false, 1, 0, 1, "jq -c '.[]' FILE"},
	    {LOOK_ARRAY, false, false, 2, 0, 0, NULL},
	    {LOOK_ARRAY, false, false, 2, 1, 0, NULL},
	    {LOOK_ARRAY, true, false, 1, 0, 0, NULL},
	    {LOOK_ARRAY, false, true, 1, 0, 0, NULL},
	};
	struct metrics_shard *s[2];
	struct stage st;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *hint;

		opt.raw = table[i].raw;
		begin(&st, s);
		st.look = table[i].look;
		st.collects = table[i].collects;
		metrics_add(s[0], METRIC_RECEIVED, table[i].received);
		metrics_add(s[1], METRIC_FAILED + REASON_INVALID, table[i].invalid);
		metrics_add(s[1], METRIC_FAILED + REASON_TOO_LONG, table[i].too_long);
		hint = report_hint(&st);
		CHECK((hint == NULL) == (table[i].says == NULL), "%zu: %s", i, hint);
		if (hint != NULL && table[i].says != NULL)
			CHECK(strstr(hint, table[i].says) != NULL, "%zu: %s", i, hint);
		stage_free(&st);
	}
	opt.raw = false;
}

/* Of several workers the first is heard, and the input comes before them. */
static void
test_worker_hints(void)
{
	struct metrics_shard *s[2];
	struct stage st;

	begin(&st, s);
	stage_hint(&st, NULL);
	CHECK(report_hint(&st) == NULL);
	stage_hint(&st, "first");
	stage_hint(&st, "second");
	CHECK(strcmp(report_hint(&st), "first") == 0);
	metrics_add(s[0], METRIC_RECEIVED, 1);
	metrics_add(s[0], METRIC_FAILED + REASON_INVALID, 1);
	CHECK(strstr(report_hint(&st), "-R") != NULL);
	stage_free(&st);
}

/* A buffer of any size is kept to, and ends with a NUL. */
static void
test_small_buffers(void)
{
	char whole[REPORT_SIZE];
	struct metrics_shard *s[2];
	struct stage st;

	begin(&st, s);
	for (unsigned i = 0; i < REASON_COUNT; i++)
		metrics_add(s[0], METRIC_FAILED + i, UINT64_MAX / 32);
	metrics_add(s[0], METRIC_RECEIVED, UINT64_MAX);
	report_failures(&st, whole, sizeof(whole));
	CHECK(strlen(whole) < sizeof(whole) - 1, "all reasons fit");
	for (size_t size = 1; size < 200; size++) {
		memset(line, 'x', sizeof(line));
		report_failures(&st, line, size);
		CHECK(strlen(line) == size - 1 && strncmp(line, whole, size - 1) == 0 &&
		    line[size] == 'x');
		memset(line, 'x', sizeof(line));
		report_totals(&st, line, size);
		CHECK(strlen(line) == size - 1 && line[size] == 'x');
	}
	stage_free(&st);
}

int
main(void)
{
	alarm(60);
	test_totals();
	test_waits();
	test_losses();
	test_progress();
	test_failures();
	test_hints();
	test_worker_hints();
	test_small_buffers();
	return t_end();
}
