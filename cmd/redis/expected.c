#include "expected.h"

#include <stdlib.h>

#define FIRST_ROOM 1024

void
expected_free(struct expected *e)
{
	free(e->ring);
	*e = (struct expected){0};
}

static struct expected_reply *
place(const struct expected *e, uint64_t n)
{
	return &e->ring[n & (e->room - 1)];
}

static int
grow(struct expected *e)
{
	struct expected old = *e;
	size_t room = old.room == 0 ? FIRST_ROOM : old.room * 2;
	struct expected_reply *ring = calloc(room, sizeof(*ring));

	if (ring == NULL)
		return -1;
	e->ring = ring;
	e->room = room;
	for (uint64_t n = old.first; n != old.end; n++)
		*place(e, n) = *place(&old, n);
	free(old.ring);
	return 0;
}

int
expected_add(struct expected *e, int what, uint64_t n)
{
	if (expected_count(e) == e->room && grow(e) == -1)
		return -1;
	*place(e, e->end++) = (struct expected_reply){.what = what, .n = n};
	return 0;
}

bool
expected_take(struct expected *e, struct expected_reply *r)
{
	if (e->first == e->end)
		return false;
	*r = *place(e, e->first++);
	return true;
}

uint64_t
expected_count(const struct expected *e)
{
	return e->end - e->first;
}

void
expected_forget(struct expected *e)
{
	e->first = e->end;
}
