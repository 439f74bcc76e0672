#include "base/credit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "t.h"

#define S CLOCK_S
#define MS CLOCK_MS
#define US CLOCK_US
#define START (1000 * S)
#define MACHINES 3
#define TAKEN 200000

/* The bucket on the server. */
struct server {
	struct rate rate;
	int64_t full;
	uint64_t asked; /* in all, of all machines */
};

/* A machine, whose records come `every` so often; 0: they are always there. */
struct machine {
	struct credit credit;
	int64_t way; /* to the server and, again, back */
	int64_t every, came;
	int64_t next;     /* when it does something */
	uint64_t answers; /* what is on its way to it, */
	int64_t full;     /* and that */
	uint64_t n;       /* records so far */
};

struct world {
	struct server server;
	struct machine machine[MACHINES];
	size_t n;
	int64_t *time; /* when each record went */
};

/* The server has the request, and the answer is on its way. */
static void
ask(struct world *w, struct machine *m, int64_t now)
{
	struct server *s = &w->server;
	uint64_t paid = 0;

	m->answers = credit_ask(&m->credit, &s->rate, 1, m->came);
	s->asked += m->answers;
	s->full = bucket_take(&s->rate, s->full, now + m->way, m->answers, &paid);
	m->full = s->full + m->way;
	m->next = now + 2 * m->way;
}

/* It wakes. */
static void
step(struct world *w, struct machine *m)
{
	int64_t now = m->next, due;

	if (m->answers > 0)
		credit_come(&m->credit, m->answers, now, m->full);
	m->answers = 0;
	if (!credit_due(&m->credit, &w->server.rate, m->came, 1, &due))
		ask(w, m, now);
	else if (due > now)
		m->next = due;
	else if (w->n < TAKEN) {
		credit_take(&m->credit, 1);
		w->time[w->n++] = now;
		m->n++;
		m->came = m->every > 0 ? now + m->every : m->came;
		m->next = m->every > 0 ? m->came : now;
	}
}

static struct machine *
next_of(struct world *w)
{
	struct machine *m = &w->machine[0];

	for (int i = 1; i < MACHINES; i++)
		if (w->machine[i].next < m->next)
			m = &w->machine[i];
	return m;
}

/* By how much the records of the worst window exceed the rate. */
static double
excess(const struct world *w)
{
	const struct rate *r = &w->server.rate;
	double least = 0, worst = 0;

	for (size_t i = 0; i < w->n; i++) {
		double at = (double)(w->time[i] - START) * (double)r->amount / (double)r->per;

		if (i == 0 || (double)i - at < least)
			least = (double)i - at;
		if ((double)(i + 1) - at - least > worst)
			worst = (double)(i + 1) - at - least;
	}
	return worst;
}

static const struct {
	const char *name;
	struct rate rate;
	int64_t way[MACHINES], every[MACHINES]; /* every: -1: it is not there */
	/* Records in 4 s, of what the rate allows; asked for and not used. */
	double least, most_lost;
} worlds[] = {
    {"alone", {100, S, 1}, {US}, {0, -1, -1}, 0.99, 0.03},
    {"fast, alone", {20000, S, 1}, {200 * US}, {0, -1, -1}, 0.98, 0.02},
    {"with a burst", {1000, S, 500}, {100 * US}, {0, -1, -1}, 0.99, 0.02},
    {"three", {1000, S, 1}, {100 * US, 100 * US, 100 * US}, {0, 0, 0}, 0.99, 0.05},
    {"one is far away", {100, S, 1}, {50 * US, 5 * MS, 5 * MS}, {0, 0, 0}, 0.98, 0.06},
    {"slow", {3, S, 2}, {50 * US, 5 * MS, MS}, {0, 0, 0}, 0.9, 0.3},
    {"others are idle", {1000, S, 1}, {MS, MS, MS}, {0, 100 * MS, S}, 0.98, 0.03},
    {"not for the rate", {1000, S, 10}, {MS, MS, MS}, {40 * MS, 30 * MS, 7 * MS}, 0.16, 0},
};

static void
test_worlds(void)
{
	struct world w;

	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		const char *name = worlds[i].name;
		const struct rate *r = &worlds[i].rate;
		double all = (double)r->burst + 4.0 * (double)r->amount / (double)r->per * S;
		struct machine *m;

		w = (struct world){.server.rate = *r};
		w.time = calloc(TAKEN, sizeof(*w.time));
		for (int k = 0; k < MACHINES; k++)
			w.machine[k] = (struct machine){.way = worlds[i].way[k],
			    .every = worlds[i].every[k],
			    .came = START,
			    .next = worlds[i].every[k] == -1 ? CLOCK_NEVER : START};
		while ((m = next_of(&w))->next < START + 4 * S)
			step(&w, m);
		/* An answer is late by its way, which differs. */
		CHECK(excess(&w) <= (double)r->burst + 1e-3 +
			    (double)worlds[i].way[1] * (double)r->amount / (double)r->per,
		    "%s: %f", name, excess(&w));
		CHECK((double)w.n >= worlds[i].least * all - 1, "%s: %zu of %f", name, w.n, all);
		CHECK((double)w.server.asked <= (1 + worlds[i].most_lost) * (double)w.n + MACHINES,
		    "%s: %" PRIu64 " asked for, %zu used", name, w.server.asked, w.n);
		for (int k = 0; k < MACHINES; k++)
			if (worlds[i].every[k] == 0 && worlds[i].every[1] == 0)
				CHECK((double)w.machine[k].n >= (double)w.n / 3 * 0.8 - 1,
				    "%s: %d has %" PRIu64 " of %zu", name, k, w.machine[k].n, w.n);
		free(w.time);
	}
}

/* What was not used until the bucket is full is void. */
static void
test_void(void)
{
	struct rate r = {10, S, 1};
	struct credit c = {0};
	int64_t due;

	credit_come(&c, 3, START, START + S / 2);
	CHECK(credit_due(&c, &r, START, 1, &due) && due == START + S / 5, "%" PRId64, due - START);
	CHECK(credit_due(&c, &r, START + S / 2, 3, &due) && due == START + S / 2);
	CHECK(!credit_due(&c, &r, START, 4, &due));
	credit_take(&c, 1);
	CHECK(credit_due(&c, &r, START, 1, &due) && due == START + 3 * S / 10);
	CHECK(!credit_due(&c, &r, START + S / 2 + 1, 1, &due) && c.left == 0);
}

/* A machine that was stopped has lost what was due meanwhile. */
static void
test_forfeit(void)
{
	struct rate r = {10, S, 1};
	struct credit c = {0};
	int64_t due;

	credit_come(&c, 5, START, START + S / 2);
	CHECK(credit_due(&c, &r, START, 1, &due) && due == START);
	credit_take(&c, 1);
	credit_forfeit(&c, &r, START + 25 * MS);
	CHECK(c.left == 4);
	credit_forfeit(&c, &r, START + 250 * MS);
	CHECK(c.left == 2 && credit_due(&c, &r, START, 1, &due) && due == START + 3 * S / 10);
	credit_forfeit(&c, &r, START + S);
	CHECK(c.left == 0);
}

/* A record that is larger than the burst goes once the bucket is full. */
static void
test_large(void)
{
	struct rate r = {1000, S, 100};
	struct credit c = {0};
	int64_t due;

	CHECK(credit_ask(&c, &r, 5000, START) == 5000);
	credit_come(&c, 5000, START, START + 7 * S);
	CHECK(credit_due(&c, &r, START, 5000, &due) && due == START + 2 * S);
	credit_take(&c, 5000);
	CHECK(credit_ask(&c, &r, 10, START + 2 * S) == 50, "no more than in 50 ms");
}

static void
test_rescale(void)
{
	struct rate slow = {1, 3600 * S, 1}, fast = {10, S, 1};
	struct credit c = {0};
	int64_t due;

	credit_come(&c, 1, START, START + 7200 * S);
	credit_rescale(&c, &slow, &fast, START);
	CHECK(credit_due(&c, &fast, START, 1, &due) && due == START + S / 10, "%" PRId64,
	    due - START);
}

int
main(void)
{
	test_worlds();
	test_void();
	test_forfeit();
	test_large();
	test_rescale();
	return t_end();
}
