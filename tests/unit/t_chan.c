/*
 * Tests what each call of a channel promises, step by step.  t_chan_threads.c
 * tests a channel that many threads use at once.
 */

#include "sync/chan.h"

#include <errno.h>
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
#define SOON (5 * CLOCK_MS)
#define MAX_CAPACITY 1024

CHAN_OF(number, unsigned)

static const size_t capacities[] = {1, 2, 3, 5, 7, 64, 1000, MAX_CAPACITY};

/* With no_time, which is done, a call that would block returns at once. */
static struct ctx *no_time;
static struct ctx *all_time;

static void
test_new(void)
{
	struct chan *c;

	errno = 0;
	CHECK(chan_new(1, 0) == NULL && errno == EINVAL, "item size 0");
	errno = 0;
	CHECK(chan_new(SIZE_MAX / 2, 96) == NULL && errno == EINVAL, "too many items");
	errno = 0;
	CHECK(chan_new(1, SIZE_MAX) == NULL && errno == EINVAL, "items too large");
	c = chan_new(5, 8);
	CHECK(chan_capacity(c) == 5, "%zu", chan_capacity(c));
	chan_free(c);
	c = chan_new(0, 8);
	CHECK(chan_capacity(c) == 0, "%zu", chan_capacity(c));
	chan_free(c);
	chan_free(NULL);
}

/* Single items: the capacity is exact, and the order stays from lap to lap. */
static void
test_capacity(size_t capacity)
{
	struct chan *c = number_chan_new(capacity);
	unsigned sent = 0, expected = 0, item;
	size_t lap, len;

	for (lap = 0; lap < 3; lap++) {
		for (len = chan_len(c); chan_send(c, no_time, &sent) == CHAN_OK; sent++)
			CHECK(chan_len(c) == ++len, "%zu: %zu", capacity, len);
		CHECK(len == capacity, "%zu of %zu", len, capacity);
		/* Leave some, so that the laps begin at different cells. */
		while (len > capacity / 3) {
			CHECK(chan_recv(c, no_time, &item) == CHAN_OK, "%zu: %zu", capacity, len);
			CHECK(item == expected++, "%u is not %u", item, expected - 1);
			CHECK(chan_len(c) == --len, "%zu: %zu", capacity, len);
		}
	}
	chan_free(c);
}

static void
test_bulk(size_t capacity)
{
	unsigned items[MAX_CAPACITY + 1], got[MAX_CAPACITY + 1], sent = 0, expected = 0;
	struct chan *c = number_chan_new(capacity);
	size_t lap, i, n, k, want = capacity / 2 + 1;

	for (lap = 0; lap < 4; lap++) {
		n = capacity + 1 - chan_len(c);
		for (i = 0; i < n; i++)
			items[i] = sent + (unsigned)i;
		CHECK(number_sendn(c, no_time, items, n, &k) == CHAN_TIMED_OUT, "%zu", capacity);
		CHECK(k == n - 1, "%zu: sent %zu of %zu", capacity, k, n);
		CHECK(chan_len(c) == capacity, "%zu", capacity);
		sent += (unsigned)k;

		CHECK(number_recvn(c, no_time, got, want, &k) == CHAN_OK, "%zu", capacity);
		CHECK(k == (want < capacity ? want : capacity), "%zu: got %zu", capacity, k);
		for (i = 0; i < k; i++)
			CHECK(got[i] == expected++, "%u is not %u", got[i], expected - 1);
	}
	n = chan_len(c);
	number_tryrecvn(c, got, MAX_CAPACITY, &k);
	CHECK(k == n, "%zu: %zu of %zu", capacity, k, n);
	CHECK(number_tryrecvn(c, got, MAX_CAPACITY, &k) == CHAN_EMPTY && k == 0, "%zu", k);
	chan_free(c);
}

static void
test_nothing_to_do(void)
{
	struct chan *c = number_chan_new(1);
	size_t k = 99;

	CHECK(chan_sendn(c, no_time, NULL, 0, &k) == CHAN_OK && k == 0, "%zu", k);
	k = 99;
	CHECK(chan_recvn(c, no_time, NULL, 0, &k) == CHAN_OK && k == 0, "%zu", k);
	k = 99;
	CHECK(chan_tryrecvn(c, NULL, 0, &k) == CHAN_OK && k == 0, "%zu", k);
	chan_free(c);
}

static void
test_item_sizes(void)
{
	static const size_t sizes[] = {1, 3, 4, 7, 8, 9, 16, 96, 1000};
	unsigned char in[3 * 1000], out[4 * 1000];
	struct chan *c;
	size_t i, j, k;

	for (i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * 7 + i / 251);
	for (i = 0; i < LEN(sizes); i++) {
		c = chan_new(3, sizes[i]);
		memset(out, 0xee, sizeof(out));
		CHECK(chan_send(c, no_time, in) == CHAN_OK, "%zu", sizes[i]);
		CHECK(chan_sendn(c, no_time, in + sizes[i], 2, NULL) == CHAN_OK, "%zu", sizes[i]);
		CHECK(chan_recvn(c, no_time, out, 4, &k) == CHAN_OK && k == 3, "%zu", k);
		CHECK(memcmp(in, out, 3 * sizes[i]) == 0, "size %zu", sizes[i]);
		for (j = 0; j < 8; j++)
			CHECK(out[3 * sizes[i] + j] == 0xee, "size %zu", sizes[i]);
		chan_free(c);
	}
}

static void
test_close(void)
{
	struct chan *c = number_chan_new(3);
	unsigned items[] = {1, 2, 3}, got[3];
	size_t k = 99;

	CHECK(number_tryrecvn(c, got, 3, &k) == CHAN_EMPTY && k == 0, "%zu", k);
	CHECK(chan_await(c, no_time) == CHAN_TIMED_OUT, "nothing to wait for");
	number_sendn(c, all_time, items, 2, &k);
	CHECK(chan_await(c, no_time) == CHAN_OK && chan_len(c) == 2, "nothing is taken");
	chan_close(c);
	chan_close(c);
	k = 99;
	CHECK(number_sendn(c, all_time, items, 1, &k) == CHAN_CLOSED && k == 0, "%zu", k);
	CHECK(chan_len(c) == 2, "%zu", chan_len(c));
	CHECK(chan_recv(c, all_time, got) == CHAN_OK && got[0] == 1, "drained first");
	CHECK(chan_await(c, all_time) == CHAN_OK, "it is not drained");
	CHECK(number_tryrecvn(c, got, 3, &k) == CHAN_OK && k == 1 && got[0] == 2, "%zu", k);
	CHECK(chan_await(c, all_time) == CHAN_CLOSED);
	CHECK(number_recvn(c, all_time, got, 3, &k) == CHAN_CLOSED && k == 0, "%zu", k);
	CHECK(number_tryrecvn(c, got, 3, &k) == CHAN_CLOSED && k == 0, "%zu", k);
	chan_free(c);
}

/* Takes odd numbers. */
static bool
take_odd(void *arg, const void *item)
{
	unsigned *sum = arg, n = *(const unsigned *)item;

	*sum += n % 2 == 1 ? n : 0;
	return n % 2 == 1;
}

/* A taker has what is sent alone, unless it refuses it. */
static void
test_lend(size_t capacity)
{
	struct chan *c = number_chan_new(capacity);
	unsigned sum = 0, items[] = {1, 2, 3};
	const struct chan_taker taker = {take_odd, &sum};
	size_t k = 99;

	chan_lend(c, &taker);
	CHECK(chan_send(c, no_time, &items[0]) == CHAN_OK && sum == 1 && chan_len(c) == 0);
	CHECK(number_sendn(c, no_time, &items[2], 1, &k) == CHAN_OK && k == 1 && sum == 4);
	CHECK(number_sendn(c, no_time, items, 3, &k) == (capacity < 3 ? CHAN_TIMED_OUT : CHAN_OK) &&
		k == capacity && sum == 4,
	    "three are not alone: %zu", k);
	while (number_tryrecvn(c, items, 1, &k) == CHAN_OK)
		continue;
	items[0] = 2;
	CHECK(number_sendn(c, no_time, items, 1, &k) == (capacity < 1 ? CHAN_TIMED_OUT : CHAN_OK) &&
	    k == (capacity > 0) && sum == 4);
	(void)number_tryrecvn(c, items, 1, &k);
	chan_lend(c, NULL);
	items[0] = 1;
	(void)chan_send(c, no_time, items);
	CHECK(sum == 4, "it takes nothing any more");
	chan_free(c);
}

/* A call that blocks, with what it is given and what it returns. */
struct call {
	struct chan *chan;
	struct ctx *ctx;
	size_t n;
	size_t done;
	unsigned items[MAX_CAPACITY];
	enum chan_status status;
};

static void *
call_send(void *arg)
{
	struct call *call = arg;

	if (call->n == 1)
		call->status = chan_send(call->chan, call->ctx, call->items);
	else
		call->status = chan_sendn(call->chan, call->ctx, call->items, call->n, &call->done);
	return NULL;
}

static void *
call_recv(void *arg)
{
	struct call *call = arg;

	if (call->n == 1)
		call->status = chan_recv(call->chan, call->ctx, call->items);
	else
		call->status = chan_recvn(call->chan, call->ctx, call->items, call->n, &call->done);
	return NULL;
}

static void *
call_await(void *arg)
{
	struct call *call = arg;

	call->status = chan_await(call->chan, call->ctx);
	return NULL;
}

/* What blocks: a call on a channel with this capacity and number of items. */
static const struct blocking {
	const char *name;
	void *(*call)(void *);
	size_t n;
	size_t capacity;
	size_t inside;
	size_t done; /* items that a bulk send gets in before it blocks */
} blocking[] = {
    {"send, full", call_send, 1, 3, 3, 0},
    {"send, capacity 1", call_send, 1, 1, 1, 0},
    {"sendn, full", call_send, 5, 4, 4, 0},
    {"sendn, nearly full", call_send, 5, 5, 3, 2},
    {"recv", call_recv, 1, 4, 0, 0},
    {"recvn", call_recv, 5, 3, 0, 0},
    {"send, rendezvous", call_send, 1, 0, 0, 0},
    {"sendn, rendezvous", call_send, 2, 0, 0, 0},
    {"recv, rendezvous", call_recv, 1, 0, 0, 0},
    {"await", call_await, 1, 4, 0, 0},
    {"await, rendezvous", call_await, 1, 0, 0, 0},
};

enum ending { ALREADY_CANCELLED, CANCEL, PARENT, PAST_DEADLINE, DEADLINE, CLOSE };

static const struct {
	const char *name;
	enum ending ending;
	enum chan_status status;
} endings[] = {
    {"cancelled before", ALREADY_CANCELLED, CHAN_CANCELLED},
    {"cancelled", CANCEL, CHAN_CANCELLED},
    {"parent cancelled", PARENT, CHAN_CANCELLED},
    {"past deadline", PAST_DEADLINE, CHAN_TIMED_OUT},
    {"deadline", DEADLINE, CHAN_TIMED_OUT},
    {"closed", CLOSE, CHAN_CLOSED},
};

/*
 * Makes the call end.  The call has a moment to fall asleep first; the result
 * is the same if it does not.
 */
static void
end_call(enum ending ending, struct call *call, struct ctx *parent)
{
	struct parker p;

	park_init(&p);
	if (ending == CANCEL || ending == PARENT || ending == CLOSE)
		park_wait(&p, clock_now() + CLOCK_MS);
	switch (ending) {
	case CANCEL:
		ctx_cancel(call->ctx);
		break;
	case PARENT:
		ctx_cancel(parent);
		break;
	case CLOSE:
		chan_close(call->chan);
		break;
	case ALREADY_CANCELLED:
	case PAST_DEADLINE:
	case DEADLINE:
		break;
	}
}

static int64_t
deadline_of(enum ending ending)
{
	if (ending == DEADLINE)
		return clock_now() + SOON;
	return ending == PAST_DEADLINE ? 0 : CLOCK_NEVER;
}

static void
test_blocking(
    const struct blocking *b, enum ending ending, enum chan_status status, const char *how)
{
	unsigned items[MAX_CAPACITY] = {0}, inside[MAX_CAPACITY];
	struct ctx *parent = ctx_new(NULL, CLOCK_NEVER);
	struct call call = {.chan = number_chan_new(b->capacity), .n = b->n, .done = 0};
	pthread_t thread;
	size_t k, i;

	for (i = 0; i < b->inside; i++)
		items[i] = 1000 + (unsigned)i;
	for (i = 0; i < b->n; i++)
		call.items[i] = (unsigned)i;
	number_sendn(call.chan, all_time, items, b->inside, &k);

	call.ctx = ctx_new(parent, deadline_of(ending));
	if (ending == ALREADY_CANCELLED)
		ctx_cancel(call.ctx);
	CHECK(pthread_create(&thread, NULL, b->call, &call) == 0, "%s", b->name);
	/* Let a bulk send come to where it blocks. */
	while (chan_len(call.chan) < b->inside + b->done)
		sched_yield();
	end_call(ending, &call, parent);
	pthread_join(thread, NULL);

	CHECK(call.status == status, "%s, %s: %d", b->name, how, call.status);
	CHECK(call.done == b->done, "%s, %s: %zu", b->name, how, call.done);
	number_tryrecvn(call.chan, inside, MAX_CAPACITY, &k);
	CHECK(k == b->inside + b->done, "%s, %s: %zu left inside", b->name, how, k);
	for (i = 0; i < k; i++)
		CHECK(inside[i] == (i < b->inside ? 1000 + i : i - b->inside), "%s, %s", b->name,
		    how);
	ctx_free(call.ctx);
	ctx_free(parent);
	chan_free(call.chan);
}

/* What can be had at once is had, whatever the context says. */
static void
test_done_context_does_not_forbid(void)
{
	struct chan *c = number_chan_new(2);
	unsigned item = 1;

	CHECK(chan_send(c, no_time, &item) == CHAN_OK, "room");
	CHECK(chan_recv(c, no_time, &item) == CHAN_OK, "item");
	chan_free(c);
}

/* A rendezvous: sends cannot have returned more often than receives began. */
struct meeting {
	struct chan *chan;
	unsigned n;
	_Atomic unsigned returned;
};

static void *
meet(void *arg)
{
	struct meeting *m = arg;
	unsigned i;

	for (i = 0; i < m->n; i++, m->returned++)
		if (chan_send(m->chan, all_time, &i) != CHAN_OK)
			break;
	return NULL;
}

static void
test_rendezvous(void)
{
	struct meeting m = {.chan = number_chan_new(0), .n = 5000};
	unsigned i, item, early = 0, wrong = 0;
	pthread_t sender;

	CHECK(pthread_create(&sender, NULL, meet, &m) == 0, "cannot create a thread");
	for (i = 0; i < m.n; i++) {
		early += m.returned > i;
		early += chan_len(m.chan) != 0;
		wrong += chan_recv(m.chan, all_time, &item) != CHAN_OK || item != i;
	}
	pthread_join(sender, NULL);
	CHECK(early == 0, "%u sends returned before their item was taken", early);
	CHECK(wrong == 0, "%u wrong items", wrong);
	CHECK(m.returned == m.n, "%u of %u", m.returned, m.n);
	chan_free(m.chan);
}

static bool
was_woken(struct parker *p)
{
	return park_wait(p, 0);
}

/* Two watchers.  In most cases both are on the list, w[0] before w[1]. */
static void
test_wakes(void)
{
	struct chan *c = number_chan_new(4);
	unsigned items[4] = {0};
	struct parker p[2];
	struct waiter w[2];
	size_t k;

	park_init(&p[0]);
	park_init(&p[1]);

	chan_watch_recv(c, &w[0], &p[0]);
	chan_watch_recv(c, &w[1], &p[1]);
	chan_send(c, no_time, items);
	CHECK(was_woken(&p[0]) && !was_woken(&p[1]), "one item, one wake, for the oldest");
	chan_unwatch_recv(c, &w[0]);
	CHECK(was_woken(&p[1]), "a wake that was not used is passed on");
	chan_unwatch_recv(c, &w[1]);

	chan_recv(c, no_time, items);
	chan_watch_recv(c, &w[0], &p[0]);
	chan_watch_recv(c, &w[1], &p[1]);
	chan_send(c, no_time, items);
	number_tryrecvn(c, items, 4, &k);
	chan_unwatch_recv(c, &w[0]);
	CHECK(was_woken(&p[0]) && !was_woken(&p[1]), "a wake that was used is not");

	chan_watch_recv(c, &w[0], &p[0]);
	number_sendn(c, no_time, items, 3, &k);
	CHECK(was_woken(&p[0]) && was_woken(&p[1]), "many items wake many watchers");
	chan_unwatch_recv(c, &w[0]);
	chan_unwatch_recv(c, &w[1]);

	chan_watch_recv(c, &w[0], &p[0]);
	chan_watch_recv(c, &w[1], &p[1]);
	chan_close(c);
	CHECK(was_woken(&p[0]) && was_woken(&p[1]), "close wakes all");
	chan_unwatch_recv(c, &w[0]);
	chan_unwatch_recv(c, &w[1]);
	chan_free(c);
}

/* A poller can take the item of a rendezvous while its sender waits. */
static void
test_watched_rendezvous(void)
{
	struct call call = {.chan = number_chan_new(0), .ctx = all_time, .n = 1, .items = {7}};
	struct pollfd fd = {.events = POLLIN};
	struct parker p;
	struct waiter w;
	pthread_t sender;
	unsigned item = 0;
	size_t k;

	CHECK(park_init_fd(&p) == 0, "cannot create an eventfd");
	fd.fd = p.fd;
	chan_watch_recv(call.chan, &w, &p);
	CHECK(number_tryrecvn(call.chan, &item, 1, &k) == CHAN_EMPTY, "nobody has sent");
	CHECK(pthread_create(&sender, NULL, call_send, &call) == 0, "cannot create a thread");
	CHECK(poll(&fd, 1, -1) == 1, "no wake");
	CHECK(number_tryrecvn(call.chan, &item, 1, &k) == CHAN_OK && item == 7, "%u", item);
	chan_unwatch_recv(call.chan, &w);
	pthread_join(sender, NULL);
	CHECK(call.status == CHAN_OK, "%d", call.status);
	park_close(&p);
	chan_free(call.chan);
}

int
main(void)
{
	size_t i, j;

	alarm(60);
	no_time = ctx_new(NULL, 0);
	all_time = ctx_new(NULL, CLOCK_NEVER);
	test_new();
	for (i = 0; i < LEN(capacities); i++) {
		test_capacity(capacities[i]);
		test_bulk(capacities[i]);
	}
	test_nothing_to_do();
	test_item_sizes();
	test_close();
	test_lend(3);
	test_lend(1);
	test_lend(0);
	for (i = 0; i < LEN(blocking); i++)
		for (j = 0; j < LEN(endings); j++)
			test_blocking(
			    &blocking[i], endings[j].ending, endings[j].status, endings[j].name);
	test_done_context_does_not_forbid();
	test_rendezvous();
	test_wakes();
	test_watched_rendezvous();
	ctx_free(no_time);
	ctx_free(all_time);
	return t_end();
}
