/*
 * Tests a channel that many threads use at once.  Every value is a number, so
 * the tests find a value that is lost, that comes twice, or that overtakes
 * another value of its sender.
 */

#include "sync/chan.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "t.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))
#define MAX_THREADS 12
#define MAX_BULK 64
#define MAX_ITEMS 100000

CHAN_OF(number, unsigned)

static const struct traffic {
	const char *name;
	size_t capacity;
	/* Receivers block in the channel, pollers in poll(2). */
	unsigned senders, receivers, pollers;
	/* The sizes of sends and receives are random, up to this. */
	size_t bulk;
	/* Sent by all senders together. */
	unsigned items;
	/* Calls are cancelled now and then, and repeated. */
	bool cancels;
} traffics[] = {
    {"1x1, capacity 1", 1, 1, 1, 0, 1, 20000, false},
    {"1x1, rendezvous", 0, 1, 1, 0, 1, 10000, false},
    {"1x1, bulk", 128, 1, 1, 0, 64, 100000, false},
    {"4x4", 128, 4, 4, 0, 1, 40000, false},
    {"4x4, rendezvous", 0, 4, 4, 0, 3, 8000, false},
    {"4x4, bulk, capacity 3", 3, 4, 4, 0, 8, 20000, false},
    {"1x4, bulk", 5, 1, 4, 0, 16, 20000, false},
    {"4x1, bulk", 64, 4, 1, 0, 64, 100000, false},
    {"pollers only", 3, 2, 0, 2, 2, 10000, false},
    {"receivers and pollers", 2, 3, 2, 2, 1, 20000, false},
    {"receivers and pollers, rendezvous", 0, 3, 2, 2, 2, 10000, false},
    {"cancels", 16, 3, 3, 1, 24, 100000, true},
    {"cancels, capacity 1", 1, 3, 3, 1, 1, 20000, true},
    {"cancels, rendezvous", 0, 3, 3, 1, 2, 20000, true},
};

/* What the threads of one test share. */
struct run {
	const struct traffic *traffic;
	struct chan *chan;
	/*
	 * Sender s sends the numbers from s * per_sender to the next sender's.
	 */
	unsigned per_sender;
	/* How often each number was received. */
	_Atomic unsigned char *seen;
	/* No worker is to be cancelled any more. */
	_Atomic bool over;
};

struct worker {
	struct run *run;
	unsigned i;
	unsigned random;
	/* A sender: how many of its numbers it has sent. */
	unsigned sent;
	/*
	 * A receiver: numbers out of order; each sender's last number, plus 1.
	 */
	unsigned disorder, last[MAX_THREADS];
	/* Guards ctx against the canceller. */
	pthread_mutex_t lock;
	struct ctx *ctx;
	pthread_t thread;
};

/* Returns 1 to max (xorshift32). */
static unsigned
random_size(struct worker *w, size_t max)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 17;
	w->random ^= w->random << 5;
	return 1 + w->random % (unsigned)max;
}

/* A worker that was cancelled needs a new context. */
static void
renew_ctx(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	ctx_free(w->ctx);
	w->ctx = ctx_new(NULL, CLOCK_NEVER);
	pthread_mutex_unlock(&w->lock);
}

/* Sends the worker's numbers until all are taken or the channel is closed. */
static void *
send_numbers(void *arg)
{
	struct worker *w = arg;
	struct run *r = w->run;
	unsigned items[MAX_BULK], n, i;
	enum chan_status status = CHAN_OK;
	size_t sent;

	while (w->sent < r->per_sender && status != CHAN_CLOSED) {
		n = random_size(w, r->traffic->bulk);
		if (n > r->per_sender - w->sent)
			n = r->per_sender - w->sent;
		for (i = 0; i < n; i++)
			items[i] = w->i * r->per_sender + w->sent + i;
		status = number_sendn(r->chan, w->ctx, items, n, &sent);
		w->sent += (unsigned)sent;
		if (status == CHAN_CANCELLED)
			renew_ctx(w);
	}
	return NULL;
}

static void
note_items(struct worker *w, const unsigned *items, size_t n)
{
	struct run *r = w->run;
	unsigned sender;
	size_t i;

	for (i = 0; i < n; i++) {
		r->seen[items[i]]++;
		sender = items[i] / r->per_sender;
		if (items[i] < w->last[sender])
			w->disorder++;
		w->last[sender] = items[i] + 1;
	}
}

static void *
recv_numbers(void *arg)
{
	struct worker *w = arg;
	struct run *r = w->run;
	enum chan_status status = CHAN_OK;
	unsigned items[MAX_BULK];
	size_t got;

	while (status != CHAN_CLOSED) {
		status =
		    number_recvn(r->chan, w->ctx, items, random_size(w, r->traffic->bulk), &got);
		note_items(w, items, got);
		if (status == CHAN_CANCELLED)
			renew_ctx(w);
	}
	return NULL;
}

/* Now and then leaves with a wake, without having tried. */
static void *
poll_numbers(void *arg)
{
	struct worker *w = arg;
	struct run *r = w->run;
	enum chan_status status = CHAN_EMPTY;
	unsigned items[MAX_BULK];
	struct waiter waiter;
	struct parker parker;
	struct pollfd fd;
	size_t got;

	park_init_fd(&parker);
	fd = (struct pollfd){.fd = parker.fd, .events = POLLIN};
	while (status != CHAN_CLOSED) {
		park_clear(&parker);
		chan_watch_recv(r->chan, &waiter, &parker);
		status = number_tryrecvn(r->chan, items, random_size(w, r->traffic->bulk), &got);
		note_items(w, items, got);
		if (status == CHAN_EMPTY)
			poll(&fd, 1, -1);
		chan_unwatch_recv(r->chan, &waiter);
		if (random_size(w, 4) == 1)
			sched_yield();
	}
	park_close(&parker);
	return NULL;
}

/* Cancels one worker after the other, until the run is over. */
struct canceller {
	struct run *run;
	struct worker *workers;
	unsigned n;
};

static void *
cancel_all(void *arg)
{
	struct canceller *c = arg;
	unsigned i;

	for (i = 0; !c->run->over; i = (i + 1) % c->n) {
		pthread_mutex_lock(&c->workers[i].lock);
		ctx_cancel(c->workers[i].ctx);
		pthread_mutex_unlock(&c->workers[i].lock);
		sched_yield();
	}
	return NULL;
}

static void
start_worker(struct worker *w, struct run *r, unsigned i, void *(*f)(void *))
{
	memset(w, 0, sizeof(*w));
	w->run = r;
	w->i = i;
	w->random = 12345 + i;
	w->ctx = ctx_new(NULL, CLOCK_NEVER);
	pthread_mutex_init(&w->lock, NULL);
	CHECK(pthread_create(&w->thread, NULL, f, w) == 0, "%s: cannot create a thread",
	    r->traffic->name);
}

/* Returns how many numbers the worker has seen out of order. */
static unsigned
end_worker(struct worker *w)
{
	ctx_free(w->ctx);
	pthread_mutex_destroy(&w->lock);
	return w->disorder;
}

static void
run_init(struct run *r, const struct traffic *t)
{
	*r = (struct run){.traffic = t, .per_sender = t->items / t->senders};
	r->chan = number_chan_new(t->capacity);
	r->seen = calloc(MAX_ITEMS, sizeof(*r->seen));
}

static void
run_free(struct run *r)
{
	chan_free(r->chan);
	free(r->seen);
}

static unsigned
start_receivers(struct worker *w, struct run *r)
{
	const struct traffic *t = r->traffic;
	unsigned i;

	for (i = 0; i < t->receivers; i++)
		start_worker(&w[i], r, i, recv_numbers);
	for (; i < t->receivers + t->pollers; i++)
		start_worker(&w[i], r, i, poll_numbers);
	return i;
}

/* Checks that every number that was sent was received once, and no other. */
static void
check_seen(const struct run *r, const struct worker *senders)
{
	unsigned s, i, number, lost = 0, twice = 0, unsent = 0;

	for (s = 0; s < r->traffic->senders; s++) {
		for (i = 0; i < r->per_sender; i++) {
			number = s * r->per_sender + i;
			lost += i < senders[s].sent && r->seen[number] == 0;
			twice += r->seen[number] > 1;
			unsent += i >= senders[s].sent && r->seen[number] > 0;
		}
	}
	CHECK(lost == 0, "%s: %u lost", r->traffic->name, lost);
	CHECK(twice == 0, "%s: %u more than once", r->traffic->name, twice);
	CHECK(unsent == 0, "%s: %u received whose send failed", r->traffic->name, unsent);
}

static void
test_traffic(const struct traffic *t)
{
	struct worker workers[2 * MAX_THREADS], *receivers = workers + t->senders;
	struct canceller c;
	pthread_t canceller;
	unsigned i, n, disorder = 0;
	struct run r;

	run_init(&r, t);
	for (i = 0; i < t->senders; i++)
		start_worker(&workers[i], &r, i, send_numbers);
	n = t->senders + start_receivers(receivers, &r);
	c = (struct canceller){&r, workers, n};
	if (t->cancels)
		CHECK(pthread_create(&canceller, NULL, cancel_all, &c) == 0, "%s", t->name);

	for (i = 0; i < t->senders; i++)
		pthread_join(workers[i].thread, NULL);
	chan_close(r.chan);
	for (i = t->senders; i < n; i++)
		pthread_join(workers[i].thread, NULL);
	r.over = true;
	if (t->cancels)
		pthread_join(canceller, NULL);

	for (i = 0; i < n; i++)
		disorder += end_worker(&workers[i]);
	for (i = 0; i < t->senders; i++)
		CHECK(workers[i].sent == r.per_sender, "%s: sent %u", t->name, workers[i].sent);
	CHECK(disorder == 0, "%s: %u out of order", t->name, disorder);
	check_seen(&r, workers);
	run_free(&r);
}

/*
 * The channel is closed while senders block: each of them must know how many of
 * its numbers were taken.
 */
static const struct traffic closings[] = {
    {"close, rendezvous", 0, 4, 0, 0, 2, MAX_ITEMS, false},
    {"close, capacity 1", 1, 4, 0, 0, 1, MAX_ITEMS, false},
    {"close, bulk", 5, 4, 0, 0, 16, MAX_ITEMS, false},
};

static void
test_close(const struct traffic *t, unsigned after)
{
	struct worker senders[MAX_THREADS], receiver = {.run = NULL};
	struct ctx *ctx = ctx_new(NULL, CLOCK_NEVER);
	unsigned i, item;
	struct run r;

	run_init(&r, t);
	receiver.run = &r;
	for (i = 0; i < t->senders; i++)
		start_worker(&senders[i], &r, i, send_numbers);
	for (i = 0; i < after && chan_recv(r.chan, ctx, &item) == CHAN_OK; i++)
		note_items(&receiver, &item, 1);
	chan_close(r.chan);
	while (chan_recv(r.chan, ctx, &item) == CHAN_OK)
		note_items(&receiver, &item, 1);
	for (i = 0; i < t->senders; i++)
		pthread_join(senders[i].thread, NULL);
	check_seen(&r, senders);
	CHECK(receiver.disorder == 0, "%s: %u out of order", t->name, receiver.disorder);
	for (i = 0; i < t->senders; i++)
		end_worker(&senders[i]);
	ctx_free(ctx);
	run_free(&r);
}

/*
 * One of two receivers is cancelled just when an item comes: if that receiver
 * leaves without the item, the other one gets it.
 */
struct duel {
	struct chan *chan;
	struct ctx *ctx;
	_Atomic unsigned *got;
	pthread_t thread;
};

static void *
recv_one(void *arg)
{
	struct duel *d = arg;
	unsigned item;

	if (chan_recv(d->chan, d->ctx, &item) == CHAN_OK)
		(*d->got)++;
	return NULL;
}

static void
test_wake_of_the_cancelled(void)
{
	_Atomic unsigned got = 0;
	struct ctx *leaves, *stays = ctx_new(NULL, CLOCK_NEVER);
	struct duel duel[2];
	unsigned i, item = 0;
	int round;

	for (round = 0; round < 500; round++) {
		leaves = ctx_new(NULL, CLOCK_NEVER);
		for (i = 0; i < 2; i++) {
			duel[i] = (struct duel){.ctx = i == 0 ? leaves : stays, .got = &got};
			duel[i].chan = i == 0 ? number_chan_new(1) : duel[0].chan;
			CHECK(pthread_create(&duel[i].thread, NULL, recv_one, &duel[i]) == 0,
			    "cannot create a thread");
		}
		if (round % 2 == 0)
			sched_yield();
		ctx_cancel(leaves);
		chan_send(duel[0].chan, stays, &item);
		pthread_join(duel[0].thread, NULL);
		if (got > (unsigned)round)
			chan_close(duel[0].chan);
		/*
		 * Hangs until the alarm if the item is there and the receiver
		 * that stays was not woken.
		 */
		pthread_join(duel[1].thread, NULL);
		CHECK(got == (unsigned)round + 1, "round %d: %u", round, got);
		chan_free(duel[0].chan);
		ctx_free(leaves);
	}
	ctx_free(stays);
}

int
main(void)
{
	static const unsigned after[] = {0, 1, 10, 1000};
	size_t i, j;

	alarm(100);
	for (i = 0; i < LEN(traffics); i++)
		test_traffic(&traffics[i]);
	for (i = 0; i < LEN(closings); i++)
		for (j = 0; j < LEN(after); j++)
			test_close(&closings[i], after[j]);
	test_wake_of_the_cancelled();
	return t_end();
}
