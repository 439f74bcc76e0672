#include "pending.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 256

void
pending_init(struct pending *p)
{
	*p = (struct pending){0};
	STAILQ_INIT(&p->back);
}

void
pending_free(struct pending *p)
{
	struct bundle *b;

	while ((b = STAILQ_FIRST(&p->back)) != NULL) {
		STAILQ_REMOVE_HEAD(&p->back, next);
		free(b);
	}
	free(p->ring);
	pending_init(p);
}

static struct taker_record *
at(const struct pending *p, size_t i)
{
	return &p->ring[(p->first + i) % p->room];
}

static bool
make_room(struct pending *p)
{
	size_t room = p->room == 0 ? ROOM_LEAST : 2 * p->room;
	struct taker_record *ring;

	if (p->n < p->room)
		return true;
	if ((ring = reallocarray(NULL, room, sizeof(*ring))) == NULL)
		return false;
	for (size_t i = 0; i < p->n; i++)
		ring[i] = *at(p, i);
	free(p->ring);
	p->ring = ring;
	p->room = room;
	p->first = 0;
	return true;
}

bool
pending_put(struct pending *p, const struct taker_record *r)
{
	if (!make_room(p))
		return false;
	*at(p, p->n++) = *r;
	return true;
}

bool
pending_is_empty(const struct pending *p)
{
	return p->n == 0 && STAILQ_EMPTY(&p->back);
}

static struct bundle *
new_bundle(size_t n)
{
	struct bundle *b = malloc(sizeof(*b) + n * sizeof(b->record[0]));

	if (b != NULL)
		b->n = b->bytes = 0;
	return b;
}

static void
add(struct bundle *b, const struct taker_record *r)
{
	b->record[b->n++] = *r;
	b->bytes += r->len + 1;
}

struct bundle *
pending_next(struct pending *p, size_t most, size_t bytes)
{
	struct bundle *b = STAILQ_FIRST(&p->back);
	size_t n, sum = 0;

	if (b != NULL) {
		STAILQ_REMOVE_HEAD(&p->back, next);
		return b;
	}
	for (n = 0; n < p->n && n < most; n++) {
		sum += at(p, n)->len + 1;
		if (n > 0 && sum > bytes)
			break;
	}
	if (n == 0 || (b = new_bundle(n)) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		add(b, at(p, i));
	p->first = (p->first + n) % p->room;
	p->n -= n;
	return b;
}

void
pending_return(struct pending *p, struct bundle *b)
{
	STAILQ_INSERT_HEAD(&p->back, b, next);
}

bool
pending_halve(struct pending *p, struct bundle *b)
{
	size_t half = b->n / 2;
	struct bundle *first = new_bundle(half), *second = new_bundle(b->n - half);

	if (first == NULL || second == NULL) {
		free(first);
		free(second);
		return false;
	}
	for (size_t i = 0; i < b->n; i++)
		add(i < half ? first : second, &b->record[i]);
	pending_return(p, second);
	pending_return(p, first);
	free(b);
	return true;
}
