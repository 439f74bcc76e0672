#include "base/hash.h"

uint64_t
hash_bytes(const void *data, size_t len)
{
	return hash_more(0xcbf29ce484222325, data, len);
}

uint64_t
hash_more(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 0x100000001b3;
	return hash;
}

uint32_t
hash_jump(uint64_t hash, uint32_t outputs)
{
	/*
	 * The hash seeds a generator of random numbers, which says with how
	 * many outputs the number changes next.
	 */
	int64_t number = -1, next = 0;

	while (next < outputs) {
		number = next;
		hash = hash * 2862933555777941757 + 1;
		next = (int64_t)((double)(number + 1) *
		    ((double)((int64_t)1 << 31) / (double)((hash >> 33) + 1)));
	}
	return (uint32_t)number;
}
