#include "stage/pipeline.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "record/record.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "sync/pool.h"

CHAN_OF(record, struct record)

/* Records that the common run loop moves at a time. */
#define BATCH 256

struct worker {
	struct section *section;
	void *state;
};

/* One processor in its place in the pipeline. */
struct section {
	struct processor *proc;
	struct ctx *ctx;
	struct chan *in, *out;
	unsigned opened;
	struct worker *workers;
	struct pool *pool;
};

struct pipeline {
	size_t n;
	struct section section[];
};

/* What the loop of a processor that has process() sends on. */
struct outgoing {
	struct ctx *ctx;
	struct chan *out; /* NULL: nothing behind it takes them */
	size_t n;
	struct record batch[BATCH];
};

static void
send_on(struct outgoing *o)
{
	size_t sent = 0;

	if (o->out != NULL)
		(void)record_sendn(o->out, o->ctx, o->batch, o->n, &sent);
	record_freen(o->batch + sent, o->n - sent);
	o->n = 0;
}

static void
put(struct outgoing *o, const struct record *r)
{
	o->batch[o->n++] = *r;
	if (o->n == BATCH)
		send_on(o);
}

/* Processes a record, or a run in parts. */
static void
process_record(struct worker *w, struct record *r, struct outgoing *o)
{
	const struct processor *p = w->section->proc;
	struct record front;
	size_t bytes = 0;
	uint64_t n;
	bool more;

	do {
		n = r->kind == RECORD_RUN ? p->pass(w->state, r, &bytes) : 0;
		if (n > 0)
			more = record_take(r, n, bytes, &front);
		else {
			more = record_take_one(r, &front);
			p->process(w->state, &front);
		}
		put(o, &front);
	} while (more);
}

/* The loop of a processor that has process(). */
static void
process_all(struct worker *w, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct record batch[BATCH];
	struct outgoing o = {.ctx = ctx, .out = out};
	size_t n;

	while (record_recvn(in, ctx, batch, BATCH, &n) == CHAN_OK) {
		for (size_t i = 0; i < n; i++)
			process_record(w, &batch[i], &o);
		send_on(&o);
	}
}

static void
worker_main(void *arg)
{
	struct worker *w = arg;
	struct section *s = w->section;

	if (s->proc->run != NULL)
		s->proc->run(w->state, s->ctx, s->in, s->out);
	else
		process_all(w, s->ctx, s->in, s->out);
}

static void
close_output(void *arg)
{
	struct section *s = arg;

	if (s->out != NULL)
		chan_close(s->out);
}

static int
section_open(struct section *s)
{
	s->workers = calloc(s->proc->workers, sizeof(*s->workers));
	if (s->workers == NULL)
		return -1;
	for (; s->opened < s->proc->workers; s->opened++) {
		struct worker *w = &s->workers[s->opened];

		w->section = s;
		if (s->proc->open != NULL && s->proc->open(s->proc, s->opened, &w->state) == -1) {
			s->proc->error = errno;
			return -1;
		}
	}
	return 0;
}

static int
section_start(struct section *s)
{
	void **args = calloc(s->proc->workers, sizeof(*args));

	if (args == NULL)
		return -1;
	for (unsigned i = 0; i < s->proc->workers; i++)
		args[i] = &s->workers[i];
	s->pool = pool_start(s->proc->workers, worker_main, args, close_output, s);
	free(args);
	return s->pool == NULL ? -1 : 0;
}

/*
 * Records that a cancelled pipeline has left in a channel still hold their
 * slabs.
 */
static void
free_chan(struct chan *c)
{
	struct record r;
	size_t n;

	if (c == NULL)
		return;
	while (record_tryrecvn(c, &r, 1, &n) == CHAN_OK)
		record_free(&r);
	chan_free(c);
}

static void
section_free(struct section *s)
{
	if (s->proc == NULL)
		return;
	while (s->opened > 0)
		if (s->workers[--s->opened].state != NULL && s->proc->close != NULL)
			s->proc->close(s->workers[s->opened].state);
	free(s->workers);
	free_chan(s->in);
}

static int
wire_sections(struct pipeline *p, struct ctx *ctx, struct processor *procs, size_t capacity)
{
	for (size_t i = 0; i < p->n; i++) {
		struct section *s = &p->section[i];

		s->proc = &procs[i];
		s->ctx = ctx;
		if (i > 0 && (s->in = record_chan_new(capacity)) == NULL)
			return -1;
		if (i > 0)
			s[-1].out = s->in;
		if (section_open(s) == -1)
			return -1;
	}
	return 0;
}

static int
start_sections(struct pipeline *p)
{
	/* From the end, so that nothing is read before all the others run. */
	for (size_t i = p->n; i-- > 0;)
		if (section_start(&p->section[i]) == -1)
			return -1;
	return 0;
}

struct pipeline *
pipeline_start(struct ctx *ctx, struct processor *procs, size_t n, size_t capacity)
{
	struct pipeline *p = calloc(1, sizeof(*p) + n * sizeof(p->section[0]));
	int error;

	if (p == NULL)
		return NULL;
	p->n = n;
	if (wire_sections(p, ctx, procs, capacity) == 0 && start_sections(p) == 0)
		return p;
	/* Workers that run already wait for records that will never come. */
	error = errno;
	ctx_cancel(ctx);
	pipeline_join(p);
	errno = error;
	return NULL;
}

void
pipeline_join(struct pipeline *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		pool_join(p->section[i].pool);
	for (size_t i = 0; i < p->n; i++)
		section_free(&p->section[i]);
	free(p);
}
