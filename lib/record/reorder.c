#include "record/reorder.h"

#include <stdlib.h>

#include "record/record.h"

#define CELLS_MIN 256

struct cell {
	bool full;
	struct record record;
};

struct reorder {
	uint64_t head;     /* the seq that all others wait for */
	size_t cells;      /* a power of two */
	struct cell *ring; /* a seq has the cell seq % cells */
};

struct reorder *
reorder_new(void)
{
	struct reorder *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->cells = CELLS_MIN;
	if ((s->ring = calloc(s->cells, sizeof(*s->ring))) == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
reorder_free(struct reorder *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->cells; i++)
		if (s->ring[i].full)
			record_free(&s->ring[i].record);
	free(s->ring);
	free(s);
}

static struct cell *
cell_of(const struct reorder *s, uint64_t seq)
{
	return &s->ring[seq & (s->cells - 1)];
}

/* Makes the ring wide enough for the seq. */
static int
widen(struct reorder *s, uint64_t seq)
{
	struct reorder wide = *s;

	while (seq - s->head >= wide.cells)
		wide.cells *= 2;
	if (wide.cells == s->cells)
		return 0;
	if ((wide.ring = calloc(wide.cells, sizeof(*wide.ring))) == NULL)
		return -1;
	for (uint64_t at = s->head; at < s->head + s->cells; at++)
		*cell_of(&wide, at) = *cell_of(s, at);
	free(s->ring);
	*s = wide;
	return 0;
}

int
reorder_put(struct reorder *s, const struct record *r)
{
	if (widen(s, r->seq) == -1)
		return -1;
	*cell_of(s, r->seq) = (struct cell){true, *r};
	return 0;
}

size_t
reorder_get(struct reorder *s, struct record *out, size_t max)
{
	size_t n = 0;

	for (struct cell *c; n < max && (c = cell_of(s, s->head))->full; n++) {
		out[n] = c->record;
		c->full = false;
		s->head += record_count(&out[n]);
	}
	return n;
}

bool
reorder_passes_alone(const struct reorder *s, const struct record *r)
{
	return r->seq == s->head && !cell_of(s, r->seq + record_count(r))->full;
}

uint64_t
reorder_head(const struct reorder *s)
{
	return s->head;
}
