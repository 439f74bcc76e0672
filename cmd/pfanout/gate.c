#include "gate.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "metrics/metrics.h"
#include "metrics/statfile.h"
#include "metrics/worktime.h"
#include "stage/meter.h"
#include "stage/stage.h"

#define WINDOW CLOCK_MS /* the work that children may have ahead */

#define NEAR CLOCK_S /* to wait for a token is cheaper than a new child */

/* How often to check whether another process has changed the rate. */
#define SHARED_LOOK (100 * CLOCK_MS)

struct gate {
	struct gate_setup of;
	pthread_mutex_t lock; /* guards the rest, and the shard's watch */
	unsigned waiting;     /* workers */
	struct rate shown;    /* in the stat file */
	bool lost;            /* that the file was truncated has been told */
};

static void
show_rate(struct gate *g, const struct rate *r)
{
	pthread_mutex_lock(&g->lock);
	if (r->amount != g->shown.amount || r->per != g->shown.per) {
		g->shown = *r;
		statfile_show_rate(g->of.stage->stat, r, false);
	}
	pthread_mutex_unlock(&g->lock);
}

struct gate *
gate_new(const struct gate_setup *of)
{
	struct gate *g = calloc(1, sizeof(*g));
	struct rate r;

	if (g == NULL)
		return NULL;
	g->of = *of;
	pthread_mutex_init(&g->lock, NULL);
	if (meter_rate(of->meter, &r) != 0)
		show_rate(g, &r);
	return g;
}

void
gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void
gate_describe(const struct gate *g, char *text, size_t size)
{
	char limit[UNITS_RATE_SIZE] = "?";
	struct rate r;

	if (meter_rate(g->of.meter, &r) != 0)
		units_format_rate(r.amount, r.per, false, limit);
	snprintf(text, size, "limit %s", limit);
}

/* Counts a worker that begins to wait, or ceases. */
static void
set_waits(struct pass *p, bool waits)
{
	struct gate *g = p->gate;
	struct stopwatch *watch = &g->of.shard->time[TIME_RATE];

	if (p->waits == waits)
		return;
	p->waits = waits;
	pthread_mutex_lock(&g->lock);
	if (waits && g->waiting++ == 0)
		stopwatch_start(watch, worktime_now());
	else if (!waits && --g->waiting == 0)
		stopwatch_stop(watch, worktime_now());
	pthread_mutex_unlock(&g->lock);
}

/* The file was truncated: its meter has no rate any more. */
static void
lose_rate(struct gate *g)
{
	bool told;

	pthread_mutex_lock(&g->lock);
	told = g->lost;
	g->lost = true;
	pthread_mutex_unlock(&g->lock);
	if (!told)
		stage_abort(
		    g->of.stage, 2, "%s was truncated: the rate it held is lost", g->of.shared);
}

void
pass_init(struct pass *p, struct gate *g, struct parker *parker)
{
	*p = (struct pass){.gate = g, .parker = parker};
	if (g != NULL)
		(void)ticket_init(&p->ticket, g->of.meter);
}

/* The news are watched before the last look, which what came before ends. */
static bool
use_ticket(struct pass *p, int64_t now)
{
	struct waitlist *news = meter_news(p->gate->of.meter);

	(void)waitlist_remove(news, &p->on_news);
	if (ticket_use(&p->ticket, now))
		return true;
	if (p->ticket.booked)
		return false;
	waitlist_add(news, &p->on_news, p->parker);
	return ticket_use(&p->ticket, now);
}

bool
pass_take(struct pass *p, int64_t now)
{
	const struct teller *teller = &p->ticket.teller;
	bool may;

	if (p->gate == NULL)
		return true;
	may = use_ticket(p, now);
	if (teller->generation == 0) {
		lose_rate(p->gate);
		may = false;
	} else if (may && meter_is_shared(p->gate->of.meter))
		show_rate(p->gate, &teller->rate);
	set_waits(p, !may);
	return may;
}

void
pass_rest(struct pass *p)
{
	if (p->gate == NULL)
		return;
	(void)waitlist_remove(meter_news(p->gate->of.meter), &p->on_news);
	ticket_rest(&p->ticket);
	set_waits(p, false);
}

/*
 * At a high rate a nap that lasts as long as half of the window saves most
 * wake-ups.
 */
int64_t
pass_next(const struct pass *p, int64_t now)
{
	int64_t nap, until;

	if (!p->waits)
		return CLOCK_NEVER;
	nap = bucket_time(&p->ticket.teller.rate, pass_window(p) / 2);
	until = p->ticket.due > now + nap ? p->ticket.due : now + nap;
	return meter_is_shared(p->gate->of.meter) ? clock_earlier(until, now + SHARED_LOOK) : until;
}

bool
pass_is_near(const struct pass *p, int64_t now)
{
	return !p->waits || p->ticket.due - now <= NEAR;
}

size_t
pass_window(const struct pass *p)
{
	const struct rate *r = &p->ticket.teller.rate;
	double n;

	if (p->gate == NULL)
		return 0;
	n = (double)WINDOW * (double)r->amount / (double)r->per / p->gate->of.jobs;
	return n < 1 ? 1 : n > 1e6 ? 1000000 : (size_t)n;
}
