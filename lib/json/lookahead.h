#ifndef PCHAN_JSON_LOOKAHEAD_H
#define PCHAN_JSON_LOOKAHEAD_H

/*
 * The look ahead over a JSON text that makes strings cheap.
 *
 * Most of a record is strings, and most strings are short.  To look for each one's end
 * when it begins makes every step wait for the one before.  So 64 bytes are looked
 * at together, ahead of the scan, into a bit per byte: the stops, bytes that are not plain
 * text of a string.  What is between two stops needs no look, and from one to the
 * next it is a matter of clearing a bit.
 *
 * The window's first stop is never before the scan's place: whoever passes one forgets
 * it, by lookahead_next() or lookahead_seek().  No byte outside the text is read.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "json/bits.h"

/* Inlined, a window lives in two registers: that is a third of the speed. */
#define OUTLINE static __attribute__((noinline))
#define likely(x) __builtin_expect((x), 1)
#define unlikely(x) __builtin_expect((x), 0)

struct span {
	const byte *start;
	const byte *end;
};

#define LOOKAHEAD_SIZE 64

struct lookahead {
	const byte *base;
	uint64_t stops; /* bit n: base[n] is a stop */
};

INLINE uint64_t
stops64(const byte *p)
{
	uint64_t low = stops16(p) | stops16(p + 16) << 16;
	uint64_t high = stops16(p + 32) | stops16(p + 48) << 16;

	return low | high << 32;
}

/* Those of the last bytes of the text, when they are fewer than a window. */
OUTLINE uint64_t
last_stops(const struct span *text, const byte *base)
{
	size_t len = (size_t)(text->end - text->start);
	byte copy[LOOKAHEAD_SIZE];

	if (len >= LOOKAHEAD_SIZE) /* of the last whole window, without what is before base */
		return stops64(text->end - LOOKAHEAD_SIZE) >> (LOOKAHEAD_SIZE - (text->end - base));
	memset(copy, 'x', sizeof(copy));
	memcpy(copy, text->start, len);
	return stops64(copy);
}

INLINE struct lookahead
lookahead_at(const struct span *text, const byte *base)
{
	bool last = text->end - base < LOOKAHEAD_SIZE;

	return (struct lookahead){base, unlikely(last) ? last_stops(text, base) : stops64(base)};
}

/* Moves on to the next window that has a stop; without one, the last has none. */
INLINE struct lookahead
lookahead_refill(const struct span *text, struct lookahead w)
{
	while (w.stops == 0 && text->end - w.base > LOOKAHEAD_SIZE)
		w = lookahead_at(text, w.base + LOOKAHEAD_SIZE);
	return w;
}

/* Forgets the stops before p. */
OUTLINE struct lookahead
lookahead_seek(const struct span *text, struct lookahead w, const byte *p)
{
	while (p - w.base >= LOOKAHEAD_SIZE && text->end - w.base > LOOKAHEAD_SIZE)
		w = lookahead_at(text, w.base + LOOKAHEAD_SIZE);
	if (p - w.base >= LOOKAHEAD_SIZE)
		w.stops = 0;
	else
		w.stops &= UINT64_MAX << (p - w.base);
	return w;
}

/* Forgets the first stop. */
INLINE struct lookahead
lookahead_next(struct lookahead w)
{
	w.stops &= w.stops - 1;
	return w;
}

/* Where the first stop is.  There must be one. */
INLINE const byte *
lookahead_stop(struct lookahead w)
{
	return w.base + __builtin_ctzll(w.stops);
}

#endif
