#include "keyed.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "sync/park.h"

/*
 * With more records than this in the lanes of a worker, one may have to wait
 * for so long that it must not keep the slab of its neighbours.
 */
#define DETACH_FROM 64

struct keyed_box {
	pthread_mutex_t lock; /* guards what follows */
	struct lanes *lanes;
	bool input_ended, again_ended;
	struct waitlist changed; /* the worker, which waits for that */
};

struct keyed {
	unsigned n;
	struct keyed_box box[];
};

struct keyed *
keyed_new(unsigned workers, const struct lanes_rules *rules)
{
	struct keyed *k = calloc(1, sizeof(*k) + workers * sizeof(k->box[0]));

	if (k == NULL)
		return NULL;
	for (; k->n < workers; k->n++) {
		struct keyed_box *b = &k->box[k->n];

		if ((b->lanes = lanes_new(rules)) == NULL) {
			keyed_free(k);
			return NULL;
		}
		pthread_mutex_init(&b->lock, NULL);
		waitlist_init(&b->changed);
	}
	return k;
}

void
keyed_free(struct keyed *k)
{
	if (k == NULL)
		return;
	for (unsigned i = 0; i < k->n; i++) {
		waitlist_destroy(&k->box[i].changed);
		pthread_mutex_destroy(&k->box[i].lock);
		lanes_free(k->box[i].lanes);
	}
	free(k);
}

struct keyed_box *
keyed_box(struct keyed *k, unsigned index)
{
	return &k->box[index];
}

static struct keyed_box *
box_of(struct keyed *k, uint64_t key)
{
	return &k->box[hash_jump(key, k->n)];
}

int
keyed_put(struct keyed *k, uint64_t key, struct record *r)
{
	struct keyed_box *b = box_of(k, key);
	int error;

	pthread_mutex_lock(&b->lock);
	if (lanes_waiting(b->lanes) >= DETACH_FROM)
		record_detach(r);
	error = lanes_put(b->lanes, key, r);
	pthread_mutex_unlock(&b->lock);
	waitlist_wake(&b->changed, 1);
	return error;
}

void
keyed_put_due(struct keyed *k, uint64_t key, const struct batch *batch)
{
	struct keyed_box *b = box_of(k, key);

	pthread_mutex_lock(&b->lock);
	lanes_put_due(b->lanes, key, batch);
	pthread_mutex_unlock(&b->lock);
	waitlist_wake(&b->changed, 1);
}

void
keyed_end_input(struct keyed *k)
{
	for (unsigned i = 0; i < k->n; i++) {
		pthread_mutex_lock(&k->box[i].lock);
		k->box[i].input_ended = true;
		pthread_mutex_unlock(&k->box[i].lock);
		waitlist_wake(&k->box[i].changed, 1);
	}
}

void
keyed_end_again(struct keyed *k)
{
	for (unsigned i = 0; i < k->n; i++) {
		pthread_mutex_lock(&k->box[i].lock);
		k->box[i].again_ended = true;
		pthread_mutex_unlock(&k->box[i].lock);
		waitlist_wake(&k->box[i].changed, 1);
	}
}

size_t
keyed_take(struct keyed_box *b, struct record *r, size_t max, bool *ended)
{
	size_t n;

	pthread_mutex_lock(&b->lock);
	n = lanes_take(b->lanes, r, max);
	*ended = b->input_ended && lanes_waiting(b->lanes) == 0;
	pthread_mutex_unlock(&b->lock);
	return n;
}

bool
keyed_take_due(struct keyed_box *b, struct batch *batch, bool *ended)
{
	bool taken;

	pthread_mutex_lock(&b->lock);
	taken = lanes_take_due(b->lanes, batch);
	*ended = b->again_ended && lanes_due(b->lanes) == 0;
	pthread_mutex_unlock(&b->lock);
	return taken;
}

uint64_t
keyed_oldest(struct keyed_box *b)
{
	uint64_t oldest;

	pthread_mutex_lock(&b->lock);
	oldest = lanes_oldest(b->lanes);
	pthread_mutex_unlock(&b->lock);
	return oldest;
}

void
keyed_over(struct keyed_box *b, const struct record *r, size_t n)
{
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < n; i++)
		lanes_over(b->lanes, r[i].seq);
	pthread_mutex_unlock(&b->lock);
}

void
keyed_watch(struct keyed_box *b, struct waiter *w, struct parker *p)
{
	waitlist_add(&b->changed, w, p);
}

void
keyed_unwatch(struct keyed_box *b, struct waiter *w)
{
	waitlist_remove(&b->changed, w);
}
