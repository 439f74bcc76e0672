#include "stage/feed.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "metrics/link.h"
#include "metrics/worktime.h"
#include "record/envelope.h"
#include "record/mark.h"
#include "record/reader.h"
#include "record/unwrap.h"
#include "stage/budget.h"
#include "stage/inputs.h"
#include "stage/lines.h"
#include "stage/source.h"
#include "stage/stage.h"
#include "stage/traced.h"
#include "stage/tracing.h"
#include "sync/chan.h"
#include "sync/ctx.h"

CHAN_OF(record, struct record)

/*
 * The most records in a batch.  A batch must be smaller than the budget:
 * otherwise one record that is held back (for its turn, or for a retry) would
 * keep the next batch out.
 */
#define BATCH 512
#define BATCH_BYTES (256 << 10)

struct feed {
	struct source *src;
	struct metrics_shard *shard;
	size_t n;               /* in the batch */
	uint64_t records, most; /* that these stand for, and their limit */
	uint64_t share;         /* of the budget: the limit is no higher */
	size_t bytes;           /* to be reserved for them */
	size_t marks;           /* that were taken, and are put next */
	int64_t read;           /* when the last read(2) was, monotonic ns */
	bool traces;            /* some records, perhaps */
	struct sampler_draws draws;
	struct record batch[BATCH];
	struct source_end ends[BATCH + 1]; /* of the batch; for marks */
	size_t n_ends;
};

static uint64_t
random_seed(void)
{
	uint64_t seed;

	arc4random_buf(&seed, sizeof(seed));
	return seed;
}

/* How many records may be in the next batch.  With the source's lock. */
static uint64_t
batch_limit(const struct feed *f)
{
	const struct source_marks *marks = f->src->marks;

	return marks != NULL && marks->most < f->share ? marks->most : f->share;
}

struct feed *
feed_new(struct source *src, unsigned thread)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->src = src;
	f->traces = tracing_records(src->stage->tracing);
	if (f->traces)
		sampler_begin_draws(
		    &src->stage->tracing->settings.sampler, random_seed(), &f->draws);
	f->shard = metrics_shard(src->stage->metrics, src->shard + thread);
	f->share = budget_share(src->stage->budget, src->runs > BATCH ? src->runs : BATCH);
	pthread_mutex_lock(&src->lock);
	f->most = batch_limit(f);
	pthread_mutex_unlock(&src->lock);
	return f;
}

void
feed_free(struct feed *f)
{
	free(f);
}

/* Finds out what a line is, and counts it.  False: it is blank. */
static bool
classify(struct feed *f, struct input *in, struct record *r)
{
	struct source *src = f->src;
	const struct options *opt = src->stage->opt;
	enum envelope_kind kind = ENVELOPE_NONE;
	struct mark mark;

	if (!opt->raw && r->full_len == 0 && json_blank(r->data, r->len)) {
		metrics_add(f->shard, METRIC_BLANK, 1);
		return false;
	}
	if (!opt->no_bypass && r->full_len == 0 && !envelope_is_unlikely(r->data, r->len)) {
		if (mark_parse(r->data, r->len, &mark)) {
			in->marked = true;
			r->kind = RECORD_MARK;
			f->marks++;
			return true;
		}
		kind = envelope_kind_of(r->data, r->len);
	}
	if (kind == ENVELOPE_LETTER)
		r->kind = RECORD_LETTER;
	else if (kind == ENVELOPE_RETRY && !src->keeps_retries)
		unwrap(r);
	if (lines_is_long_data(src, r, kind))
		reader_shorten(r);
	if (f->traces && (kind == ENVELOPE_NONE || record_is_retry(r)))
		traced_choose(src->stage, in, &f->draws, r);
	metrics_add(f->shard, kind == ENVELOPE_LETTER ? METRIC_BYPASSED : METRIC_RECEIVED, 1);
	return true;
}

/*
 * Where the marks hold records back, those behind the output are slow.  False:
 * the batch is not to be sent.
 */
static bool
wait_for_marks(struct feed *f)
{
	struct source *src = f->src;
	struct stopwatch *output = &f->shard->time[TIME_OUTPUT];

	if (src->marks == NULL)
		return true;
	stopwatch_start(output, worktime_now());
	src->held_back = src->held_back || !src->marks->wait(src->marks->arg, f->records);
	stopwatch_stop(output, worktime_now());
	return !src->held_back;
}

/* What has been put into the batch comes so far in the input. */
static void
note_end(struct feed *f, const struct input *in, struct reader_place at)
{
	if (in->place == NULL)
		return;
	if (f->n_ends == 0 || f->ends[f->n_ends - 1].place != in->place)
		f->ends[f->n_ends++].place = in->place;
	f->ends[f->n_ends - 1].at = at;
}

/*
 * The first mark of all is known to everybody before it is sent.
 */
static void
note_marks(struct feed *f)
{
	struct stage *st = f->src->stage;

	if (f->marks == 0)
		return;
	atomic_fetch_add(&st->marks, f->marks);
	for (size_t i = 0; i < f->n && !stage_is_marked(st); i++)
		if (f->batch[i].kind == RECORD_MARK)
			stage_lead(st, &f->batch[i]);
}

/*
 * Sends the batch on, when there is room.  Records get their place in the order
 * as they are sent.
 */
void
feed_send(struct feed *f)
{
	struct source *src = f->src;
	struct stage *st = src->stage;
	size_t sent = 0;
	bool may_go;

	if (f->n == 0) {
		f->n_ends = 0;
		return;
	}
	pthread_mutex_lock(&src->lock);
	may_go = wait_for_marks(f);
	stopwatch_start(&f->shard->time[TIME_OWN], worktime_now());
	if (may_go && budget_reserve(st->budget, st->root, f->records, f->bytes) == 0) {
		for (size_t i = 0; i < f->n; i++) {
			f->batch[i].seq = src->seq;
			src->seq += record_count(&f->batch[i]);
		}
		note_marks(f);
		metrics_add(f->shard, METRIC_QUEUED, f->records);
		(void)record_sendn(src->out, st->root, f->batch, f->n, &sent);
	}
	stopwatch_stop(&f->shard->time[TIME_OWN], worktime_now());
	if (src->marks != NULL && sent == f->n)
		src->marks->sent(src->marks->arg, f->records, f->ends, f->n_ends);
	f->most = batch_limit(f);
	pthread_mutex_unlock(&src->lock);
	metrics_set(f->shard, METRIC_LAST_RECORD_US, (uint64_t)clock_calendar());
	record_freen(f->batch + sent, f->n - sent);
	f->records = 0;
	f->n = f->bytes = f->marks = f->n_ends = 0;
}

void
feed_put(struct feed *f, const struct input *in, const struct record *record)
{
	struct record *r = &f->batch[f->n++];

	if (r != record)
		*r = *record;
	f->records += record_count(r);
	f->bytes += r->reserved;
	if (f->src->marks != NULL)
		note_end(f, in, (struct reader_place){r->end, r->line + record_count(r) - 1});
	if (f->n == BATCH || f->records == f->most || f->bytes >= BATCH_BYTES)
		feed_send(f);
}

/*
 * What has been read of a line when reading ends inside it.  Half a line is no
 * record: another one may begin with the same bytes.  An envelope needs no LF
 * to be known as whole.
 */
static bool
take_half(struct feed *f, struct input *in, struct record *r)
{
	struct stage *st = f->src->stage;

	if (!st->opt->no_bypass && r->full_len == 0 &&
	    envelope_kind(r->data, r->len) != ENVELOPE_NONE)
		return classify(f, in, r);
	metrics_add(f->shard, METRIC_RECEIVED, 1);
	stage_bury_half(st, r);
	return true;
}

/* What there is to know of the first record of an input. */
static void
look_at_first(struct feed *f, struct input *in, const struct record *r)
{
	enum hint_kind look = hint_look(r->data, r->len);

	in->begun = true;
	if (in->number == 0)
		f->src->stage->look = look;
	if (look >= LOOK_COMPRESSED)
		stage_hint(f->src->stage, hint_for_input(look));
}

/* False: the line is blank, and has been freed. */
static bool
admit(struct feed *f, struct input *in, struct record *r, bool half)
{
	inputs_line_ended(f->src->stage->inputs, in);
	r->input = in->name;
	r->came = f->read;
	if (!(half ? take_half(f, in, r) : classify(f, in, r))) {
		record_free(r);
		return false;
	}
	if (!in->begun && r->kind != RECORD_MARK)
		look_at_first(f, in, r);
	in->taken++;
	r->reserved = record_weight(1, r->len + 1);
	if (f->src->checks && r->kind == RECORD_DATA)
		(void)stage_check(f->src->stage, r);
	return true;
}

/* Whether a last line without an LF is to be taken: a file still has it. */
static bool
gives_rest(const struct input *in)
{
	return in->paused || (in->ended && (!in->stopped || in->kind == INPUT_PIPE));
}

/*
 * Whether the rest of an input is what a writer has left that was killed: the
 * input has marks, or this would be the first one.
 */
static bool
is_torn(const struct feed *f, const struct input *in, const struct record *r)
{
	struct mark mark;

	return in->marked ||
	    (!f->src->stage->opt->no_bypass && r->full_len == 0 &&
		mark_read(r->data, r->len, &mark));
}

/* Takes a last line without an LF.  False: there is none, or it is left out. */
static bool
take_rest(struct feed *f, struct input *in, struct record *r)
{
	if (!gives_rest(in) || !reader_rest(in->reader, r))
		return false;
	if (!is_torn(f, in, r))
		return admit(f, in, r, in->stopped);
	inputs_line_ended(f->src->stage->inputs, in);
	atomic_fetch_add(&f->src->stage->torn, 1);
	record_free(r);
	return false;
}

/*
 * All that was read has been taken: the link counts it, and may end.  Blank
 * lines have been read behind the last record.
 */
static bool
note_taken(struct feed *f, struct input *in)
{
	if (f->src->marks != NULL && f->n > 0)
		note_end(f, in, reader_place(in->reader));
	link_add(in->link, in->taken, 0);
	in->taken = 0;
	if (in->ended) {
		link_close(in->link);
		in->link = NULL;
	}
	return false;
}

/* A record, or a run, has come from a helper. */
static void
note_record(struct input *in, const struct record *r)
{
	in->record_end = r->end;
	in->unmarked = in->control->marks;
}

/* Takes a line that a helper has for us.  False: it is a record. */
static bool
take_control(struct feed *f, struct input *in, struct record *r)
{
	const struct input_control *control = in->control;

	if (r->len < control->len || memcmp(r->data, control->prefix, control->len) != 0) {
		note_record(in, r);
		return false;
	}
	inputs_line_ended(f->src->stage->inputs, in);
	if (control->line(
		control->arg, r->data + control->len, r->len - control->len, in->record_end))
		in->unmarked = false;
	record_free(r);
	return true;
}

/* Whether a stop ends what is taken of a helper, which is at a mark. */
static bool
stops_here(const struct feed *f, const struct input *in)
{
	return in->control != NULL && inputs_must_stop(f->src->stage->inputs, in);
}

bool
feed_take(struct feed *f, struct input *in, struct record *r)
{
	while (!stops_here(f, in) && reader_line(in->reader, r))
		if ((in->control == NULL || !take_control(f, in, r)) && admit(f, in, r, false))
			return true;
	return take_rest(f, in, r) || note_taken(f, in);
}

void
feed_stop(struct feed *f, struct input *in)
{
	in->stopped = true;
	inputs_end(f->src->stage->inputs, in);
}

/* The input can't be read: the others go on. */
static void
fail(struct feed *f, struct input *in, int error)
{
	stage_fault(f->src->stage, 2, "%s: %s",
	    strcmp(in->name, "-") == 0 ? "standard input" : in->name, strerror(error));
	inputs_end(f->src->stage->inputs, in);
}

/* The input has been read to its end. */
static void
end_or_pause(struct feed *f, struct input *in)
{
	struct stage *st = f->src->stage;

	in->paused = in->keep_open && ctx_state(st->files) == CTX_LIVE;
	if (!in->paused)
		inputs_end(st->inputs, in);
	else if (inputs_renew(st->inputs, in) == -1)
		fail(f, in, errno);
}

void
feed_read(struct feed *f, struct input *in)
{
	ssize_t n;

	if (inputs_must_stop(f->src->stage->inputs, in)) {
		feed_stop(f, in);
		return;
	}
	in->paused = false;
	n = in->fd != -1 ? inputs_fill(f->src->stage->inputs, in) : -1;
	f->read = clock_now();
	if (n > 0) {
		if (f->traces && in->writer == WRITER_UNKNOWN)
			traced_look_at_writer(in);
		metrics_add(f->shard, METRIC_BYTES_IN, (uint64_t)n);
		link_add(in->link, 0, (uint64_t)n);
	} else if (n == 0)
		end_or_pause(f, in);
	else if (errno != EAGAIN) {
		/* What has been read of a line is only half of it. */
		in->stopped = true;
		fail(f, in, errno);
	}
}

struct input *
feed_next(struct feed *f, struct ctx *ctx, int64_t deadline)
{
	struct input *in;
	int error;

	errno = 0;
	in = inputs_next(f->src->stage->inputs, ctx, deadline);
	error = errno;
	if (in == NULL && error != 0)
		stage_abort(f->src->stage, 2, "the inputs: poll: %s", strerror(error));
	errno = error;
	return in;
}

/*
 * Takes records that need no look at each, as one; where traces begin, up to
 * the next record that one begins with.
 */
static bool
take_run(struct feed *f, struct input *in, struct record *r)
{
	uint64_t most = f->most - f->records, n;

	if (!in->begun || stops_here(f, in))
		return false;
	if (f->src->runs < most)
		most = f->src->runs;
	if (f->traces && sampler_skips(&f->draws) < most)
		most = sampler_skips(&f->draws);
	if ((n = reader_run(in->reader, r, most)) == 0)
		return false;
	if (f->traces)
		sampler_skip(&f->draws, n);
	if (in->control != NULL)
		note_record(in, r);
	inputs_line_ended(f->src->stage->inputs, in);
	metrics_add(f->shard, METRIC_RECEIVED, n);
	r->input = in->name;
	r->came = f->read;
	r->reserved = record_weight(n, r->len + 1);
	in->taken += n;
	return true;
}

struct source *
feed_source(const struct feed *f)
{
	return f->src;
}

struct stage *
feed_stage(const struct feed *f)
{
	return f->src->stage;
}

void
feed_pass_on(struct feed *f, struct input *in)
{
	/* Records are taken into their place. */
	while (take_run(f, in, &f->batch[f->n]) || feed_take(f, in, &f->batch[f->n]))
		feed_put(f, in, &f->batch[f->n]);
	feed_send(f);
}
