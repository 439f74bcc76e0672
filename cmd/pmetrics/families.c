#include "families.h"

#include <string.h>

#include "base/reason.h"
#include "base/version.h"
#include "metrics/statview.h"
#include "series.h"
#include "shipped.h"

static const char *const limit_units[] = {
    [LIMIT_RECORDS] = "records",
    [LIMIT_BYTES] = "bytes",
};

/* The times that readers and writers wait, in the order of the label. */
static const struct {
	const char *on;
	enum metric_time time;
} waits[] = {
    {"input", TIME_INPUT},
    {"output", TIME_OUTPUT},
    {"workers", TIME_OWN},
    {"rate", TIME_RATE},
};

/* Samples: each function writes those of one family and one series. */

static double
seconds(const struct series *s, enum metric_time t)
{
	return (double)s->sum.time[t].state / 1e9;
}

static void
write_failed(struct exposition *e, const struct series *s)
{
	for (unsigned i = 0; i < REASON_COUNT; i++)
		exposition_count(
		    e, s->labels, "reason", reason_name(i), s->sum.counter[METRIC_FAILED + i]);
	exposition_count(e, s->labels, "reason", "unwritten", s->sum.counter[METRIC_UNWRITTEN]);
}

static void
write_latency(struct exposition *e, const struct series *s)
{
	if (s->pool)
		exposition_histogram(e, s->labels, &s->sum.latency, s->exemplars.latency);
}

static void
write_queue(struct exposition *e, const struct series *s)
{
	if (s->queues)
		exposition_histogram(e, s->labels, &s->sum.queue, s->exemplars.queue);
}

static void
write_blocked(struct exposition *e, const struct series *s)
{
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		exposition_number(e, s->labels, "on", waits[i].on, seconds(s, waits[i].time));
}

static void
write_busy(struct exposition *e, const struct series *s)
{
	if (s->pool)
		exposition_number(e, s->labels, NULL, NULL, seconds(s, TIME_BUSY));
}

static void
write_restarts(struct exposition *e, const struct series *s)
{
	if (s->pool)
		exposition_count(e, s->labels, NULL, NULL, s->sum.counter[METRIC_RESTARTS]);
}

/* Only this tool has --keep. */
static void
write_discarded(struct exposition *e, const struct series *s)
{
	if (strcmp(s->tool, "pdeadletter") == 0)
		exposition_count(e, s->labels, NULL, NULL, s->sum.counter[METRIC_DISCARDED]);
}

/* Where nothing is traced there are none. */
static void
write_spans(struct exposition *e, const struct series *s)
{
	uint64_t written = s->sum.counter[METRIC_SPANS];
	uint64_t dropped = s->sum.counter[METRIC_SPANS_DROPPED];

	if (written + dropped + s->sent == 0)
		return;
	exposition_count(e, s->labels, "result", "written", written);
	exposition_count(e, s->labels, "result", "dropped", dropped);
	exposition_count(e, s->labels, "result", "sent", s->sent);
}

static void
write_workers(struct exposition *e, const struct series *s)
{
	if (s->workers == 0)
		return;
	exposition_count(e, s->labels, "state", "busy", s->busy);
	exposition_count(e, s->labels, "state", "idle", s->workers - s->busy);
}

static void
write_exits(struct exposition *e, const struct series *s)
{
	for (int i = 0; i < EXIT_COUNT; i++)
		exposition_count(
		    e, s->labels, "reason", statview_exit_name((enum statfile_exit)i), s->exits[i]);
}

static void
write_processes(struct exposition *e, const struct series *s)
{
	if (s->live > 0)
		exposition_count(e, s->labels, "state", "running", s->live);
}

static void
write_limit(struct exposition *e, const struct series *s)
{
	for (int i = 0; i < LIMITS; i++)
		if (s->limit[i] > 0)
			exposition_number(e, s->labels, "unit", limit_units[i], s->limit[i]);
}

static void
write_lag(struct exposition *e, const struct series *s)
{
	for (size_t i = 0; i < s->n_lag; i++) {
		const char *partition = s->lag[i].partition;

		exposition_count(e, s->labels, *partition != '\0' ? "partition" : NULL, partition,
		    s->lag[i].records);
	}
}

static void
write_unacknowledged(struct exposition *e, const struct series *s)
{
	if (s->tells_unacknowledged)
		exposition_count(e, s->labels, NULL, NULL, s->unacknowledged);
}

/* Of an engine. */
static void
write_engine(struct exposition *e, const struct series *s, enum metric_engine counter)
{
	if (s->engines)
		exposition_count(e, s->labels, NULL, NULL, s->sum.engine[counter]);
}

static void
write_reconnects(struct exposition *e, const struct series *s)
{
	write_engine(e, s, ENGINE_RECONNECTS);
}

static void
write_rebalances(struct exposition *e, const struct series *s)
{
	write_engine(e, s, ENGINE_REBALANCES);
}

static void
write_requests(struct exposition *e, const struct series *s)
{
	write_engine(e, s, ENGINE_REQUESTS);
}

static const struct family {
	const char *name, *help;
	enum exposition_type type;

	/* One of these: a counter, a gauge, a time, or anything else. */
	enum { COUNTER, GAUGE, MOMENT, OTHER } kind;
	enum metric counter;
	size_t at; /* of the field in struct series */
	void (*write)(struct exposition *, const struct series *);
} families[] = {
#define COUNTER_FAMILY(name, metric, help)                                   \
	{                                                                    \
		name, help, EXPOSITION_COUNTER, COUNTER, .counter = (metric) \
	}
#define GAUGE_FAMILY(name, kind, field, help)                                            \
	{                                                                                \
		name, help, EXPOSITION_GAUGE, kind, .at = offsetof(struct series, field) \
	}
    COUNTER_FAMILY("pipeline_received", METRIC_RECEIVED,
	"Records read, without blank lines and passing dead letters."),
    COUNTER_FAMILY("pipeline_processed", METRIC_PROCESSED, "Records that succeeded."),
    COUNTER_FAMILY("pipeline_filtered", METRIC_FILTERED, "Records dropped on purpose."),
    {"pipeline_failed", "Records that became dead letters here, or were lost (reason unwritten).",
	EXPOSITION_COUNTER, OTHER, .write = write_failed},
    COUNTER_FAMILY("pipeline_bypassed", METRIC_BYPASSED, "Dead letters that passed by."),
    COUNTER_FAMILY("pipeline_blank", METRIC_BLANK, "Lines of white space skipped."),
    {"pipeline_letters_discarded", "Dead letters in files that --keep has removed.",
	EXPOSITION_COUNTER, OTHER, .write = write_discarded},
    {"pipeline_spans", "Spans of traces, by what became of them.", EXPOSITION_COUNTER, OTHER,
	.write = write_spans},
    COUNTER_FAMILY("pipeline_written", METRIC_WRITTEN, "Lines written."),
    COUNTER_FAMILY("pipeline_retries", METRIC_RETRIES, "Attempts after the first."),
    COUNTER_FAMILY("pipeline_read_bytes", METRIC_BYTES_IN, "Bytes read."),
    COUNTER_FAMILY("pipeline_written_bytes", METRIC_BYTES_OUT, "Bytes written."),
    {"pipeline_latency_seconds", "Service time of one attempt.", EXPOSITION_HISTOGRAM, OTHER,
	.write = write_latency},
    {"pipeline_queue_seconds", "Time in the channel, with the wait for rate credit.",
	EXPOSITION_HISTOGRAM, OTHER, .write = write_queue},
    GAUGE_FAMILY("pipeline_held", GAUGE, held,
	"Records received and not yet processed, filtered or failed."),
    GAUGE_FAMILY("pipeline_backlog", GAUGE, backlog, "Records waiting in the channel."),
    GAUGE_FAMILY("pipeline_in_flight", GAUGE, in_flight, "Attempts under way."),
    GAUGE_FAMILY("pipeline_buffer_capacity", GAUGE, capacity, "Records that may be held."),
    GAUGE_FAMILY(
	"pipeline_retries_waiting", GAUGE, retrying, "Records waiting for another attempt."),
    {"pipeline_blocked_seconds", "Time the reader or writer waited. Kinds overlap: no partition.",
	EXPOSITION_COUNTER, OTHER, .write = write_blocked},
    {"pipeline_busy_seconds", "Time workers had an attempt, added up over workers.",
	EXPOSITION_COUNTER, OTHER, .write = write_busy},
    {"pipeline_workers", "Workers with an attempt (busy), and without.", EXPOSITION_GAUGE, OTHER,
	.write = write_workers},
    {"pipeline_worker_restarts", "Workers replaced.", EXPOSITION_COUNTER, OTHER,
	.write = write_restarts},
    GAUGE_FAMILY("pipeline_last_record_timestamp_seconds", MOMENT, last_record,
	"When records were last read."),
    GAUGE_FAMILY(
	"pipeline_last_result_timestamp_seconds", MOMENT, last_result, "When a record last ended."),
    GAUGE_FAMILY("pipeline_oldest_attempt_timestamp_seconds", MOMENT, oldest,
	"When the oldest attempt under way began."),
    {"pipeline_rate_limit_per_second", "The present limit.", EXPOSITION_GAUGE, OTHER,
	.write = write_limit},
    {"pipeline_engine_lag_records", "Records that an engine has for the stage.", EXPOSITION_GAUGE,
	OTHER, .write = write_lag},
    {"pipeline_engine_unacknowledged_records",
	"Records between an engine and the stage that are not acknowledged.", EXPOSITION_GAUGE,
	OTHER, .write = write_unacknowledged},
    {"pipeline_engine_reconnects", "Times that an engine was connected with again.",
	EXPOSITION_COUNTER, OTHER, .write = write_reconnects},
    {"pipeline_engine_rebalances", "Times that partitions of an engine came or went.",
	EXPOSITION_COUNTER, OTHER, .write = write_rebalances},
    {"pipeline_engine_requests", "Requests of HTTP, taken or sent.", EXPOSITION_COUNTER, OTHER,
	.write = write_requests},
    {"pipeline_processes", "Processes of the stage.", EXPOSITION_GAUGE, OTHER,
	.write = write_processes},
    {"pipeline_exits", "Processes that ended, by how they did.", EXPOSITION_COUNTER, OTHER,
	.write = write_exits},
};

static void
write_sample(struct exposition *e, const struct family *family, const struct series *s)
{
	const char *field = (const char *)s + family->at;
	uint64_t count;
	double moment;

	switch (family->kind) {
	case COUNTER:
		exposition_count(e, s->labels, NULL, NULL, s->sum.counter[family->counter]);
		break;
	case GAUGE:
		memcpy(&count, field, sizeof(count));
		if (s->live > 0)
			exposition_count(e, s->labels, NULL, NULL, count);
		break;
	case MOMENT:
		memcpy(&moment, field, sizeof(moment));
		if (moment > 0)
			exposition_number(e, s->labels, NULL, NULL, moment);
		break;
	case OTHER:
		family->write(e, s);
		break;
	}
}

/* About the look itself. */
static void
write_own(struct exposition *e, const struct look *look)
{
	exposition_family(
	    e, "pchan_build_info", EXPOSITION_GAUGE, "The version of pmetrics; always 1.");
	exposition_count(e, "", "version", PCHAN_VERSION, 1);
	exposition_family(e, "pchan_stat_files", EXPOSITION_GAUGE,
	    "Files of stages in the run directories, as they were found.");
	exposition_count(e, "", "state", "live", look->live);
	exposition_count(e, "", "state", "dead", look->dead);
	exposition_count(e, "", "state", "skipped", look->skipped);
}

/* Which spans of the series were shipped. */
static uint64_t
sent_of(const struct shipped *shipped, const struct series *s)
{
	uint64_t sent = 0;

	for (size_t i = 0; i < shipped->n; i++) {
		const struct shipped_total *t = &shipped->total[i];

		if (strcmp(t->stage, s->stage) == 0 && strcmp(t->tool, s->tool) == 0 &&
		    strcmp(t->pipeline, s->pipeline != NULL ? s->pipeline : "") == 0)
			sent += t->sent;
	}
	return sent;
}

int
families_write(
    struct exposition *e, const struct look *look, const struct shipped *shipped, bool tame)
{
	struct series_list list;

	if (series_gather(&list, look, tame) == -1)
		return -1;
	for (size_t k = 0; k < list.n; k++)
		list.series[k].sent = sent_of(shipped, &list.series[k]);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		exposition_family(e, families[i].name, families[i].type, families[i].help);
		for (size_t k = 0; k < list.n; k++)
			write_sample(e, &families[i], &list.series[k]);
	}
	write_own(e, look);
	series_free(&list);
	return 0;
}
