#ifndef PCHAN_JSON_BITS_H
#define PCHAN_JSON_BITS_H

/*
 * Looks at sixteen bytes together, and returns a bit for each: bit n stands for
 * p[n].  No other part of the JSON code knows the processor: SSE2, which every
 * x86-64 has, or plain C.
 */

#include <stdbool.h>
#include <stdint.h>

#if defined(__SSE2__) && !defined(JSON_PORTABLE)
#include <emmintrin.h>
#define JSON_SSE2 1
#else
#define JSON_SSE2 0
#endif

#define INLINE static inline __attribute__((always_inline))

typedef unsigned char byte;

#if JSON_SSE2
/*
 * The stops: quotes, backslashes, control characters and all that is not ASCII.
 */
INLINE unsigned
stops16(const byte *p)
{
	__m128i v = _mm_loadu_si128((const void *)p);
	__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	__m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
	/* The comparison is signed, so that it finds 0x80 and above as well. */
	__m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(' '));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), odd));
}

/* All that is not a digit. */
INLINE unsigned
nondigits16(const byte *p)
{
	__m128i v = _mm_loadu_si128((const void *)p);
	/* Shifted so that 9 is the highest value. */
	__m128i shifted = _mm_add_epi8(v, _mm_set1_epi8(INT8_MAX - '9'));

	return (unsigned)_mm_movemask_epi8(_mm_cmplt_epi8(shifted, _mm_set1_epi8(INT8_MAX - 9)));
}

/* Quotes and brackets. */
INLINE unsigned
brackets16(const byte *p)
{
	__m128i v = _mm_loadu_si128((const void *)p);
	/* [ becomes {, and ] becomes }. */
	__m128i folded = _mm_or_si128(v, _mm_set1_epi8(0x20));
	__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	__m128i opening = _mm_cmpeq_epi8(folded, _mm_set1_epi8('{'));
	__m128i closing = _mm_cmpeq_epi8(folded, _mm_set1_epi8('}'));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, opening), closing));
}

/*
 * Where three bytes stand one after the other (which begin a name), or the two
 * that begin an escape by number: \u.  Reads 18 bytes.
 */
INLINE unsigned
names16(const byte *p, const byte name[3])
{
	__m128i at0 = _mm_loadu_si128((const void *)p);
	__m128i at1 = _mm_loadu_si128((const void *)(p + 1));
	__m128i at2 = _mm_loadu_si128((const void *)(p + 2));
	__m128i begins = _mm_and_si128(_mm_cmpeq_epi8(at0, _mm_set1_epi8((char)name[0])),
	    _mm_cmpeq_epi8(at1, _mm_set1_epi8((char)name[1])));
	__m128i escape = _mm_and_si128(
	    _mm_cmpeq_epi8(at0, _mm_set1_epi8('\\')), _mm_cmpeq_epi8(at1, _mm_set1_epi8('u')));

	begins = _mm_and_si128(begins, _mm_cmpeq_epi8(at2, _mm_set1_epi8((char)name[2])));
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(begins, escape));
}
#else
INLINE unsigned
stops16(const byte *p)
{
	unsigned bits = 0;

	for (int i = 0; i < 16; i++)
		bits |= (unsigned)(p[i] < ' ' || p[i] >= 0x80 || p[i] == '"' || p[i] == '\\') << i;
	return bits;
}

INLINE unsigned
nondigits16(const byte *p)
{
	unsigned bits = 0;

	for (int i = 0; i < 16; i++)
		bits |= (unsigned)(p[i] < '0' || p[i] > '9') << i;
	return bits;
}

INLINE unsigned
brackets16(const byte *p)
{
	unsigned bits = 0;

	for (int i = 0; i < 16; i++)
		bits |= (unsigned)(p[i] == '"' || (p[i] | 0x20) == '{' || (p[i] | 0x20) == '}')
		    << i;
	return bits;
}

INLINE unsigned
names16(const byte *p, const byte name[3])
{
	unsigned bits = 0;

	for (int i = 0; i < 16; i++, p++) {
		bool begins = p[0] == name[0] && p[1] == name[1] && p[2] == name[2];

		bits |= (unsigned)(begins || (p[0] == '\\' && p[1] == 'u')) << i;
	}
	return bits;
}
#endif

#endif
