#include "pmetrics/families.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "pmetrics/shipped.h"
#include "t.h"
#include "t_random.h"

#define STAGES 8
#define S INT64_C(1000000000)
#define NOW (1000 * S)
#define CALENDAR INT64_C(1764155555000000)

/* A look that is made by hand. */
static struct look_stage stages[STAGES];
static struct retired_entry entries[STAGES];
static struct look look;

static void
clear(void)
{
	memset(stages, 0, sizeof(stages));
	memset(entries, 0, sizeof(entries));
	look = (struct look){
	    .now = NOW, .calendar = CALENDAR, .stage = stages, .retired = {.entry = entries}};
}

static struct look_stage *
add_stage(const char *name, const char *pipeline, enum statfile_mode mode, bool live)
{
	struct look_stage *s = &stages[look.n++];
	struct statfile_header *h = &s->header;

	strlcpy(h->name, name, sizeof(h->name));
	strlcpy(h->tool, mode == STAGE_LIMITS ? "pratelimit" : "pfanout", sizeof(h->tool));
	strlcpy(h->pipeline, pipeline, sizeof(h->pipeline));
	h->mode = mode;
	h->state = STATFILE_RUNNING;
	s->live = s->same_clock = live;
	look.live += live;
	look.dead += !live;
	return s;
}

/* The numbers of a process that is dead, as folding leaves them. */
static void
retire(const struct look_stage *s)
{
	struct retired_entry *e = &entries[look.retired.n++];

	memcpy(e->name, s->header.name, sizeof(e->name));
	memcpy(e->tool, s->header.tool, sizeof(e->tool));
	memcpy(e->pipeline, s->header.pipeline, sizeof(e->pipeline));
	memcpy(&e->sum, &s->sum, sizeof(e->sum));
	e->exits[look_exit(s)]++;
	e->modes = UINT64_C(1) << s->header.mode;
}

/* The text; the caller frees it. */
static char *
written(enum exposition_format format, bool tame)
{
	struct exposition e;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	exposition_begin(&e, out, format);
	CHECK(families_write(&e, &look, &(struct shipped){0}, tame) == 0, "out of memory");
	exposition_end(&e);
	fclose(out);
	return text;
}

static bool
has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (; text != NULL; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, line, len) == 0 && text[len] == '\n')
			return true;
	}
	return false;
}

static void
check_lines(const char *text, const char *const *line)
{
	for (; *line != NULL; line++)
		CHECK(has_line(text, *line), "no %s in\n%s", *line, text);
}

/* How many lines begin like this. */
static unsigned
count_lines(const char *text, const char *head)
{
	unsigned n = 0;

	for (; text != NULL; text = strchr(text, '\n')) {
		text += *text == '\n';
		n += strncmp(text, head, strlen(head)) == 0;
	}
	return n;
}

static void
fill_pool(struct look_stage *s)
{
	s->header.workers = 8;
	s->header.capacity = 1032;
	s->busy = 3;
	s->oldest = NOW - 2 * S;
	s->sum.counter[METRIC_RECEIVED] = 100;
	s->sum.counter[METRIC_PROCESSED] = 60;
	s->sum.counter[METRIC_FILTERED] = 10;
	s->sum.counter[METRIC_FAILED + REASON_TIMEOUT] = 4;
	s->sum.counter[METRIC_UNWRITTEN] = 1;
	s->sum.counter[METRIC_BYPASSED] = 11;
	s->sum.counter[METRIC_BLANK] = 12;
	s->sum.counter[METRIC_WRITTEN] = 13;
	s->sum.counter[METRIC_RETRIES] = 14;
	s->sum.counter[METRIC_BYTES_IN] = 15;
	s->sum.counter[METRIC_BYTES_OUT] = 16;
	s->sum.counter[METRIC_QUEUED] = 50;
	s->sum.counter[METRIC_TAKEN] = 33;
	s->sum.counter[METRIC_GIVEN] = 30;
	s->sum.counter[METRIC_ENDED] = 25;
	s->sum.counter[METRIC_RETRY_IN] = 9;
	s->sum.counter[METRIC_RETRY_OUT] = 7;
	s->sum.counter[METRIC_STARTS] = 10;
	s->sum.counter[METRIC_RESTARTS] = 2;
	s->sum.counter[METRIC_LAST_RECORD_US] = CALENDAR - 500000;
	stopwatch_add(&s->sum.time[TIME_INPUT], S / 2);
	stopwatch_add(&s->sum.time[TIME_OWN], 3 * S);
	stopwatch_add(&s->sum.time[TIME_BUSY], 7 * S);
	histogram_add(&s->sum.latency, S, 2);
	histogram_add(&s->sum.queue, S / 4, 1);
}

/* All numbers of a live pool, each in its family. */
static void
test_pool(void)
{
	static const char *const lines[] = {
	    "# HELP pipeline_received_total Records read, without blank lines and passing dead "
	    "letters.",
	    "pipeline_received_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 100",
	    "pipeline_processed_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 60",
	    "pipeline_filtered_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 10",
	    "pipeline_failed_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\",reason="
	    "\"timeout\"} 4",
	    "pipeline_failed_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\",reason="
	    "\"crash\"} 0",
	    "pipeline_failed_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\",reason="
	    "\"unwritten\"} 1",
	    "pipeline_held{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 25",
	    "pipeline_bypassed_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 11",
	    "pipeline_blank_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 12",
	    "pipeline_written_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 13",
	    "pipeline_retries_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 14",
	    "pipeline_read_bytes_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 15",
	    "pipeline_written_bytes_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} "
	    "16",
	    "pipeline_backlog{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 17",
	    "pipeline_in_flight{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 5",
	    "pipeline_buffer_capacity{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 1032",
	    "pipeline_retries_waiting{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} 2",
	    "pipeline_worker_restarts_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"}"
	    " 2",
	    "pipeline_workers{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\",state=\"busy\""
	    "} 3",
	    "pipeline_workers{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\",state=\"idle\""
	    "} 5",
	    "pipeline_blocked_seconds_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\","
	    "on=\"input\"} 0.5",
	    "pipeline_blocked_seconds_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\","
	    "on=\"output\"} 0.0",
	    "pipeline_blocked_seconds_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\","
	    "on=\"workers\"} 3.0",
	    "pipeline_blocked_seconds_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\","
	    "on=\"rate\"} 0.0",
	    "pipeline_busy_seconds_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} "
	    "7.0",
	    "pipeline_latency_seconds_bucket{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\""
	    ",le=\"1.0\"} 2",
	    "pipeline_latency_seconds_count{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"}"
	    " 2",
	    "pipeline_queue_seconds_sum{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\"} "
	    "0.25",
	    "pipeline_last_record_timestamp_seconds{stage=\"enrich\",tool=\"pfanout\",pipeline="
	    "\"access\"} 1764155554.5",
	    "pipeline_oldest_attempt_timestamp_seconds{stage=\"enrich\",tool=\"pfanout\",pipeline="
	    "\"access\"} 1764155553.0",
	    "pipeline_processes{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\",state="
	    "\"running\"} 1",
	    "pipeline_exits_total{stage=\"enrich\",tool=\"pfanout\",pipeline=\"access\",reason="
	    "\"killed\"} 0",
	    "pchan_build_info{version=\"" PCHAN_VERSION "\"} 1",
	    "pchan_stat_files{state=\"live\"} 1",
	    "pchan_stat_files{state=\"dead\"} 0",
	    "pchan_stat_files{state=\"skipped\"} 5",
	    NULL,
	};
	char *text;

	clear();
	fill_pool(add_stage("enrich", "access", STAGE_MAPS, true));
	look.skipped = 5;
	text = written(EXPOSITION_TEXT, false);
	check_lines(text, lines);
	CHECK(count_lines(text, "pipeline_failed_total{") == REASON_COUNT + 1, "%s", text);
	CHECK(count_lines(text, "pipeline_exits_total{") == EXIT_COUNT, "%s", text);
	CHECK(count_lines(text, "pipeline_last_result") == 0, "there is none");
	CHECK(count_lines(text, "pipeline_rate_limit") == 0, "it has none");
	CHECK(count_lines(text, "process_") == 0, "these are the exporter's");
	free(text);
}

/* What is there before a stage has read anything. */
static void
test_new_stage(void)
{
	static const char *const absent[] = {"pipeline_last_", "# HELP pipeline_last_",
	    "pipeline_letters_discarded", "pipeline_oldest_", "pipeline_busy_", "pipeline_workers",
	    "pipeline_worker_restarts", "pipeline_latency_", "pipeline_rate_limit_", NULL};
	char *text;

	clear();
	add_stage("check", "", STAGE_CHECKS, true);
	text = written(EXPOSITION_TEXT, false);
	CHECK(has_line(text, "pipeline_received_total{stage=\"check\",tool=\"pfanout\"} 0"), "%s",
	    text);
	CHECK(count_lines(text, "pipeline_failed_total{") == REASON_COUNT + 1, "%s", text);
	CHECK(count_lines(text, "pipeline_queue_seconds_count{") == 1, "%s", text);
	for (size_t i = 0; absent[i] != NULL; i++)
		CHECK(count_lines(text, absent[i]) == 0, "%s in\n%s", absent[i], text);
	free(text);

	clear();
	add_stage("in", "", STAGE_PASSES, true);
	text = written(EXPOSITION_TEXT, false);
	CHECK(count_lines(text, "pipeline_queue_") == 0, "nothing waits: %s", text);
	free(text);
}

static void
test_limits(void)
{
	struct look_stage *s;
	double rate = 200.5, bytes = 1048576;
	char *text;

	clear();
	for (int i = 0; i < 3; i++) {
		s = add_stage("pace", "", STAGE_LIMITS, true);
		memcpy(&s->header.rate, i < 2 ? &rate : &bytes, sizeof(rate));
		s->header.by_bytes = i == 2;
	}
	text = written(EXPOSITION_TEXT, false);
	CHECK(has_line(text,
		  "pipeline_rate_limit_per_second{stage=\"pace\",tool=\"pratelimit\",unit="
		  "\"records\"} 401.0"),
	    "%s", text);
	CHECK(has_line(text,
		  "pipeline_rate_limit_per_second{stage=\"pace\",tool=\"pratelimit\",unit="
		  "\"bytes\"} 1048576.0"),
	    "%s", text);
	free(text);
}

/* Live, dead and retired ones with the same labels are one. */
static void
test_sums(void)
{
	static const char *const lines[] = {
	    "pipeline_received_total{stage=\"a\",tool=\"pfanout\"} 400",
	    "pipeline_failed_total{stage=\"a\",tool=\"pfanout\",reason=\"timeout\"} 16",
	    "pipeline_failed_total{stage=\"a\",tool=\"pfanout\",reason=\"unwritten\"} 54",
	    "pipeline_held{stage=\"a\",tool=\"pfanout\"} 50",
	    "pipeline_backlog{stage=\"a\",tool=\"pfanout\"} 34",
	    "pipeline_buffer_capacity{stage=\"a\",tool=\"pfanout\"} 2064",
	    "pipeline_workers{stage=\"a\",tool=\"pfanout\",state=\"busy\"} 6",
	    "pipeline_workers{stage=\"a\",tool=\"pfanout\",state=\"idle\"} 10",
	    "pipeline_busy_seconds_total{stage=\"a\",tool=\"pfanout\"} 28.0",
	    "pipeline_latency_seconds_count{stage=\"a\",tool=\"pfanout\"} 8",
	    "pipeline_last_record_timestamp_seconds{stage=\"a\",tool=\"pfanout\"} 1764155555.0",
	    "pipeline_oldest_attempt_timestamp_seconds{stage=\"a\",tool=\"pfanout\"} 1764155545.0",
	    "pipeline_processes{stage=\"a\",tool=\"pfanout\",state=\"running\"} 2",
	    "pipeline_exits_total{stage=\"a\",tool=\"pfanout\",reason=\"killed\"} 1",
	    "pipeline_exits_total{stage=\"a\",tool=\"pfanout\",reason=\"failed_records\"} 1",
	    "pipeline_received_total{stage=\"a\",tool=\"pratelimit\"} 0",
	    "pipeline_received_total{stage=\"a\",tool=\"pfanout\",pipeline=\"p\"} 0",
	    NULL,
	};
	struct look_stage gone, *s;
	char *text;

	clear();
	s = add_stage("a", "", STAGE_MAPS, true);
	fill_pool(s);
	memcpy(&gone, s, sizeof(gone));
	gone.header.state = STATFILE_EXITED;
	gone.header.how = EXIT_RECORDS;
	retire(&gone);
	s = add_stage("a", "", STAGE_MAPS, true);
	fill_pool(s);
	s->oldest = NOW - 10 * S;
	s->sum.counter[METRIC_LAST_RECORD_US] = CALENDAR;
	/* The latest of all, but it is dead. */
	s = add_stage("a", "", STAGE_MAPS, false);
	fill_pool(s);
	s->sum.counter[METRIC_LAST_RECORD_US] = CALENDAR + 1;
	add_stage("a", "", STAGE_LIMITS, true);
	add_stage("a", "p", STAGE_CHECKS, true);
	text = written(EXPOSITION_TEXT, false);
	check_lines(text, lines);
	CHECK(count_lines(text, "pipeline_received_total{") == 3, "%s", text);
	free(text);
}

/* Numbers that are zero are there while a stage lives, and afterwards. */
static void
test_zeros(void)
{
	static const char *const names[] = {
	    "pipeline_latency_seconds", "pipeline_queue_seconds", "pipeline_busy_seconds"};

	for (enum statfile_mode mode = 0; mode < STAGE_MODES; mode++) {
		size_t n[3][3];

		for (int how = 0; how < 3; how++) {
			struct look_stage *s;
			char *text;

			clear();
			s = add_stage("a", "", mode, how == 0);
			if (how == 2) {
				retire(s);
				look.n = 0;
			}
			text = written(EXPOSITION_TEXT, false);
			for (size_t i = 0; i < 3; i++)
				n[how][i] = count_lines(text, names[i]);
			free(text);
		}
		CHECK(memcmp(n[0], n[1], sizeof(n[0])) == 0, "%d: killed", mode);
		CHECK(memcmp(n[1], n[2], sizeof(n[0])) == 0, "%d: folded", mode);
	}
}

static void
test_dead(void)
{
	static const char *const gauges[] = {"pipeline_held", "pipeline_backlog",
	    "pipeline_in_flight", "pipeline_buffer_capacity", "pipeline_retries_waiting",
	    "pipeline_workers", "pipeline_last_", "pipeline_oldest_", "pipeline_processes", NULL};
	struct look_stage *s;
	char *before, *after;

	clear();
	s = add_stage("a", "", STAGE_MAPS, false);
	fill_pool(s);
	before = written(EXPOSITION_OPENMETRICS, false);
	for (size_t i = 0; gauges[i] != NULL; i++)
		CHECK(count_lines(before, gauges[i]) == 0, "%s in\n%s", gauges[i], before);
	CHECK(has_line(before,
		  "pipeline_failed_total{stage=\"a\",tool=\"pfanout\",reason=\"unwritten\"} 26"),
	    "what it held: %s", before);
	CHECK(has_line(
		  before, "pipeline_exits_total{stage=\"a\",tool=\"pfanout\",reason=\"killed\"} 1"),
	    "%s", before);

	/* Folding changes no number. */
	retire(s);
	look.n = 0;
	after = written(EXPOSITION_OPENMETRICS, false);
	CHECK(strcmp(before, after) == 0, "%s\n%s", before, after);
	free(before);
	free(after);
}

/* This one for the bucket, over at this time (calendar us). */
static void
set_exemplar(struct metrics_exemplar *row, int64_t ns, int64_t end_us, const char *trace_id)
{
	struct metrics_exemplar *e = &row[histogram_bucket(ns)];

	e->version = 2;
	memcpy(&e->trace_id, trace_id, sizeof(e->trace_id));
	memcpy(&e->span_id, trace_id, sizeof(e->span_id));
	e->ns = ns;
	e->end_us = end_us;
}

#define LATENCY(name, le, rest) \
	"pipeline_latency_seconds_bucket{stage=\"" name "\",tool=\"pfanout\",le=\"" le "\"} " rest

#define EXEMPLAR(c) \
	" # {trace_id=\"" c c c c c c c c c c c c c c c c "\",span_id=\"" c c c c c c c c "\"} "

static void
test_exemplars(void)
{
	static const char *const lines[] = {
	    LATENCY("a", "0.01", "0" EXEMPLAR("41") "0.0083 1764155554.5"),
	    LATENCY("a", "0.025", "0"),
	    LATENCY("a", "0.05", "0" EXEMPLAR("43") "0.05 1764155554.000001"),
	    LATENCY("a", "+Inf", "2" EXEMPLAR("42") "150.0 1764155554.0"),
	    "pipeline_queue_seconds_bucket{stage=\"a\",tool=\"pfanout\",le=\"1e-06\"} "
	    "0" EXEMPLAR("41") "1e-06 1764155554.0",
	    NULL,
	};
	struct look_stage *s;
	char *text, *plain;

	clear();
	fill_pool(add_stage("a", "", STAGE_MAPS, true));
	plain = written(EXPOSITION_OPENMETRICS, false);
	CHECK(strstr(plain, " # {") == NULL, "there are none: %s", plain);
	free(plain);
	plain = written(EXPOSITION_TEXT, false);
	s = &stages[0];
	set_exemplar(s->exemplars.latency, INT64_C(8300000), CALENDAR - 500000, "AAAAAAAAAAAAAAAA");
	set_exemplar(
	    s->exemplars.latency, INT64_C(50000000), CALENDAR - 1000000, "AAAAAAAAAAAAAAAA");
	set_exemplar(s->exemplars.queue, 1000, CALENDAR - 1000000, "AAAAAAAAAAAAAAAA");
	text = written(EXPOSITION_TEXT, false);
	CHECK(strcmp(text, plain) == 0, "version 0.0.4 has none: %s", text);
	free(text);
	free(plain);

	/* Of several stages the latest one; those of a dead one are gone. */
	s = add_stage("a", "", STAGE_MAPS, true);
	set_exemplar(s->exemplars.latency, INT64_C(8300000), CALENDAR - 600000, "BBBBBBBBBBBBBBBB");
	set_exemplar(
	    s->exemplars.latency, INT64_C(150000000000), CALENDAR - 1000000, "BBBBBBBBBBBBBBBB");
	s = add_stage("a", "", STAGE_MAPS, true);
	set_exemplar(
	    s->exemplars.latency, INT64_C(50000000), CALENDAR - 999999, "CCCCCCCCCCCCCCCC");
	s = add_stage("a", "", STAGE_MAPS, false);
	set_exemplar(s->exemplars.latency, INT64_C(20000000), CALENDAR, "DDDDDDDDDDDDDDDD");
	/* Of a stage without such a histogram none can be shown. */
	s = add_stage("b", "", STAGE_PASSES, true);
	set_exemplar(s->exemplars.queue, INT64_C(20000000), CALENDAR, "DDDDDDDDDDDDDDDD");
	set_exemplar(s->exemplars.latency, INT64_C(20000000), CALENDAR, "DDDDDDDDDDDDDDDD");
	text = written(EXPOSITION_OPENMETRICS, false);
	check_lines(text, lines);
	CHECK(strstr(text, EXEMPLAR("44")) == NULL, "%s", text);
	free(text);
}

/* Names with any bytes. */
static void
test_names(void)
{
	char *text;

	clear();
	add_stage("a\"b\\c\nd", "", STAGE_CHECKS, true);
	add_stage("x\xff", "", STAGE_CHECKS, true)->sum.counter[METRIC_BLANK] = 1;
	add_stage("x\xfe", "", STAGE_CHECKS, true)->sum.counter[METRIC_BLANK] = 2;
	add_stage("e\x1b[2J", "", STAGE_CHECKS, true);
	text = written(EXPOSITION_TEXT, false);
	CHECK(has_line(text, "pipeline_blank_total{stage=\"a\\\"b\\\\c\\nd\",tool=\"pfanout\"} 0"),
	    "%s", text);
	CHECK(has_line(text, "pipeline_blank_total{stage=\"x\xef\xbf\xbd\",tool=\"pfanout\"} 3"),
	    "two that look alike are one: %s", text);
	CHECK(has_line(text, "pipeline_blank_total{stage=\"e\x1b[2J\",tool=\"pfanout\"} 0"), "%s",
	    text);
	free(text);
	text = written(EXPOSITION_TEXT, true);
	CHECK(
	    has_line(text, "pipeline_blank_total{stage=\"e?[2J\",tool=\"pfanout\"} 0"), "%s", text);
	free(text);
}

/* The sum of all samples of a series whose lines begin like this. */
static uint64_t
sum_of(const char *text, const char *head)
{
	uint64_t sum = 0;

	for (; text != NULL; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, head, strlen(head)) == 0)
			sum += strtoull(strchr(text, '}') + 2, NULL, 10);
	}
	return sum;
}

/* received = processed + filtered + failed + held, whoever lives. */
static void
test_law(void)
{

	for (int round = 0; round < 300; round++) {
		char *text;
		uint64_t received, ended;

		clear();
		for (int i = 0; i < 6; i++) {
			struct look_stage *s =
			    add_stage("a", "", next_random() % STAGE_MODES, next_random() % 2);

			strlcpy(s->header.tool, "pfanout", sizeof(s->header.tool));
			s->sum.counter[METRIC_PROCESSED] = next_random() % 100;
			s->sum.counter[METRIC_FILTERED] = next_random() % 100;
			s->sum.counter[METRIC_UNWRITTEN] = next_random() % 100;
			s->sum.counter[METRIC_FAILED + next_random() % REASON_COUNT] =
			    next_random() % 100;
			s->sum.counter[METRIC_RECEIVED] = 400 + next_random() % 100;
			if (next_random() % 3 == 0)
				retire(s);
		}
		text = written(EXPOSITION_TEXT, false);
		received = sum_of(text, "pipeline_received_total{");
		ended = sum_of(text, "pipeline_processed_total{") +
		    sum_of(text, "pipeline_filtered_total{") +
		    sum_of(text, "pipeline_failed_total{") + sum_of(text, "pipeline_held{");
		CHECK(received == ended, "%" PRIu64 " %" PRIu64 "\n%s", received, ended, text);
		free(text);
	}
}

static void
add_said(struct look_stage *s, enum said_what what, const char *partition, uint64_t value)
{
	struct metrics_said *said = &s->said[s->n_said++];

	said->what = (uint8_t)what;
	said->value = value;
	strlcpy(said->partition, partition, sizeof(said->partition));
	s->engines = true;
}

/* What two members of a group say adds up; of the dead only what they count. */
static void
test_engines(void)
{
	static const char *const want[] = {
	    "pipeline_engine_lag_records{stage=\"a\",tool=\"pfanout\"} 7",
	    "pipeline_engine_lag_records{stage=\"a\",tool=\"pfanout\",partition=\"0\"} 17",
	    "pipeline_engine_lag_records{stage=\"a\",tool=\"pfanout\",partition=\"1\"} 8",
	    "pipeline_engine_lag_records{stage=\"a\",tool=\"pfanout\",partition=\"\\\"\\\\\"} 9",
	    "pipeline_engine_unacknowledged_records{stage=\"a\",tool=\"pfanout\"} 30",
	    "pipeline_engine_reconnects_total{stage=\"a\",tool=\"pfanout\"} 6",
	    "pipeline_engine_rebalances_total{stage=\"a\",tool=\"pfanout\"} 0",
	    "pipeline_engine_requests_total{stage=\"a\",tool=\"pfanout\"} 0",
	    "pipeline_engine_reconnects_total{stage=\"gone\",tool=\"pfanout\"} 4", NULL};
	struct look_stage *s, *dead;
	char *text;

	clear();
	s = add_stage("a", "", STAGE_PASSES, true);
	add_said(s, SAID_LAG, "1", 3);
	add_said(s, SAID_LAG, "0", 17);
	add_said(s, SAID_LAG, "\"\\", 9);
	add_said(s, SAID_UNACKNOWLEDGED, "", 10);
	s->sum.engine[ENGINE_RECONNECTS] = 1;
	s = add_stage("a", "", STAGE_PASSES, true);
	add_said(s, SAID_LAG, "1", 5);
	add_said(s, SAID_LAG, "", 7);
	add_said(s, SAID_UNACKNOWLEDGED, "", 20);
	s->sum.engine[ENGINE_RECONNECTS] = 2;
	dead = add_stage("a", "", STAGE_PASSES, false);
	add_said(dead, SAID_LAG, "2", 1000);
	dead->sum.engine[ENGINE_RECONNECTS] = 3;
	dead = add_stage("gone", "", STAGE_MAPS, false);
	dead->sum.engine[ENGINE_RECONNECTS] = 4;
	retire(dead);
	look.n--;
	add_stage("other", "", STAGE_PASSES, true);
	text = written(EXPOSITION_TEXT, false);
	check_lines(text, want);
	CHECK(count_lines(text, "pipeline_engine_lag_records{") == 4, "%s", text);
	CHECK(count_lines(text, "pipeline_engine_unacknowledged") == 1, "%s", text);
	CHECK(count_lines(text, "pipeline_engine_reconnects_total{") == 2, "%s", text);
	free(text);
}

static void
test_empty(void)
{
	char *text;

	clear();
	text = written(EXPOSITION_OPENMETRICS, false);
	CHECK(count_lines(text, "pipeline_") == 0 && count_lines(text, "# TYPE pipeline_") == 0,
	    "%s", text);
	CHECK(has_line(text, "pchan_stat_files{state=\"live\"} 0"), "%s", text);
	free(text);
}

int
main(void)
{
	test_pool();
	test_new_stage();
	test_limits();
	test_sums();
	test_zeros();
	test_dead();
	test_exemplars();
	test_names();
	test_law();
	test_empty();
	test_engines();
	return t_end();
}
