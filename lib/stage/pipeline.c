#include "stage/pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "sync/chan.h"
#include "sync/pool.h"
#include "record/record.h"

CHAN_OF(record, struct record)

/* What the common run loop moves at a time. */
#define BATCH 256

struct worker {
	struct section *section;
	void *state;
};

/* One processor in its place in the pipe. */
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

/* The loop of a processor that has process(): one record in, one out. */
static void
process_all(struct worker *w, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct record batch[BATCH];
	size_t n, sent;

	while (record_recvn(in, ctx, batch, BATCH, &n) == CHAN_OK) {
		for (size_t i = 0; i < n; i++)
			w->section->proc->process(w->state, &batch[i]);
		if (out == NULL)
			sent = 0;
		else
			record_sendn(out, ctx, batch, n, &sent);
		record_freen(batch + sent, n - sent);
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
section_done(void *arg)
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
		if (s->proc->open != NULL && s->proc->open(s->proc, s->opened, &w->state) == -1)
			return -1;
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
	s->pool = pool_start(s->proc->workers, worker_main, args, section_done, s);
	free(args);
	return s->pool == NULL ? -1 : 0;
}

/* Records left in a channel that was cancelled still hold their slabs. */
static void
chan_drain_free(struct chan *c)
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
	chan_drain_free(s->in);
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
	/* From the end, so that nothing is read before all else stands. */
	for (size_t i = p->n; i-- > 0;) {
		if (section_start(&p->section[i]) == 0)
			continue;
		for (size_t j = i + 1; j < p->n; j++)
			chan_close(p->section[j].in);
		return -1;
	}
	return 0;
}

struct pipeline *
pipeline_start(struct ctx *ctx, struct processor *procs, size_t n, size_t capacity)
{
	struct pipeline *p = calloc(1, sizeof(*p) + n * sizeof(p->section[0]));
	int saved;

	if (p == NULL)
		return NULL;
	p->n = n;
	if (wire_sections(p, ctx, procs, capacity) == 0 && start_sections(p) == 0)
		return p;
	saved = errno;
	pipeline_join(p);
	errno = saved;
	return NULL;
}

const struct chan *
pipeline_chan(const struct pipeline *p, size_t i)
{
	return p->section[i].in;
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
