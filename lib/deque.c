#include "deque.h"

#include <stdlib.h>

#define CELLS_MIN 16

void
deque_free(struct deque *d)
{
	free(d->cell);
	*d = (struct deque){0};
}

struct record *
deque_at(const struct deque *d, size_t i)
{
	return &d->cell[(d->first + i) & (d->cells - 1)];
}

static int
grow(struct deque *d)
{
	struct deque wide = {.n = d->n, .cells = d->cells == 0 ? CELLS_MIN : 2 * d->cells};

	if (d->n < d->cells)
		return 0;
	if ((wide.cell = calloc(wide.cells, sizeof(*wide.cell))) == NULL)
		return -1;
	for (size_t i = 0; i < d->n; i++)
		wide.cell[i] = *deque_at(d, i);
	free(d->cell);
	*d = wide;
	return 0;
}

int
deque_push_back(struct deque *d, const struct record *r)
{
	if (grow(d) == -1)
		return -1;
	*deque_at(d, d->n++) = *r;
	return 0;
}

int
deque_push_front(struct deque *d, const struct record *r)
{
	if (grow(d) == -1)
		return -1;
	d->first = (d->first - 1) & (d->cells - 1);
	d->n++;
	*deque_at(d, 0) = *r;
	return 0;
}

struct record
deque_pop_front(struct deque *d)
{
	struct record r = *deque_at(d, 0);

	d->first = (d->first + 1) & (d->cells - 1);
	d->n--;
	return r;
}

struct record
deque_pop_back(struct deque *d)
{
	return *deque_at(d, --d->n);
}
