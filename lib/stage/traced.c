#include "stage/traced.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "base/clock.h"
#include "json/json.h"
#include "record/envelope.h"
#include "record/mark.h"
#include "trace/carrier.h"
#include "trace/tracer.h"
#include "trace/variables.h"

extern char **environ;

void
traced_mark_pipe(int fd)
{
	struct statfs fs;
	struct stat sb;

	/* A FIFO has a name, and its mode is its owner's. */
	if (fstatfs(fd, &fs) == -1 || fs.f_type != PIPEFS_MAGIC || fstat(fd, &sb) == -1)
		return;
	/* The pipe of another user stays as it is. */
	(void)fchmod(fd, (sb.st_mode & ALLPERMS) | S_ISVTX);
}

/* Whether the pipe's writer traces records. */
static bool
is_marked(int fd)
{
	struct stat sb;

	return fd != -1 && fstat(fd, &sb) == 0 && S_ISFIFO(sb.st_mode) &&
	    (sb.st_mode & S_ISVTX) != 0;
}

/* The record gets these bytes, of a slab of its own. */
static void
take_slab(struct record *r, struct slab *slab, size_t len)
{
	slab_release(r->slab, 1);
	r->slab = slab;
	r->data = slab->data;
	r->len = len;
}

/* What the span says of the record, as it was read. */
static void
describe(struct span *s, const struct record *r)
{
	s->begun = r->came;
	s->line = r->line;
	s->size = r->len;
	if (r->input != NULL && strcmp(r->input, "-") != 0)
		s->input = strdup(r->input);
}

/*
 * Puts the context of its span into the record, with this tracestate unless it
 * is "".  -1: the record stays as it is.
 */
static int
put_context(struct stage *st, struct record *r, const struct carrier *c, const char *state)
{
	const char *changed = *state != '\0' && strcmp(state, c->state) != 0 ? state : NULL;
	size_t len, room = carrier_room(r->len, changed);
	struct slab *slab = NULL;
	char *to = r->origin->bytes;

	if (room > sizeof(r->origin->bytes)) {
		if ((slab = slab_new_exact(room, 1)) == NULL)
			return -1;
		to = slab->data;
	}
	len = carrier_write(c, r->data, r->len, &record_span(r)->context, changed, to);
	if (len > st->opt->max_record) {
		atomic_fetch_add_explicit(&st->tracing->too_long, 1, memory_order_relaxed);
		if (slab != NULL)
			slab_release(slab, 1);
		return -1;
	}
	if (slab != NULL)
		take_slab(r, slab, len);
	r->data = to;
	r->len = len;
	return 0;
}

/* The record gets a span with this context, but of its own id. */
static void
add_span(struct stage *st, struct record *r, const struct carrier *c, const struct context *context,
    const char *state)
{
	struct span *s = record_add_span(r);

	if (s == NULL)
		return;
	describe(s, r);
	s->context = *context;
	s->context.flags |= CONTEXT_SAMPLED;
	context_new_span(&s->context);
	if (c->found)
		memcpy(s->parent, c->context.span_id, sizeof(s->parent));
	else
		s->linked = st->tracing->run_is_traced;
	if (span_set_state(s, state) == -1 || put_context(st, r, c, state) == -1)
		record_drop_span(r);
}

/* The trace that the record carries goes on, if it is sampled. */
static void
continue_trace(struct stage *st, struct record *r, const struct carrier *c)
{
	const struct sampler *sampler = &st->tracing->settings.sampler;
	char state[TRACESTATE_SIZE];

	if (!sampler_takes(sampler, &c->context, c->state))
		return;
	if (!sampler_has_threshold(sampler) || sampler->parent_based) {
		add_span(st, r, c, &c->context, c->state);
		return;
	}
	tracestate_set_threshold(c->state, strlen(c->state), sampler->threshold, state);
	add_span(st, r, c, &c->context, state);
}

/* Whether it is an envelope of ours as it stands, whose payload is traced. */
static bool
is_envelope(const struct stage *st, const struct record *r)
{
	return !st->opt->no_bypass && !record_is_retry(r) &&
	    envelope_kind(r->data, r->len) != ENVELOPE_NONE;
}

void
traced_begin_span(struct stage *st, struct record *r)
{
	struct context fresh;
	struct carrier c;

	if (st->opt->plain || is_envelope(st, r))
		return;
	if (st->opt->raw && !json_check(r->data, r->len, NULL))
		return;
	carrier_read(r->data, r->len, &c);
	if (c.found)
		continue_trace(st, r, &c);
	else if (r->chosen) {
		sampler_begin(&st->tracing->settings.sampler, &fresh);
		add_span(st, r, &c, &fresh, st->tracing->fresh_state);
	}
}

static bool
is_object(const struct record *r)
{
	const char *p = r->data, *end = p + r->len;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	return p < end && *p == '{';
}

bool
traced_can_carry(const struct stage *st, const struct record *r)
{
	if (!st->opt->plain && is_object(r))
		return true;
	atomic_fetch_add_explicit(&st->tracing->without, 1, memory_order_relaxed);
	return false;
}

void
traced_look_at_writer(struct input *in)
{
	in->writer = is_marked(in->fd) ? WRITER_TRACES : WRITER_OTHER;
}

/*
 * Whether a line of an answer is an object without a context.  A letter, or
 * another line of ours, of a worker that is a pipeline itself keeps its bytes.
 */
static bool
lacks_context(const char *line, size_t len, struct carrier *c)
{
	struct mark mark;

	if (envelope_kind(line, len) != ENVELOPE_NONE || mark_read(line, len, &mark))
		return false;
	carrier_read(line, len, c);
	return c->is_object && !c->found && json_check(line, len, NULL);
}

/*
 * Appends a line of an answer, with the context where that is lacking, and
 * where the line does not become longer than a record may be.  -1: no memory.
 */
static int
copy_line(FILE *out, const struct span *s, size_t max, const char *line, size_t len)
{
	char *bytes = NULL;
	struct carrier c;
	size_t n;

	if (lacks_context(line, len, &c)) {
		if ((bytes = malloc(carrier_room(len, s->state))) == NULL)
			return -1;
		n = carrier_write(&c, line, len, &s->context, s->state, bytes);
		if (n <= max) {
			line = bytes;
			len = n;
		}
	}
	fwrite(line, 1, len, out);
	putc('\n', out);
	free(bytes);
	return 0;
}

/* All lines of the answer, malloc'd, with an LF at the end; NULL: no memory. */
static char *
copy_lines(const struct span *s, size_t max, const struct record *answer, size_t *len)
{
	const char *at = answer->data, *end = at + answer->len, *lf;
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	int error = 0;

	if (out == NULL)
		return NULL;
	for (; error == 0 && at <= end; at = lf + 1) {
		lf = memchr(at, '\n', (size_t)(end - at) + 1);
		error = copy_line(out, s, max, at, (size_t)(lf - at));
	}
	if (fclose(out) == 0 && error == 0)
		return text;
	free(text);
	return NULL;
}

/* An answer of several lines: each that is an object gets the context. */
static void
put_into_lines(const struct stage *st, const struct span *s, struct record *answer)
{
	size_t len;
	char *lines = copy_lines(s, st->opt->max_record, answer, &len);
	struct record copy;

	if (lines != NULL && record_copy(&copy, lines, len - 1) == 0)
		take_slab(answer, copy.slab, copy.len);
	free(lines);
}

/* The worker has given the record back as it was: with its context. */
static bool
is_same(const struct record *r, const struct record *answer)
{
	return r->len == answer->len && memcmp(r->data, answer->data, r->len) == 0;
}

void
traced_answer(const struct stage *st, const struct record *r, struct record *answer)
{
	const struct span *s = record_span(r);
	struct carrier c;
	struct slab *slab;
	size_t len;

	if (s == NULL || answer->slab == NULL || is_same(r, answer))
		return;
	if (memchr(answer->data, '\n', answer->len) != NULL) {
		put_into_lines(st, s, answer);
		return;
	}
	if (!lacks_context(answer->data, answer->len, &c) ||
	    (slab = slab_new_exact(carrier_room(answer->len, s->state), 1)) == NULL)
		return;
	len = carrier_write(&c, answer->data, answer->len, &s->context, s->state, slab->data);
	if (len <= st->opt->max_record)
		take_slab(answer, slab, len);
	else
		slab_release(slab, 1);
}

void
traced_end_span(
    struct stage *st, struct record *r, enum span_result result, struct traced_ended *ended)
{
	struct span *s = &ended->span[ended->n];

	if (ended->n++ == 0)
		ended->at = clock_now();
	record_take_span(r, s);
	s->ended = ended->at;
	if (s->result != SPAN_FAILED)
		s->result = (uint8_t)result;
	if (ended->n == sizeof(ended->span) / sizeof(ended->span[0]))
		traced_write_spans(st, ended);
}

void
traced_write_spans(struct stage *st, struct traced_ended *ended)
{
	tracer_put(st->tracing->tracer, ended->span, ended->n);
	ended->n = 0;
}

int
traced_environment(const struct stage *st, const struct record *r, char ***env)
{
	struct carrier c = {0};

	*env = NULL;
	if (!tracing_records(st->tracing))
		return 0;
	if (!st->opt->plain && carrier_is_likely(r->data, r->len))
		carrier_read(r->data, r->len, &c);
	*env = variables_with(environ, c.found ? &c.context : NULL, c.state);
	return *env != NULL ? 0 : -1;
}
