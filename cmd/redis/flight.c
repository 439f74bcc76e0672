#include "flight.h"

#include <stdlib.h>

#define FIRST_ROOM 1024

void
flight_free(struct flight *f)
{
	free(f->ring);
	*f = (struct flight){0};
}

static struct taker_record *
place(const struct flight *f, uint64_t n)
{
	return &f->ring[n & (f->room - 1)];
}

static int
grow(struct flight *f)
{
	struct flight old = *f;
	size_t room = old.room == 0 ? FIRST_ROOM : old.room * 2;
	struct taker_record *ring = calloc(room, sizeof(*ring));

	if (ring == NULL)
		return -1;
	f->ring = ring;
	f->room = room;
	for (uint64_t n = old.first; n != old.end; n++)
		*place(f, n) = *place(&old, n);
	free(old.ring);
	return 0;
}

int
flight_add(struct flight *f, const struct taker_record *r)
{
	if (f->end - f->first == f->room && grow(f) == -1)
		return -1;
	*place(f, f->end++) = *r;
	return 0;
}

const struct taker_record *
flight_unsent(const struct flight *f, size_t i)
{
	return i < f->end - f->sent ? place(f, f->sent + i) : NULL;
}

void
flight_send(struct flight *f, size_t n)
{
	f->sent += n;
}

bool
flight_reply(struct flight *f, struct taker_record *r)
{
	if (f->first == f->sent)
		return false;
	*r = *place(f, f->first++);
	return true;
}

void
flight_lose(struct flight *f)
{
	f->sent = f->first;
}
