#include "pending.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_ROOM 1024

void
pending_free(struct pending *p)
{
	free(p->ring);
	*p = (struct pending){0};
}

static struct pending_entry *
place(const struct pending *p, uint64_t number)
{
	return &p->ring[number & (p->room - 1)];
}

static int
grow(struct pending *p)
{
	struct pending old = *p;
	size_t room = old.room == 0 ? FIRST_ROOM : old.room * 2;
	struct pending_entry *ring = calloc(room, sizeof(*ring));

	if (ring == NULL)
		return -1;
	p->ring = ring;
	p->room = room;
	for (uint64_t n = old.acked + 1; n <= old.given; n++)
		*place(p, n) = *place(&old, n);
	free(old.ring);
	return 0;
}

int
pending_give(struct pending *p, struct entry_id id, int64_t now)
{
	if (pending_count(p) == p->room && grow(p) == -1)
		return -1;
	*place(p, ++p->given) = (struct pending_entry){.id = id, .came = now};
	return 0;
}

uint64_t
pending_count(const struct pending *p)
{
	return p->given - p->acked;
}

bool
pending_finish(struct pending *p, uint64_t number)
{
	if (number == 0 || number > p->given)
		return false;
	if (number > p->finished)
		p->finished = number;
	return true;
}

const struct pending_entry *
pending_at(const struct pending *p, uint64_t number)
{
	return place(p, number);
}

void
pending_send(struct pending *p, uint64_t n)
{
	p->sent += n;
}

void
pending_confirm(struct pending *p, uint64_t n)
{
	p->acked += n;
}

void
pending_lose(struct pending *p)
{
	p->sent = p->acked;
}

/* Reads digits up to `end`; returns the place after that, or NULL. */
static const char *
read_digits(const char *text, char end, uint64_t *number)
{
	char *after;

	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	*number = strtoull(text, &after, 10);
	return errno == 0 && *after == end ? after + (end != '\0') : NULL;
}

bool
entry_id_read(struct entry_id *id, const char *text)
{
	return (text = read_digits(text, '-', &id->ms)) != NULL &&
	    read_digits(text, '\0', &id->seq) != NULL;
}

void
entry_id_write(struct entry_id id, char text[ENTRY_ID_SIZE])
{
	snprintf(text, ENTRY_ID_SIZE, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
}
