#ifndef PCHAN_JSON_LOOKAHEAD_H
#define PCHAN_JSON_LOOKAHEAD_H

/*
 * The look ahead over a JSON text that makes strings cheap.
 *
 * Most of a record is strings, and most strings are short.  Searching for the
 * end of each string when it begins makes every step wait for the one before.
 * Therefore a window of 64 bytes is looked at together, ahead of the scan, and
 * becomes a bit per byte: the stops, bytes that are not plain text of a string.
 * The bytes between two stops need no look, and going from one stop to the next
 * means clearing a bit.
 *
 * The window's first stop is never before the scan's place: a function that
 * passes a stop forgets it, by lookahead_next() or lookahead_seek().  No byte
 * outside the text is read.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "json/bits.h"

/*
 * Inlining keeps a window in two registers, which is worth a third of the
 * speed.
 */
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

/*
 * The stops from base on, where fewer bytes than a window are left of the text.
 */
OUTLINE uint64_t
last_stops(const struct span *text, const byte *base)
{
	size_t len = (size_t)(text->end - text->start);
	byte copy[16];
	uint64_t stops;

	/* Those of the last whole window, without the bytes before base. */
	if (len >= LOOKAHEAD_SIZE)
		return stops64(text->end - LOOKAHEAD_SIZE) >> (LOOKAHEAD_SIZE - (text->end - base));
	/*
	 * The text is shorter than a window, which begins with it: the last 16
	 * bytes, and those before them.
	 */
	if (len >= sizeof(copy)) {
		stops = (uint64_t)stops16(text->end - 16) << (len - 16);
		for (size_t i = 0; i + 16 < len; i += 16)
			stops |= (uint64_t)stops16(text->start + i) << i;
		return stops;
	}
	/* It is shorter than these, too: pad a copy with plain bytes. */
	memset(copy, 'x', sizeof(copy));
	memcpy(copy, text->start, len);
	return stops16(copy);
}

INLINE struct lookahead
lookahead_at(const struct span *text, const byte *base)
{
	bool last = text->end - base < LOOKAHEAD_SIZE;

	return (struct lookahead){base, unlikely(last) ? last_stops(text, base) : stops64(base)};
}

/*
 * Moves on to the next window with a stop; if there is none, to the last
 * window.
 */
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

/* The place of the first stop, of which there must be one. */
INLINE const byte *
lookahead_stop(struct lookahead w)
{
	return w.base + __builtin_ctzll(w.stops);
}

#endif
