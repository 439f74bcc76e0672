#ifndef T_RANDOM_H
#define T_RANDOM_H

/* Numbers that look random, and are the same in each run: xorshift64. */

#include <stdint.h>

static inline uint64_t
next_random(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

#endif
