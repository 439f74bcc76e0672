/*
 * The tray: each record of a run comes once, in order, however little each
 * taker has room for; what is left wakes those that wait.
 */

#include "pfanout/tray.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/record.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "t.h"
#include "t_random.h"

CHAN_OF(record, struct record)

#define TAKERS 4
#define MOST 100 /* records in a run, and records that a taker has room for */
#define IDS 60000

static struct ctx *root;

static size_t
below(size_t n)
{
	return (size_t)(next_random() >> 11) % n;
}

/* A run of n records, or the one, from this seq on; each line says its seq. */
static struct record
make(uint64_t seq, uint64_t n)
{
	char text[MOST * 21] = "";
	size_t len = 0;
	struct record r;

	for (uint64_t i = 0; i < n; i++)
		len +=
		    (size_t)snprintf(text + len, sizeof(text) - len, "%ju\n", (uintmax_t)(seq + i));
	if (record_copy(&r, text, len - 1) == -1)
		abort();
	r.seq = seq;
	if (n > 1) {
		r.kind = RECORD_RUN;
		r.lines = n;
	}
	return r;
}

static void
send(struct chan *c, uint64_t seq, uint64_t n)
{
	struct record r = make(seq, n);

	CHECK(record_sendn(c, root, &r, 1, NULL) == CHAN_OK);
}

/*
 * The first seq of a record or a run, of which *n records are the next ones; or
 * UINT64_MAX if its lines do not say so.  Frees it.
 */
static uint64_t
read_and_free(struct record *r, uint64_t *n)
{
	uint64_t first = r->seq, next = first;
	struct record one;
	bool more;

	*n = record_count(r);
	do {
		more = record_take_one(r, &one);
		if (strtoull(one.data, NULL, 10) != next || one.seq != next)
			first = UINT64_MAX;
		next++;
		record_free(&one);
	} while (more);
	return first;
}

/*
 * Takes up to max, and checks that as many items come, which stand for so many
 * records, from *next on.
 */
static void
take(struct tray *t, struct chan *c, size_t max, size_t items, uint64_t records, uint64_t *next)
{
	struct record out[MOST];
	uint64_t n, was = *next;
	bool ended = false;
	size_t got = tray_take(t, c, out, max, &ended);

	CHECK(got == items, "%zu items, not %zu", got, items);
	for (size_t i = 0; i < got; i++) {
		CHECK(read_and_free(&out[i], &n) == *next, "after %ju", (uintmax_t)*next);
		*next += n;
	}
	CHECK(*next - was == records, "%ju records, not %ju", (uintmax_t)(*next - was),
	    (uintmax_t)records);
	CHECK(!ended);
}

/* Two takers in turn have portions of a run, and of what is behind it. */
static void
test_portions(void)
{
	struct chan *c = record_chan_new(16);
	struct tray *t = tray_new();
	uint64_t next = 0;

	CHECK(t != NULL && c != NULL);
	take(t, c, 5, 0, 0, &next);
	send(c, 0, 10);
	send(c, 10, 1);
	send(c, 11, 1);
	send(c, 12, 6);
	take(t, c, 0, 0, 0, &next);
	take(t, c, 4, 1, 4, &next); /* of the run */
	take(t, c, 1, 1, 1, &next); /* one alone */
	take(t, c, 5, 1, 5, &next); /* just the rest of it */
	take(t, c, 5, 3, 5, &next); /* two single ones, and a part */
	take(t, c, 50, 1, 3, &next);
	take(t, c, 50, 0, 0, &next);
	/* What fits goes as it is: the tray and the channel together. */
	send(c, 18, 3);
	send(c, 21, 1);
	take(t, c, 2, 1, 2, &next);
	send(c, 22, 2);
	take(t, c, 50, 3, 4, &next);
	chan_free(c);
	tray_free(t);
	tray_free(NULL);
}

/*
 * Nothing will come any more when the channel is closed and the tray is empty,
 * not before.
 */
static void
test_ended(void)
{
	struct chan *c = record_chan_new(16);
	struct tray *t = tray_new();
	struct record out[10];
	uint64_t next = 0, n;
	bool ended = false;

	send(c, 0, 6);
	send(c, 6, 1);
	chan_close(c);
	take(t, c, 2, 1, 2, &next);
	take(t, c, 2, 1, 2, &next);
	take(t, c, 2, 1, 2, &next);
	CHECK(tray_take(t, c, out, 1, &ended) == 1 && !ended, "the last one");
	CHECK(read_and_free(&out[0], &n) == 6 && n == 1);
	CHECK(tray_take(t, c, out, 10, &ended) == 0 && ended);
	ended = false;
	CHECK(tray_take(t, c, out, 10, &ended) == 0 && ended, "to each who asks");
	chan_free(c);
	tray_free(t);

	/* The last records and the end can be told at once. */
	c = record_chan_new(16);
	t = tray_new();
	send(c, 0, 3);
	chan_close(c);
	ended = false;
	CHECK(tray_take(t, c, out, 10, &ended) == 1 && read_and_free(&out[0], &n) == 0 && n == 3);
	if (!ended)
		CHECK(tray_take(t, c, out, 10, &ended) == 0 && ended);
	chan_free(c);
	tray_free(t);

	/* What is left on a tray is freed with it. */
	c = record_chan_new(16);
	t = tray_new();
	next = 0;
	send(c, 0, 9);
	send(c, 9, 1);
	take(t, c, 5, 1, 5, &next);
	take(t, c, 3, 1, 3, &next);
	while (record_tryrecvn(c, out, 1, &(size_t){0}) == CHAN_OK)
		record_free(&out[0]);
	chan_free(c);
	tray_free(t);
}

/* One that leaves something wakes one that waits; who goes passes it on. */
static void
test_wakes(void)
{
	struct chan *c = record_chan_new(16);
	struct tray *t = tray_new();
	struct parker p[2];
	struct waiter w[2];
	uint64_t next = 0;

	for (int i = 0; i < 2; i++)
		park_init(&p[i]);
	tray_watch(t, &w[0], &p[0]);
	tray_watch(t, &w[1], &p[1]);
	send(c, 0, 3);
	take(t, c, 3, 1, 3, &next);
	CHECK(!park_wait(&p[0], 0) && !park_wait(&p[1], 0), "nothing was left");
	send(c, 3, 4);
	take(t, c, 1, 1, 1, &next);
	CHECK(park_wait(&p[0], 0) && !park_wait(&p[1], 0), "one is woken");
	/* That one has no use for it. */
	tray_unwatch(t, &w[0]);
	CHECK(park_wait(&p[1], 0), "the other one may have it");
	tray_watch(t, &w[0], &p[0]);
	tray_unwatch(t, &w[1]);
	CHECK(park_wait(&p[0], 0));
	/* One takes all of it, and nobody is woken. */
	tray_unwatch(t, &w[0]);
	tray_watch(t, &w[1], &p[1]);
	take(t, c, 9, 1, 3, &next);
	CHECK(!park_wait(&p[1], 0));
	/* Who waits no more, before anything was left, wakes nobody. */
	tray_watch(t, &w[0], &p[0]);
	tray_unwatch(t, &w[0]);
	CHECK(!park_wait(&p[1], 0));
	tray_unwatch(t, &w[1]);
	send(c, 7, 2);
	take(t, c, 1, 1, 1, &next);
	CHECK(!park_wait(&p[0], 0) && !park_wait(&p[1], 0), "nobody watches");
	chan_free(c);
	tray_free(t);
}

/* What the threads of the stress test share. */
struct stress {
	struct tray *tray;
	struct chan *chan;
	size_t room; /* the most that a taker asks for */
	_Atomic unsigned char seen[IDS];
	_Atomic unsigned wrong, parts;
};

struct taker {
	pthread_t thread;
	struct stress *stress;
	uint64_t random;
	uint64_t next; /* no record before this one can come any more */
};

/* A thread's own: next_random() is for one. */
static size_t
own_below(struct taker *k, size_t n)
{
	k->random = k->random * 6364136223846793005 + 1442695040888963407;
	return (size_t)(k->random >> 33) % n;
}

static void
note(struct taker *k, struct record *r)
{
	struct stress *s = k->stress;
	uint64_t n, first = read_and_free(r, &n);

	/* What a taker has comes in the order of the channel. */
	if (first == UINT64_MAX || first < k->next) {
		s->wrong++;
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		s->seen[first + i]++;
	k->next = first + n;
	s->parts += n > 1;
}

static void *
taker_main(void *arg)
{
	struct taker *k = arg;
	struct stress *s = k->stress;
	struct waiter on_tray, on_chan;
	struct record out[MOST];
	struct parker p;
	bool ended = false;

	park_init(&p);
	while (!ended) {
		size_t max = 1 + own_below(k, s->room), n = 0, records = 0;

		tray_watch(s->tray, &on_tray, &p);
		chan_watch_recv(s->chan, &on_chan, &p);
		/* Now and then one is woken, and does not take. */
		if (own_below(k, 16) > 0) {
			n = tray_take(s->tray, s->chan, out, max, &ended);
			if (n == 0 && !ended)
				park_wait(&p, CLOCK_NEVER);
		}
		chan_unwatch_recv(s->chan, &on_chan);
		tray_unwatch(s->tray, &on_tray);
		for (size_t i = 0; i < n; i++) {
			records += record_count(&out[i]);
			note(k, &out[i]);
		}
		if (records > max)
			s->wrong++;
	}
	return NULL;
}

/* A wake-up that is lost stops the takers, or leaves one for ever. */
static void
test_stress(size_t capacity, size_t longest, size_t room)
{
	struct stress *s = calloc(1, sizeof(*s));
	struct taker taker[TAKERS];
	size_t missing = 0, twice = 0;

	s->tray = tray_new();
	s->chan = record_chan_new(capacity);
	s->room = room;
	for (size_t i = 0; i < TAKERS; i++) {
		taker[i] = (struct taker){.stress = s, .random = i + 1};
		CHECK(pthread_create(&taker[i].thread, NULL, taker_main, &taker[i]) == 0);
	}
	for (size_t at = 0, n; at < IDS; at += n) {
		n = below(3) == 0 ? 1 : 1 + below(longest);
		n = n < IDS - at ? n : IDS - at;
		send(s->chan, at, n);
		if (below(20) == 0)
			sched_yield();
	}
	chan_close(s->chan);
	for (size_t i = 0; i < TAKERS; i++)
		pthread_join(taker[i].thread, NULL);
	for (size_t i = 0; i < IDS; i++) {
		missing += s->seen[i] == 0;
		twice += s->seen[i] > 1;
	}
	CHECK(missing == 0 && twice == 0 && s->wrong == 0, "%zu missing, %zu twice, %u wrong",
	    missing, twice, s->wrong);
	CHECK(room == 1 || s->parts > 0, "no runs");
	chan_free(s->chan);
	tray_free(s->tray);
	free(s);
}

int
main(void)
{
	alarm(60);
	root = ctx_new(NULL, CLOCK_NEVER);
	test_portions();
	test_ended();
	test_wakes();
	test_stress(8, MOST, MOST);
	test_stress(8, MOST, 5);
	test_stress(1, 20, MOST);
	test_stress(64, 5, 1);
	ctx_free(root);
	return t_end();
}
