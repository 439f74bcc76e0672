#ifndef PCHAN_RING_H
#define PCHAN_RING_H

/*
 * What a channel keeps its items in: a bounded ring that any number of threads
 * fill and empty without a lock and without waiting.  Dmitry Vyukov's bounded MPMC
 * queue, with claims for many items and an end.
 *
 * Positions count the items from 0; position p lives in cell p mod cells.  A
 * cell's sequence number says whose turn it is: 2p, position p's sender may fill it;
 * 2p + 1, p's receiver may empty it; then 2(p + cells), the next lap's sender.  (Doubled,
 * because with one cell the last two would be the same number.)  A sender that finds
 * cells free claims them by moving the tail past them, a receiver that finds them full by
 * moving the head, with one compare-and-swap however many they are.  Then they copy.
 *
 * So who sends or receives looks at the cells, which it needs anyway, and not at
 * the other side's index: on two processors a cache line that both sides write costs
 * more than all the rest.  The index is for who is about to sleep: ring_look_send() and
 * ring_look_recv() tell a ring that is full (empty) from one where another
 * thread has claimed a cell and is just copying.
 *
 * Orderings: the sequence numbers, stored with release and loaded with acquire,
 * carry the items from thread to thread.  Tail and head are seq_cst, because chan.c's
 * proof that no wake-up is lost needs a total order of their moves and its waitlists'
 * counts.
 *
 * Only for chan.c.  Inline, because the functions cost about as much as their call.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RING_LINE 64 /* bytes in a cache line */

/* The lowest bit of the tail, so that no sender can slip in behind a close. */
#define RING_CLOSED_BIT UINT64_C(1)

enum ring_look {
	RING_READY,   /* it is worth a try, now or in a moment */
	RING_BLOCKED, /* full, or empty */
	RING_CLOSED,  /* to a receiver: and empty */
};

struct ring_cell {
	_Atomic uint64_t seq;
	unsigned char item[];
};

struct ring {
	_Alignas(RING_LINE) _Atomic uint64_t tail; /* next position to fill * 2 + closed bit */
	_Alignas(RING_LINE) _Atomic uint64_t head; /* next position to empty */
	_Alignas(RING_LINE) unsigned char *memory; /* the cells */
	size_t cells;
	size_t mask; /* cells - 1 if cells is a power of two, else 0 */
	size_t cell_size, item_size;
};

/* Positions that one thread has claimed. */
struct ring_span {
	uint64_t pos;
	size_t n;
};

/* cells and item_size at least 1.  -1 with errno (EINVAL, ENOMEM). */
int ring_init(struct ring *, size_t cells, size_t item_size);
void ring_free(struct ring *);

static inline struct ring_cell *
ring_cell(const struct ring *r, uint64_t pos)
{
	size_t i = r->mask != 0 ? pos & r->mask : pos % r->cells;

	return (struct ring_cell *)(void *)(r->memory + i * r->cell_size);
}

static inline uint64_t
ring_seq(const struct ring *r, uint64_t pos)
{
	return atomic_load_explicit(&ring_cell(r, pos)->seq, memory_order_acquire);
}

/* Claims up to n cells to fill.  False: not now. */
static inline bool
ring_claim_send(struct ring *r, size_t n, struct ring_span *s)
{
	uint64_t tail = atomic_load(&r->tail);

	for (;;) {
		uint64_t pos = tail >> 1, seq = ring_seq(r, pos);

		if (seq < 2 * pos || (tail & RING_CLOSED_BIT) != 0)
			return false;
		if (seq > 2 * pos) {
			tail = atomic_load(&r->tail);
			continue;
		}
		for (s->n = 1; s->n < n && ring_seq(r, pos + s->n) == 2 * (pos + s->n); s->n++)
			;
		s->pos = pos;
		if (atomic_compare_exchange_weak(&r->tail, &tail, tail + 2 * s->n))
			return true;
	}
}

/* Claims up to n cells to empty.  False: not now. */
static inline bool
ring_claim_recv(struct ring *r, size_t n, struct ring_span *s)
{
	uint64_t pos = atomic_load(&r->head);

	for (;;) {
		uint64_t seq = ring_seq(r, pos);

		if (seq < 2 * pos + 1)
			return false;
		if (seq > 2 * pos + 1) {
			pos = atomic_load(&r->head);
			continue;
		}
		for (s->n = 1; s->n < n && ring_seq(r, pos + s->n) == 2 * (pos + s->n) + 1; s->n++)
			;
		s->pos = pos;
		if (atomic_compare_exchange_weak(&r->head, &pos, pos + s->n))
			return true;
	}
}

/* A pointer, the usual item, is copied by one instruction instead of a call. */
static inline void
ring_copy(void *to, const void *from, size_t size)
{
	if (size == sizeof(void *))
		memcpy(to, from, sizeof(void *));
	else
		memcpy(to, from, size);
}

/*
 * Copies the items of a claimed span in.  From the last to the first, so that the
 * receivers find them all at once instead of following the sender cell by cell, which
 * makes the cache lines travel back and forth.
 */
static inline void
ring_fill(struct ring *r, struct ring_span s, const unsigned char *items)
{
	const unsigned char *item = items + s.n * r->item_size;
	uint64_t pos = s.pos + s.n;
	struct ring_cell *cell;

	while (pos-- > s.pos) {
		cell = ring_cell(r, pos);
		item -= r->item_size;
		ring_copy(cell->item, item, r->item_size);
		atomic_store_explicit(&cell->seq, 2 * pos + 1, memory_order_release);
	}
}

/* Copies the items of a claimed span out, in the same order. */
static inline void
ring_empty(struct ring *r, struct ring_span s, unsigned char *items)
{
	unsigned char *item = items + s.n * r->item_size;
	uint64_t pos = s.pos + s.n;
	struct ring_cell *cell;

	while (pos-- > s.pos) {
		cell = ring_cell(r, pos);
		item -= r->item_size;
		ring_copy(item, cell->item, r->item_size);
		atomic_store_explicit(&cell->seq, 2 * (pos + r->cells), memory_order_release);
	}
}

/* Whether the item at pos is no longer in its cell. */
static inline bool
ring_emptied(const struct ring *r, uint64_t pos)
{
	return ring_seq(r, pos) > 2 * pos + 1;
}

/* Whether a receiver has claimed the position. */
static inline bool
ring_taken(const struct ring *r, uint64_t pos)
{
	return atomic_load(&r->head) > pos;
}

/* A sender receives what it has put at pos itself.  False: somebody else has claimed it. */
static inline bool
ring_take_back(struct ring *r, uint64_t pos)
{
	uint64_t head = pos;

	if (!atomic_compare_exchange_strong(&r->head, &head, pos + 1))
		return false;
	atomic_store_explicit(&ring_cell(r, pos)->seq, 2 * (pos + r->cells), memory_order_release);
	return true;
}

/*
 * Positions claimed by senders and not yet by receivers.  The head is read first,
 * so it may be more than there are by now, and never less.
 */
static inline size_t
ring_len(const struct ring *r, bool *closed)
{
	uint64_t head = atomic_load(&r->head), tail = atomic_load(&r->tail);

	*closed = (tail & RING_CLOSED_BIT) != 0;
	return (tail >> 1) - head;
}

static inline enum ring_look
ring_look_send(const struct ring *r)
{
	bool closed;
	size_t len = ring_len(r, &closed);

	if (closed)
		return RING_CLOSED;
	return len < r->cells ? RING_READY : RING_BLOCKED;
}

static inline enum ring_look
ring_look_recv(const struct ring *r)
{
	bool closed;

	if (ring_len(r, &closed) > 0)
		return RING_READY;
	return closed ? RING_CLOSED : RING_BLOCKED;
}

static inline void
ring_close(struct ring *r)
{
	atomic_fetch_or(&r->tail, RING_CLOSED_BIT);
}

#endif
