#include "trace/glance.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "json/bits.h"

#if JSON_SSE2
#include <immintrin.h>
#endif

/*
 * What is looked for are pairs of bytes, each with one byte in between: of the
 * names `c` and `p` or `s`, which are rare together, of an escape `\` and `0`.
 * Where a pair is found, a hit, the bytes around it are compared.
 */
#define PARENT "\"traceparent\""
#define STATE "\"tracestate\""
#define C_AT 4
#define ESCAPE_LEN 6

#define BLOCK 64
#define REACH (BLOCK + 2) /* what is read for the hits of a block */

/* Whether a name, in quotes, has its `c` there. */
static bool
is_name(const char *text, const char *c, const char *end, const char *name, size_t len)
{
	return c - text >= C_AT && end - c >= (ptrdiff_t)len - C_AT &&
	    memcmp(c - C_AT, name, len) == 0;
}

/* Whether a hit is what is looked for.  False, too, if it is cut off. */
static bool
is_found(const char *text, const char *hit, const char *end)
{
	if (*hit == 'c')
		return is_name(text, hit, end, PARENT, sizeof(PARENT) - 1) ||
		    is_name(text, hit, end, STATE, sizeof(STATE) - 1);
	return end - hit >= ESCAPE_LEN && memcmp(hit, "\\u00", 4) == 0 &&
	    (hit[4] == '6' || hit[4] == '7');
}

#if JSON_SSE2
/* Bytes that are not zero are hits. */
INLINE __m128i
hits16(const char *p)
{
	__m128i first = _mm_loadu_si128((const void *)p);
	__m128i third = _mm_loadu_si128((const void *)(p + 2));
	__m128i either = _mm_or_si128(
	    _mm_cmpeq_epi8(third, _mm_set1_epi8('p')), _mm_cmpeq_epi8(third, _mm_set1_epi8('s')));
	__m128i name = _mm_and_si128(_mm_cmpeq_epi8(first, _mm_set1_epi8('c')), either);
	__m128i escape = _mm_and_si128(
	    _mm_cmpeq_epi8(first, _mm_set1_epi8('\\')), _mm_cmpeq_epi8(third, _mm_set1_epi8('0')));

	return _mm_or_si128(name, escape);
}

/* Bit n: p[n] is a hit. */
static uint64_t
hits64(const char *p)
{
	uint64_t bits = 0;

	for (int i = 0; i < BLOCK; i += 16)
		bits |= (uint64_t)(unsigned)_mm_movemask_epi8(hits16(p + i)) << i;
	return bits;
}

/* Skips blocks without a hit: to one that has some, or to the last bytes. */
static const char *
skip_sse2(const char *p, const char *end)
{
	for (; end - p >= REACH; p += BLOCK) {
		__m128i low = _mm_or_si128(hits16(p), hits16(p + 16));
		__m128i high = _mm_or_si128(hits16(p + 32), hits16(p + 48));

		if (__builtin_expect(_mm_movemask_epi8(_mm_or_si128(low, high)) != 0, 0))
			break;
	}
	return p;
}

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i
hits32(const char *p)
{
	__m256i first = _mm256_lddqu_si256((const void *)p);
	__m256i third = _mm256_lddqu_si256((const void *)(p + 2));
	__m256i either = _mm256_or_si256(_mm256_cmpeq_epi8(third, _mm256_set1_epi8('p')),
	    _mm256_cmpeq_epi8(third, _mm256_set1_epi8('s')));
	__m256i name = _mm256_and_si256(_mm256_cmpeq_epi8(first, _mm256_set1_epi8('c')), either);
	__m256i escape = _mm256_and_si256(_mm256_cmpeq_epi8(first, _mm256_set1_epi8('\\')),
	    _mm256_cmpeq_epi8(third, _mm256_set1_epi8('0')));

	return _mm256_or_si256(name, escape);
}

AVX2 static const char *
skip_avx2(const char *p, const char *end)
{
	for (; end - p >= REACH; p += BLOCK) {
		__m256i hits = _mm256_or_si256(hits32(p), hits32(p + 32));

		if (__builtin_expect(!_mm256_testz_si256(hits, hits), 0))
			break;
	}
	return p;
}

static const char *
skip(const char *p, const char *end)
{
	return __builtin_cpu_supports("avx2") ? skip_avx2(p, end) : skip_sse2(p, end);
}
#else
static uint64_t
hits64(const char *p)
{
	uint64_t bits = 0;

	for (int i = 0; i < BLOCK; i++, p++)
		bits |= (uint64_t)((p[0] == 'c' && (p[2] == 'p' || p[2] == 's')) ||
			    (p[0] == '\\' && p[2] == '0'))
		    << i;
	return bits;
}

static const char *
skip(const char *p, const char *end)
{
	while (end - p >= REACH && hits64(p) == 0)
		p += BLOCK;
	return p;
}
#endif

/* The first of the hits at p that is what is looked for; else NULL. */
static const char *
find(const char *text, const char *p, const char *end, uint64_t hits)
{
	for (; hits != 0; hits &= hits - 1)
		if (is_found(text, p + __builtin_ctzll(hits), end))
			return p + __builtin_ctzll(hits);
	return NULL;
}

const char *
glance_for_names(const char *text, const char *end)
{
	const char *p = text, *place;
	char last[REACH] = {0};

	while (end - (p = skip(p, end)) >= REACH) {
		if ((place = find(text, p, end, hits64(p))) != NULL)
			return place;
		p += BLOCK;
	}
	if (p == end)
		return end;
	/* A pair that reaches beyond the block is cut off. */
	memcpy(last, p, (size_t)(end - p));
	place = find(text, p, end, hits64(last));
	return place != NULL ? place : end;
}
