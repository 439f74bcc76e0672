#include "tray.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "record/record.h"
#include "sync/chan.h"
#include "sync/park.h"

CHAN_OF(record, struct record)

struct tray {
	pthread_mutex_t lock;
	size_t first;        /* item on the tray; guarded, as the items are */
	_Atomic size_t left; /* items; changed with the lock */
	struct record item[TRAY_RECORDS];
	struct waitlist waiting;
};

struct tray *
tray_new(void)
{
	struct tray *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	waitlist_init(&t->waiting);
	return t;
}

void
tray_free(struct tray *t)
{
	if (t == NULL)
		return;
	record_freen(t->item + t->first, atomic_load(&t->left));
	waitlist_destroy(&t->waiting);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* The tray is empty: fills it for one who has room for so many records. */
static bool
fill(struct tray *t, struct chan *in, size_t room, bool *ended)
{
	size_t n = 0;

	*ended = record_tryrecvn(in, t->item, room < TRAY_RECORDS ? room : TRAY_RECORDS, &n) ==
	    CHAN_CLOSED;
	t->first = 0;
	atomic_store(&t->left, n);
	return n > 0;
}

/* Takes the first item, or as much of it as there is room for. */
static void
take_item(struct tray *t, size_t room, struct record *out)
{
	struct record *first = &t->item[t->first];
	uint64_t n = record_count(first);

	if (n > room && record_take(first, room, record_run_bytes(first, room), out))
		return;
	*out = *first;
	t->first++;
	atomic_fetch_sub(&t->left, 1);
}

/* Somebody may have what is left. */
static void
pass_on(struct tray *t)
{
	if (atomic_load(&t->left) > 0)
		waitlist_wake(&t->waiting, 1);
}

size_t
tray_take(struct tray *t, struct chan *in, struct record *out, size_t max, bool *ended)
{
	size_t n = 0;

	pthread_mutex_lock(&t->lock);
	while (max > 0 && (atomic_load(&t->left) > 0 || fill(t, in, max, ended))) {
		take_item(t, max, &out[n]);
		max -= record_count(&out[n++]);
	}
	pthread_mutex_unlock(&t->lock);
	pass_on(t);
	return n;
}

void
tray_watch(struct tray *t, struct waiter *w, struct parker *p)
{
	waitlist_add(&t->waiting, w, p);
}

void
tray_unwatch(struct tray *t, struct waiter *w)
{
	(void)waitlist_remove(&t->waiting, w);
	pass_on(t);
}
