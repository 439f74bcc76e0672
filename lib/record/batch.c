#include "record/batch.h"

void
batch_free(struct batch *b)
{
	queue_free(&b->records);
	*b = (struct batch){0};
}

int
batch_add(struct batch *b, const struct record *r)
{
	if (queue_push(&b->records, r) == -1)
		return -1;
	b->bytes += r->reserved;
	return 0;
}

size_t
batch_room(const struct batch *b, const struct batch_limits *limits)
{
	size_t n = b->records.n, room, fitting;

	if (n == 0)
		return 1;
	if (n >= limits->records || b->bytes >= limits->bytes)
		return 0;
	/* The guess is worth more the more records there are. */
	room = limits->records - n < n ? limits->records - n : n;
	fitting = (limits->bytes - b->bytes) / (b->bytes / n + 1) + 1;
	return fitting < room ? fitting : room;
}

enum batch_fate
batch_fate(const struct batch *b, uint32_t most, bool bisect)
{
	bool alone = b->records.n == 1;

	if (b->attempts < most && (alone || !b->half))
		return BATCH_RETRY;
	return alone || !bisect ? BATCH_DEAD : BATCH_HALVE;
}

int
batch_halve(struct batch *b, struct batch *front)
{
	size_t half = b->records.n / 2;

	for (size_t i = 0; i < half; i++)
		if (batch_add(front, queue_at(&b->records, i)) == -1) {
			front->records.n = 0; /* they are still those of b */
			batch_free(front);
			return -1;
		}
	while (half-- > 0)
		b->bytes -= queue_pop(&b->records).reserved;
	b->number = 0;
	b->attempts = 0;
	b->half = front->half = true;
	return 0;
}
