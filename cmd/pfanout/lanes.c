#include "lanes.h"

#include <stdlib.h>

#define BUCKETS_MIN 16 /* a power of two */

/* An entry of an index: a lane under a number. */
struct entry {
	uint64_t number;
	struct lane *lane;
	struct entry *next;
};

/* Finds lanes by a number. */
struct index {
	size_t n, buckets; /* a power of two */
	struct entry **bucket;
};

struct lane {
	struct entry key;      /* its place in by_key */
	struct entry busy;     /* in by_seq, while it is held */
	struct queue waiting;  /* records that have not been taken */
	struct batch again;    /* is due for another attempt */
	struct lane *next_due; /* behind it in the queue of those */
	uint64_t turn;         /* the lane with the least is next */
	bool held;
};

struct lanes {
	struct lanes_rules rules;
	struct index by_key, by_seq;
	size_t waiting, due;
	uint64_t turns; /* given out so far */
	/* Lanes that may be taken from: a heap by their turns. */
	struct lane **ready;
	size_t n_ready, room;
	struct lane *first_due, *last_due;
};

static struct entry **
bucket_of(const struct index *x, uint64_t number)
{
	/* Fibonacci hashing: seqs are neighbours. */
	return &x->bucket[(number * 0x9e3779b97f4a7c15) >> 32 & (x->buckets - 1)];
}

static int
index_init(struct index *x, size_t buckets)
{
	*x = (struct index){.buckets = buckets};
	x->bucket = calloc(buckets, sizeof(struct entry *));
	return x->bucket == NULL ? -1 : 0;
}

static struct lane *
index_find(const struct index *x, uint64_t number)
{
	const struct entry *e = *bucket_of(x, number);

	while (e != NULL && e->number != number)
		e = e->next;
	return e != NULL ? e->lane : NULL;
}

static void
link_entry(struct index *x, struct entry *e)
{
	struct entry **at = bucket_of(x, e->number);

	e->next = *at;
	*at = e;
	x->n++;
}

/* Without memory for more buckets the chains become longer. */
static void
widen(struct index *x)
{
	struct index wide;

	if (index_init(&wide, 2 * x->buckets) == -1)
		return;
	for (size_t i = 0; i < x->buckets; i++)
		for (struct entry *e = x->bucket[i], *next; e != NULL; e = next) {
			next = e->next;
			link_entry(&wide, e);
		}
	free(x->bucket);
	*x = wide;
}

static void
index_add(struct index *x, struct entry *e, uint64_t number, struct lane *lane)
{
	if (x->n >= x->buckets)
		widen(x);
	e->number = number;
	e->lane = lane;
	link_entry(x, e);
}

static void
index_remove(struct index *x, const struct entry *e)
{
	struct entry **at = bucket_of(x, e->number);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	x->n--;
}

struct lanes *
lanes_new(const struct lanes_rules *rules)
{
	struct lanes *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->rules = *rules;
	if (index_init(&l->by_key, BUCKETS_MIN) == 0 && index_init(&l->by_seq, BUCKETS_MIN) == 0)
		return l;
	lanes_free(l);
	return NULL;
}

static void
free_lane(struct lane *lane)
{
	queue_free(&lane->waiting);
	batch_free(&lane->again);
	free(lane);
}

void
lanes_free(struct lanes *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; l->by_key.bucket != NULL && i < l->by_key.buckets; i++)
		for (struct entry *e = l->by_key.bucket[i], *next; e != NULL; e = next) {
			next = e->next;
			free_lane(e->lane);
		}
	free(l->by_key.bucket);
	free(l->by_seq.bucket);
	free(l->ready);
	free(l);
}

/* There is a cell for each lane, so a lane always finds one. */
static int
reserve_cell(struct lanes *l)
{
	size_t room = l->room == 0 ? BUCKETS_MIN : 2 * l->room;
	struct lane **ready;

	if (l->by_key.n < l->room)
		return 0;
	if ((ready = reallocarray(l->ready, room, sizeof(struct lane *))) == NULL)
		return -1;
	l->ready = ready;
	l->room = room;
	return 0;
}

/* The lane has a record that may be taken, and takes its turn. */
static void
push_ready(struct lanes *l, struct lane *lane)
{
	size_t i = l->n_ready++;

	lane->turn = l->rules.ordered ? queue_at(&lane->waiting, 0)->seq : l->turns++;
	for (; i > 0 && l->ready[(i - 1) / 2]->turn > lane->turn; i = (i - 1) / 2)
		l->ready[i] = l->ready[(i - 1) / 2];
	l->ready[i] = lane;
}

/* The lane whose turn it is; there must be one. */
static struct lane *
pop_ready(struct lanes *l)
{
	struct lane *top = l->ready[0], *moved = l->ready[--l->n_ready];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < l->n_ready) {
		if (child + 1 < l->n_ready && l->ready[child + 1]->turn < l->ready[child]->turn)
			child++;
		if (l->ready[child]->turn >= moved->turn)
			break;
		l->ready[i] = l->ready[child];
		i = child;
	}
	l->ready[i] = moved;
	return top;
}

static struct lane *
open_lane(struct lanes *l, uint64_t key)
{
	struct lane *lane = NULL;

	if (reserve_cell(l) == 0 && (lane = calloc(1, sizeof(*lane))) != NULL)
		index_add(&l->by_key, &lane->key, key, lane);
	return lane;
}

static void
close_lane(struct lanes *l, struct lane *lane)
{
	index_remove(&l->by_key, &lane->key);
	free_lane(lane);
}

int
lanes_put(struct lanes *l, uint64_t key, const struct record *r)
{
	struct lane *lane = index_find(&l->by_key, key);
	bool is_new = lane == NULL;

	if (is_new && (lane = open_lane(l, key)) == NULL)
		return -1;
	if (queue_push(&lane->waiting, r) == -1) {
		if (is_new)
			close_lane(l, lane);
		return -1;
	}
	l->waiting++;
	if (!lane->held && lane->waiting.n == 1)
		push_ready(l, lane);
	return 0;
}

void
lanes_put_due(struct lanes *l, uint64_t key, const struct batch *b)
{
	struct lane *lane = index_find(&l->by_key, key);

	lane->again = *b;
	lane->next_due = NULL;
	if (l->last_due != NULL)
		l->last_due->next_due = lane;
	else
		l->first_due = lane;
	l->last_due = lane;
	l->due++;
}

/* One of the lane's records has been taken: what about the next one? */
static void
settle_lane(struct lanes *l, struct lane *lane, uint64_t seq)
{
	if (l->rules.hold) {
		lane->held = true;
		index_add(&l->by_seq, &lane->busy, seq, lane);
	} else if (lane->waiting.n > 0)
		push_ready(l, lane);
	else
		close_lane(l, lane);
}

size_t
lanes_take(struct lanes *l, struct record *r, size_t max)
{
	size_t n = 0;

	for (; n < max && l->n_ready > 0; n++) {
		struct lane *lane = pop_ready(l);

		r[n] = queue_pop(&lane->waiting);
		settle_lane(l, lane, r[n].seq);
	}
	l->waiting -= n;
	return n;
}

bool
lanes_take_due(struct lanes *l, struct batch *b)
{
	struct lane *lane = l->first_due;

	if (lane == NULL)
		return false;
	*b = lane->again;
	lane->again = (struct batch){0};
	if ((l->first_due = lane->next_due) == NULL)
		l->last_due = NULL;
	l->due--;
	return true;
}

void
lanes_over(struct lanes *l, uint64_t seq)
{
	struct lane *lane = index_find(&l->by_seq, seq);

	if (lane == NULL)
		return;
	index_remove(&l->by_seq, &lane->busy);
	lane->held = false;
	if (lane->waiting.n > 0)
		push_ready(l, lane);
	else
		close_lane(l, lane);
}

size_t
lanes_waiting(const struct lanes *l)
{
	return l->waiting;
}

size_t
lanes_due(const struct lanes *l)
{
	return l->due;
}

uint64_t
lanes_oldest(const struct lanes *l)
{
	return l->n_ready > 0 ? l->ready[0]->turn : UINT64_MAX;
}
