#include "engine/giver.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/reason.h"
#include "engine/control.h"
#include "engine/helper.h"
#include "engine/outgoing.h"
#include "json/json.h"
#include "json/members.h"
#include "json/text.h"
#include "record/envelope.h"
#include "trace/carrier.h"

#define DONE "done "
#define LINE_SIZE 4096 /* of stdin: pfanin has so much outstanding */
#define MORE 8         /* descriptors of the caller, at most */

struct giver {
	char *key; /* NULL: started by hand */
	void (*done)(void *arg, const char *token);
	void *arg;
	struct outgoing out;
	bool in_ended, out_closed;
	bool ends; /* stdout is to be closed when what waits is written */
	size_t n;  /* bytes of lines on stdin that are not complete */
	char line[LINE_SIZE];
};

/* Without memory nothing can be kept in order. */
static void
check(const struct text *t)
{
	if (t->failed)
		helper_fail("out of memory");
}

/* A line is complete.  Where nobody reads stdout it goes nowhere. */
static void
end_line(struct giver *g)
{
	TEXT_LITERAL(&g->out.text, "\n");
	check(&g->out.text);
	if (g->out_closed)
		outgoing_clear(&g->out);
}

struct giver *
giver_new(bool marks, void (*done)(void *, const char *), void *arg)
{
	const char *key = getenv(CONTROL_VARIABLE);
	struct giver *g = calloc(1, sizeof(*g));

	if (g == NULL || (key != NULL && (g->key = strdup(key)) == NULL))
		helper_fail("out of memory");
	g->done = done;
	g->arg = arg;
	if (key == NULL)
		return g;
	(void)fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
	(void)fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
	control_begin(&g->out.text, key, "pchan-in");
	text_raw(&g->out.text, marks ? "1 marks\n" : "1\n");
	check(&g->out.text);
	return g;
}

void
giver_free(struct giver *g)
{
	if (g == NULL)
		return;
	text_free(&g->out.text);
	free(g->key);
	free(g);
}

/* The letter of a record that can't be a line. */
static void
put_letter(struct giver *g, const struct giver_record *r, const char *input, uint64_t place)
{
	struct letter letter = {.stage = program_invocation_short_name,
	    .reason = REASON_INVALID,
	    .message =
		json_blank(r->data, r->len) ? "it is empty" : "it has line feeds, and is no JSON",
	    .failed = clock_calendar(),
	    .input = input,
	    .line = place,
	    .payload = r->data,
	    .payload_len = r->len};
	char *line;
	size_t len;

	if (envelope_letter(&letter, &line, &len) == -1)
		helper_fail("out of memory");
	text_bytes(&g->out.text, line, len - 1);
	free(line);
}

/* Adds JSON; a line feed can only be white space there. */
static void
put_json(struct text *out, const char *data, size_t len)
{
	const char *end = data + len, *lf;

	while ((lf = memchr(data, '\n', (size_t)(end - data))) != NULL) {
		text_bytes(out, data, (size_t)(lf - data));
		TEXT_LITERAL(out, " ");
		data = lf + 1;
	}
	text_bytes(out, data, (size_t)(end - data));
}

/* The record with the member in front: malloc'd, with a NUL; or NULL. */
static char *
add_member(const struct giver_record *r, size_t *len)
{
	bool empty;
	long place = members_begin(r->data, r->len, &empty);
	struct text t = {0};

	if (place == -1)
		return NULL;
	text_bytes(&t, r->data, (size_t)place);
	text_raw(&t, r->member);
	text_raw(&t, empty ? "" : ",");
	text_bytes(&t, r->data + place, r->len - (size_t)place);
	*len = t.len;
	text_bytes(&t, "", 1);
	check(&t);
	return t.data;
}

/* The record with the context of its headers: malloc'd; or NULL. */
static char *
add_context(const struct giver_record *r, size_t *len)
{
	struct context context;
	struct carrier c;
	const char *state = NULL;
	char *out;

	if (!context_read(r->traceparent, strlen(r->traceparent), &context))
		return NULL;
	carrier_read(r->data, r->len, &c);
	if (!c.is_object || c.found)
		return NULL;
	if (r->tracestate != NULL && strlen(r->tracestate) <= TRACESTATE_MAX &&
	    tracestate_is_valid(r->tracestate, strlen(r->tracestate)))
		state = r->tracestate;
	if ((out = malloc(carrier_room(r->len, state))) == NULL)
		helper_fail("out of memory");
	*len = carrier_write(&c, r->data, r->len, &context, state, out);
	return out;
}

/* A record that is JSON, with what is known of it. */
static void
put_members(struct giver *g, const struct giver_record *record)
{
	struct giver_record r = *record;
	char *with_member = NULL, *with_context = NULL;

	if (r.member != NULL && (with_member = add_member(&r, &r.len)) != NULL)
		r.data = with_member;
	if (r.traceparent != NULL && (with_context = add_context(&r, &r.len)) != NULL)
		r.data = with_context;
	put_json(&g->out.text, r.data, r.len);
	free(with_member);
	free(with_context);
}

void
giver_put(struct giver *g, const struct giver_record *r, const char *input, uint64_t place)
{
	struct giver_record empty = {.data = ""};
	bool lines = r->len == 0 || memchr(r->data, '\n', r->len) != NULL;
	bool looks = lines || r->member != NULL || r->traceparent != NULL;

	if (r->len == 0)
		put_letter(g, &empty, input, place); /* the data may be NULL */
	else if (looks && json_check(r->data, r->len, NULL))
		put_members(g, r);
	else if (lines || json_blank(r->data, r->len))
		put_letter(g, r, input, place);
	else
		text_bytes(&g->out.text, r->data, r->len);
	end_line(g);
}

void
giver_mark(struct giver *g, const char *token)
{
	if (g->key == NULL)
		return;
	control_begin(&g->out.text, g->key, "mark");
	text_raw(&g->out.text, token);
	end_line(g);
}

void
giver_stat(struct giver *g, const char *name, uint64_t value, const char *label)
{
	if (g->key == NULL)
		return;
	control_stat(&g->out.text, g->key, name, &value, label);
	end_line(g);
}

void
giver_no_stat(struct giver *g, const char *name, const char *label)
{
	if (g->key == NULL)
		return;
	control_stat(&g->out.text, g->key, name, NULL, label);
	end_line(g);
}

bool
giver_has_room(const struct giver *g)
{
	return !g->out_closed && !g->ends && outgoing_waits(&g->out) < GIVER_BUFFER;
}

/* Tells of the whole lines that have come. */
static void
take_lines(struct giver *g)
{
	char *line = g->line, *end = g->line + g->n, *lf;

	while ((lf = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		*lf = '\0';
		if (strncmp(line, DONE, strlen(DONE)) == 0)
			g->done(g->arg, line + strlen(DONE));
		line = lf + 1;
	}
	g->n = (size_t)(end - line);
	memmove(g->line, line, g->n);
}

static void
read_in(struct giver *g)
{
	ssize_t n = read(STDIN_FILENO, g->line + g->n, sizeof(g->line) - g->n);

	if (n > 0) {
		g->n += (size_t)n;
		take_lines(g);
		if (g->n == sizeof(g->line))
			helper_fail("a line on standard input is too long");
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		g->in_ended = true;
}

/* Nobody reads stdout any more, or nothing more comes. */
static void
close_out(struct giver *g)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null != -1) {
		(void)dup2(null, STDOUT_FILENO);
		close(null);
	}
	g->out_closed = true;
	outgoing_clear(&g->out);
}

static enum giver_state
state_of(const struct giver *g)
{
	bool stops = g->key != NULL ? g->in_ended : g->out_closed;

	return stops ? GIVER_STOPS : GIVER_GOES_ON;
}

enum giver_state
giver_step(struct giver *g, struct pollfd *more, size_t n, int timeout)
{
	struct pollfd fds[2 + MORE];
	bool in = g->key != NULL && !g->in_ended;

	if (g->ends && outgoing_waits(&g->out) == 0 && !g->out_closed)
		close_out(g);
	if (state_of(g) == GIVER_STOPS)
		return GIVER_STOPS;
	fds[0] = (struct pollfd){.fd = in ? STDIN_FILENO : -1, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = g->out_closed ? -1 : STDOUT_FILENO,
	    .events = outgoing_waits(&g->out) > 0 ? POLLOUT : 0};
	for (size_t i = 0; i < n; i++) {
		fds[2 + i] = more[i];
		more[i].revents = 0;
	}
	if (poll(fds, 2 + n, timeout) == -1)
		return GIVER_GOES_ON; /* a signal */
	for (size_t i = 0; i < n; i++)
		more[i] = fds[2 + i];
	if (fds[0].revents != 0)
		read_in(g);
	/* A pipe says POLLERR, a socket and a terminal say POLLHUP. */
	if ((fds[1].revents & (POLLERR | POLLHUP)) != 0 ||
	    ((fds[1].revents & POLLOUT) != 0 && !outgoing_write(&g->out)))
		close_out(g);
	return state_of(g);
}

void
giver_end(struct giver *g)
{
	g->ends = true;
}
