#ifndef TOURNAMENT_H
#define TOURNAMENT_H

/*
 * A tournament between pointers, which stand side by side in seats: the first
 * one in an order has won.  When another pointer takes a seat, only the matches
 * on its way to the top are played again, one for each doubling of the seats; a
 * heap would need up to two comparisons for each.
 *
 * The order is a function, which the compiler puts in where it is known.  It
 * returns what memcmp(3) does; of two that are equal the left one wins.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

struct tournament {
	size_t seats; /* 0 or a power of two */
	/*
	 * The winner of match i is at [i], for i from 1; those of matches 2i
	 * and 2i + 1 have played it.  The seats are at [seats..2 * seats).
	 * NULL: nobody, who loses against everybody.
	 */
	void **at;
};

typedef int tournament_order(const void *, const void *);

/* The winner; NULL: all seats are empty. */
static inline void *
tournament_first(const struct tournament *t)
{
	return t->seats > 0 ? t->at[1] : NULL;
}

/*
 * Puts an item into a seat, or empties the seat (NULL).  To be called also when
 * the item in the seat has moved in the order.
 */
static inline void
tournament_seat(struct tournament *t, size_t seat, void *item, tournament_order *order)
{
	void **at = t->at, *winner = item, *other;

	at[t->seats + seat] = item;
	for (size_t i = t->seats + seat; i > 1; i /= 2) {
		other = at[i ^ 1];
		/* At an odd place the other one is to the left. */
		if (winner == NULL || (other != NULL && order(other, winner) < (int)(i & 1)))
			winner = other;
		at[i / 2] = winner;
	}
}

/*
 * Makes room for at least n seats, of which those that there are keep their
 * items.  Returns 0, or -1 with errno ENOMEM.  The caller frees `at`.
 */
static inline int
tournament_grow(struct tournament *t, size_t n, tournament_order *order)
{
	struct tournament new = {.seats = 1};

	while (new.seats < n)
		new.seats *= 2;
	if (new.seats <= t->seats)
		return 0;
	if ((new.at = calloc(2 * new.seats, sizeof(*new.at))) == NULL)
		return -1;
	for (size_t i = 0; i < t->seats; i++)
		if (t->at[t->seats + i] != NULL)
			tournament_seat(&new, i, t->at[t->seats + i], order);
	free(t->at);
	*t = new;
	return 0;
}

#endif
