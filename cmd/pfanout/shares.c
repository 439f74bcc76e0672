#include "shares.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "record/mark.h"

#define ROOM_MIN 64

/* Marks for one output, from [first] to [n - 1]. */
struct list {
	struct mark *mark;
	size_t first, n, room;
};

struct shares {
	pthread_mutex_t lock; /* guards all that follows */
	bool ended;
	unsigned n, sink;
	struct list list[];
};

struct shares *
shares_new(unsigned n, unsigned sink)
{
	struct shares *s = calloc(1, sizeof(*s) + n * sizeof(s->list[0]));

	if (s == NULL)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->n = n;
	s->sink = sink;
	return s;
}

void
shares_free(struct shares *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->n; i++)
		free(s->list[i].mark);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Room for one more. */
static int
reserve(struct list *l)
{
	size_t room = l->room == 0 ? ROOM_MIN : 2 * l->room;
	struct mark *mark;

	if (l->n < l->room)
		return 0;
	if (l->first > l->room / 2) {
		l->n -= l->first;
		memmove(l->mark, l->mark + l->first, l->n * sizeof(*l->mark));
		l->first = 0;
		return 0;
	}
	if ((mark = reallocarray(l->mark, room, sizeof(*mark))) == NULL)
		return -1;
	l->mark = mark;
	l->room = room;
	return 0;
}

int
shares_put(struct shares *s, struct mark *mark)
{
	struct mark share = *mark;
	uint64_t others = s->sink < s->n ? s->n - 1 : s->n;
	int error = 0;

	share.weight = mark->weight / (others + 1);
	if (share.weight == 0) {
		errno = ERANGE;
		return -1;
	}
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->n && error == 0; i++)
		error = reserve(&s->list[i]);
	for (unsigned i = 0; i < s->n && error == 0; i++)
		if (i != s->sink)
			s->list[i].mark[s->list[i].n++] = share;
	pthread_mutex_unlock(&s->lock);
	mark->weight -= others * share.weight;
	return error;
}

void
shares_end(struct shares *s)
{
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	pthread_mutex_unlock(&s->lock);
}

bool
shares_take(struct shares *s, unsigned i, struct mark *mark)
{
	struct list *l = &s->list[i];
	bool any;

	pthread_mutex_lock(&s->lock);
	any = l->first < l->n;
	if (any)
		*mark = l->mark[l->first++];
	if (l->first == l->n)
		l->first = l->n = 0;
	pthread_mutex_unlock(&s->lock);
	return any;
}

bool
shares_are_over(struct shares *s, unsigned i)
{
	bool over;

	pthread_mutex_lock(&s->lock);
	over = s->ended && s->list[i].n == 0;
	pthread_mutex_unlock(&s->lock);
	return over;
}
