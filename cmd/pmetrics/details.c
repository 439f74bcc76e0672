#include "details.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/reason.h"
#include "figures.h"
#include "table.h"

#define INDENT 3

/* The text, line after line, of which the grid shows some. */
struct text {
	struct grid *g;
	int y; /* of the next one */
	const struct model *m;
	const struct part *p;
	size_t part;
	int64_t now;
};

static void say(struct text *, unsigned ink, int x, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void
say(struct text *t, unsigned ink, int x, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	grid_put(t->g, t->y++, x, t->g->width - x, ink, line);
}

static void
say_heading(struct text *t, const char *heading)
{
	t->y++;
	say(t, INK_DIM, INDENT, "%s", heading);
}

/* Its command line, over several lines if need be. */
static void
say_argv(struct text *t)
{
	const char *argv = t->p->stage->header.argv;
	const int width = t->g->width - INDENT - 1;

	t->y += grid_wrap(t->g, t->y, INDENT, width, 8, INK_PLAIN, argv);
}

static void
say_what(struct text *t)
{
	char up[FIGURE_SIZE], state[TABLE_STATE_SIZE];
	const struct statfile_header *h = &t->p->stage->header;

	figure_clock(t->p->up, up);
	table_state(t->p, state);
	say(t, INK_BOLD, 1, "%s   %s   %s %s   pid %ld   up %s", t->p->name, state, h->tool,
	    h->tool_version, (long)t->p->pid, up);
	say_argv(t);
}

static void
say_foreign(struct text *t)
{
	char state[TABLE_STATE_SIZE];

	table_state(t->p, state);
	if (t->p->pid > 0)
		say(t, INK_BOLD, 1, "%s   %s   pid %ld", t->p->name, state, (long)t->p->pid);
	else
		say(t, INK_BOLD, 1, "%s   %s", t->p->name, state);
}

/* What its helper has said. */
static void
say_engine(struct text *t)
{
	const struct look_stage *s = t->p->teller;
	char f[2][FIGURE_SIZE];

	say_heading(t, "NOW");
	figure_number(t->p->lag, f[0]);
	figure_number(t->p->unacknowledged, f[1]);
	say(t, INK_PLAIN, INDENT, "lag %s, unacknowledged %s", f[0], f[1]);
	for (size_t i = 0; s != NULL && i < s->n_said; i++) {
		const struct metrics_said *said = &s->said[i];

		if (said->link == t->p->link && said->what == SAID_LAG && *said->partition != '\0')
			say(t, INK_PLAIN, INDENT, "lag of partition %s: %" PRIu64, said->partition,
			    said->value);
	}
}

static void
say_rates(struct text *t)
{
	char f[6][FIGURE_SIZE];
	const struct part *p = t->p;

	say_heading(t, "NOW");
	figure_number(p->in, f[0]);
	figure_number(p->out, f[1]);
	figure_bytes(p->bytes_in, f[2]);
	figure_bytes(p->bytes_out, f[3]);
	say(t, INK_PLAIN, INDENT, "records in %s/s, out %s/s; bytes in %s/s, out %s/s", f[0], f[1],
	    f[2], f[3]);
	figure_percent(p->input, f[0]);
	figure_percent(p->output, f[1]);
	figure_percent(p->own, f[2]);
	figure_percent(p->rate, f[3]);
	figure_number((double)p->held, f[4]);
	figure_number((double)p->stage->header.capacity, f[5]);
	say(t, INK_PLAIN, INDENT, "waited: input %s, output %s, workers %s, rate %s; held %s of %s",
	    f[0], f[1], f[2], f[3], f[4], f[5]);
	if (p->limit > 0) {
		(p->by_bytes ? figure_bytes : figure_number)(p->limit, f[0]);
		say(t, INK_PLAIN, INDENT, "limit: %s %s a second", f[0],
		    p->by_bytes ? "bytes" : "records");
	}
	if (!p->pool)
		return;
	figure_percent(p->busy, f[0]);
	figure_number(p->retries, f[1]);
	figure_number(p->restarts, f[2]);
	figure_age(p->oldest, f[3]);
	say(t, INK_PLAIN, INDENT, "workers: %u of %u busy, %s of the time; replaced %s/s",
	    p->busy_workers, p->workers, f[0], f[2]);
	if (isnan(p->oldest))
		say(t, INK_PLAIN, INDENT, "attempts: none now; retries %s/s", f[1]);
	else
		say(t, INK_PLAIN, INDENT, "attempts: the oldest began %s ago; retries %s/s", f[3],
		    f[1]);
}

/* The share of the window that a stage waited for another part. */
static void
say_neighbours(struct text *t)
{
	char percent[FIGURE_SIZE];
	const struct model *m = t->m;

	say_heading(t, "NEIGHBOURS");
	for (const struct edge *e = m->edge; e < m->edge + m->n_edges; e++) {
		const bool in = e->to == t->part;
		const char *name = m->part[in ? e->from : e->to].name;

		if (e->to != t->part && e->from != t->part)
			continue;
		figure_percent(in ? e->in_wait : e->out_wait, percent);
		say(t, INK_PLAIN, INDENT, "%s %s%s%s%s%s", in ? "from" : "to  ", name,
		    e->name[0] != '\0' ? " through " : "", e->name,
		    t->p->kind == PART_STAGE ? ", waited " : "",
		    t->p->kind == PART_STAGE ? percent : "");
	}
}

static const char *
kind_name(uint8_t kind)
{
	static const char *const names[] = {
	    [LINK_PIPE] = "pipe",
	    [LINK_FIFO] = "FIFO",
	    [LINK_FILE] = "file",
	    [LINK_TERMINAL] = "terminal",
	    [LINK_NULL] = "/dev/null",
	    [LINK_SOCKET] = "socket",
	    [LINK_OTHER] = "other",
	    [LINK_ENGINE] = "engine",
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "other";
}

/* Since the stage began. */
static void
say_links(struct text *t)
{
	const struct look_stage *s = t->p->stage;
	const int64_t now = s->live && s->same_clock ? t->now : 0;

	say_heading(t, "INPUTS AND OUTPUTS, IN ALL");
	for (size_t i = 0; i < s->n_links; i++) {
		const struct metrics_link *link = &s->link[i];
		char records[FIGURE_SIZE], waited[FIGURE_SIZE];

		figure_number((double)link->records, records);
		figure_age((double)stopwatch_read(&link->wait, now) / 1e9, waited);
		say(t, INK_PLAIN, INDENT, "%-3s  %-9s %.*s%s%s records, waited %s%s",
		    link->direction == LINK_IN ? "in" : "out", kind_name(link->kind),
		    LINK_NAME_SIZE, link->name, link->name[0] != '\0' ? "  " : "", records, waited,
		    (link->state & 3) == LINK_CLOSED ? ", closed" : "");
	}
	if (s->more_links > 0)
		say(t, INK_PLAIN, INDENT, "and %" PRIu64 " more", s->more_links);
}

static void
say_failures(struct text *t)
{
	const _Atomic uint64_t *failed = &t->p->stage->sum.counter[METRIC_FAILED];
	bool any = false;

	say_heading(t, "FAILED");
	for (int r = 0; r < REASON_COUNT; r++) {
		if (failed[r] == 0)
			continue;
		any = true;
		say(t, INK_RED, INDENT, "%-12s %" PRIu64, reason_name((enum reason)r), failed[r]);
	}
	if (!any)
		say(t, INK_PLAIN, INDENT, "none");
}

/* A bar that is as long as the largest one allows. */
static void
say_bucket(struct text *t, size_t i, uint64_t n, uint64_t most)
{
	const int at = INDENT + 20;
	const int room = t->g->width - at - 1 < 60 ? t->g->width - at - 1 : 60;
	char bound[FIGURE_SIZE], count[FIGURE_SIZE];
	int length = (int)lround((double)n / (double)most * room);

	if (i < HISTOGRAM_BOUNDS)
		figure_latency((double)histogram_bound[i] / 1e9, bound);
	else
		strcpy(bound, "more");
	if (n > 0 && length == 0)
		length = 1;
	for (int x = 0; x < length; x++)
		grid_put(t->g, t->y, at + x, 1, INK_CYAN, t->g->utf8 ? "\xe2\x96\x88" : "#");
	figure_number((double)n, count);
	say(t, INK_PLAIN, INDENT, "%s%-7s %6s", i < HISTOGRAM_BOUNDS ? "<= " : "   ", bound, count);
}

static void
say_latency(struct text *t)
{
	const struct histogram *h = &t->p->stage->sum.latency;
	char f[3][FIGURE_SIZE];
	size_t first = HISTOGRAM_BUCKETS, last = 0;
	uint64_t most = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (h->bucket[i] == 0)
			continue;
		first = first < i ? first : i;
		last = i;
		most = h->bucket[i] > most ? h->bucket[i] : most;
	}
	if (most == 0)
		return;
	say_heading(t, "TIME OF ATTEMPTS, IN ALL");
	for (size_t i = first; i <= last; i++)
		say_bucket(t, i, h->bucket[i], most);
	figure_latency(t->p->mean, f[0]);
	figure_latency(t->p->p50, f[1]);
	figure_latency(t->p->p99, f[2]);
	say(t, INK_PLAIN, INDENT, "now: mean %s, p50 %s, p99 %s", f[0], f[1], f[2]);
}

int
details_draw(
    struct grid *g, int y, int height, int scroll, const struct model *m, size_t part, int64_t now)
{
	struct text t = {
	    .g = g, .y = y - scroll, .m = m, .p = &m->part[part], .part = part, .now = now};
	int more;

	g->top = y;
	g->bottom = y + height;
	if (t.p->stage != NULL) {
		say_what(&t);
		say_failures(&t);
		say_rates(&t);
		say_latency(&t);
		say_neighbours(&t);
		say_links(&t);
	} else {
		say_foreign(&t);
		if (t.p->kind == PART_ENGINE)
			say_engine(&t);
		say_neighbours(&t);
	}
	g->top = 0;
	g->bottom = g->height;
	more = t.y + scroll - y - height;
	return more > 0 ? more : 0;
}
