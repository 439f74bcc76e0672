#include "stage/source.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/io.h"
#include "json/json.h"
#include "record/envelope.h"
#include "record/reader.h"
#include "record/unwrap.h"
#include "stage/budget.h"
#include "stage/pipeline.h"
#include "stage/stage.h"
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

/*
 * The limit of letters, as a multiple of --max-record, and at least.  A letter
 * may come from a stage that reads longer records, so it has far more room than
 * a record; but any line can begin like a letter, so it has a limit.
 */
#define LETTER_FACTOR 16
#define LETTER_MIN ((size_t)256 << 20)

struct feed {
	struct source *src;
	struct reader *reader;
	struct chan *out;
	uint64_t seq;
	size_t n, most; /* records in the batch, and their limit */
	size_t bytes;   /* to be reserved for them */
	bool ended;     /* the input has */
	int64_t read;   /* when the last read(2) returned, monotonic ns */
	struct record batch[BATCH];
};

static size_t
letter_limit(size_t max_record)
{
	size_t limit =
	    max_record < SIZE_MAX / LETTER_FACTOR ? max_record * LETTER_FACTOR : SIZE_MAX;

	limit = limit > LETTER_MIN ? limit : LETTER_MIN;
	return limit < READER_NO_LIMIT ? limit : READER_NO_LIMIT;
}

static struct reader *
open_reader(const struct source *src)
{
	const struct options *opt = src->stage->opt;
	struct reader_limits limits = {.max = opt->max_record, .strip_bom = true};

	if (!opt->no_bypass) {
		limits.special = envelope_may_be;
		limits.max_special = letter_limit(opt->max_record);
	}
	return reader_new(src->fd, &limits);
}

/*
 * Whether a line that is over the limit, and begins like an envelope, has to be
 * taken for data after all.
 */
static bool
is_long_data(const struct source *src, const struct record *r, enum envelope_kind kind)
{
	if (r->full_len != 0 || r->len <= src->stage->opt->max_record || r->origin != NULL)
		return false;
	return kind == ENVELOPE_NONE || (kind == ENVELOPE_RETRY && !src->keeps_retries);
}

/*
 * Finds out what a line is, and counts it.  False: it is blank, and left out.
 */
static bool
classify(struct source *src, struct record *r)
{
	const struct options *opt = src->stage->opt;
	enum envelope_kind kind;

	if (!opt->raw && r->full_len == 0 && json_blank(r->data, r->len)) {
		metrics_add(src->shard, METRIC_BLANK, 1);
		return false;
	}
	kind = opt->no_bypass || r->full_len != 0 ? ENVELOPE_NONE : envelope_kind(r->data, r->len);
	if (kind == ENVELOPE_LETTER)
		r->kind = RECORD_LETTER;
	else if (kind == ENVELOPE_RETRY && !src->keeps_retries)
		unwrap(r);
	if (is_long_data(src, r, kind))
		reader_shorten(r);
	metrics_add(src->shard, kind == ENVELOPE_LETTER ? METRIC_BYPASSED : METRIC_RECEIVED, 1);
	return true;
}

/* Sends the batch on, when there is room.  -1: the stage has ended. */
static int
send_batch(struct feed *f)
{
	struct stage *st = f->src->stage;
	struct metrics_shard *shard = f->src->shard;
	int64_t begun = clock_now();
	size_t sent = 0;
	enum chan_status status = CHAN_CANCELLED;

	if (f->n == 0)
		return 0;
	if (budget_reserve(st->budget, st->root, f->n, f->bytes) == 0) {
		metrics_add(shard, METRIC_QUEUED, f->n);
		status = record_sendn(f->out, st->root, f->batch, f->n, &sent);
	}
	metrics_add(shard, METRIC_BLOCKED_WORKERS_NS, (uint64_t)(clock_now() - begun));
	record_freen(f->batch + sent, f->n - sent);
	f->n = f->bytes = 0;
	return status == CHAN_OK ? 0 : -1;
}

/* Its place in the order and in the budget, and when it came. */
static void
register_record(struct feed *f, struct record *r)
{
	r->seq = f->seq++;
	r->came = f->read;
	r->reserved = r->len + sizeof(*r);
	f->bytes += r->reserved;
}

static int
add_record(struct feed *f, struct record *r)
{
	if (!classify(f->src, r)) {
		record_free(r);
		return 0;
	}
	if (f->seq == 0)
		f->src->stage->look = hint_look(r->data, r->len);
	register_record(f, r);
	f->batch[f->n++] = *r;
	return f->n == f->most || f->bytes >= BATCH_BYTES ? send_batch(f) : 0;
}

static int
send_lines(struct feed *f)
{
	struct record r;

	while (reader_line(f->reader, &r))
		if (add_record(f, &r) == -1)
			return -1;
	if (f->ended && reader_rest(f->reader, &r) && add_record(f, &r) == -1)
		return -1;
	if (f->n > 0)
		metrics_set(f->src->shard, METRIC_LAST_RECORD_US, (uint64_t)clock_calendar());
	return send_batch(f);
}

/*
 * Half a line is no record: another one may begin with the same bytes.  An
 * envelope needs no LF to be known as whole.
 */
static void
add_half(struct feed *f, struct record *r)
{
	struct source *src = f->src;

	if (!src->stage->opt->no_bypass && r->full_len == 0 &&
	    envelope_kind(r->data, r->len) != ENVELOPE_NONE)
		(void)add_record(f, r);
	else {
		metrics_add(src->shard, METRIC_RECEIVED, 1);
		register_record(f, r);
		stage_bury_half(src->stage, r);
		f->batch[f->n++] = *r;
	}
}

/*
 * Reading ends before the input does, perhaps in the middle of a line.  A pipe
 * does not give those bytes again, so they leave as a dead letter; a file or a
 * terminal still has them.  Whole lines are left only where the stage has given
 * up: they are received, and end unwritten.
 */
static void
stop_reading(struct feed *f)
{
	struct record r;

	if (!io_is_pipe(f->src->fd))
		return;
	f->src->stage->stopped_reading = true;
	while (reader_line(f->reader, &r))
		(void)add_record(f, &r);
	if (reader_rest(f->reader, &r))
		add_half(f, &r);
	(void)send_batch(f);
}

/*
 * Reads once, and sends on what came.  False: the input has ended, or reading
 * has to.
 */
static bool
read_once(struct feed *f)
{
	struct stage *st = f->src->stage;
	struct pollfd p = {.fd = f->src->fd, .events = POLLIN};
	int64_t begun = clock_now();
	ssize_t n;

	if (ctx_poll(st->input, &p, 1, CLOCK_NEVER) == -1)
		stage_abort(st, 2, "standard input: poll: %s", strerror(errno));
	if (ctx_state(st->input) != CTX_LIVE)
		return false;
	n = reader_fill(f->reader);
	f->read = clock_now();
	metrics_add(f->src->shard, METRIC_BLOCKED_INPUT_NS, (uint64_t)(f->read - begun));
	if (n == -1 && errno == EAGAIN)
		return true;
	if (n == -1) {
		stage_abort(st, 2, "standard input: %s", strerror(errno));
		return false;
	}
	f->ended = n == 0;
	metrics_add(f->src->shard, METRIC_BYTES_IN, (uint64_t)n);
	return send_lines(f) == 0 && !f->ended;
}

static void
source_run(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct feed *f = state;

	(void)ctx;
	(void)in;
	f->out = out;
	while (read_once(f))
		continue;
	if (!f->ended)
		stop_reading(f);
	budget_end_input(f->src->stage->budget);
}

static int
source_open(struct processor *p, unsigned worker, void **state)
{
	struct feed *f = calloc(1, sizeof(*f));

	(void)worker;
	if (f == NULL)
		return -1;
	f->src = p->arg;
	f->most = budget_share(f->src->stage->budget, BATCH);
	if ((f->reader = open_reader(f->src)) == NULL) {
		free(f);
		return -1;
	}
	*state = f;
	return 0;
}

static void
source_close(void *state)
{
	struct feed *f = state;

	reader_free(f->reader);
	free(f);
}

struct processor
source_processor(struct source *src)
{
	return (struct processor){.name = "source",
	    .workers = 1,
	    .arg = src,
	    .open = source_open,
	    .run = source_run,
	    .close = source_close};
}
