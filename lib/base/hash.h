#ifndef PCHAN_HASH_H
#define PCHAN_HASH_H

/*
 * A hash of bytes, and the choice of one of n outputs by a hash.
 * pchan-formats(5) documents both for other programs: they never change.
 *
 * Any thread; nothing blocks.
 */

#include <stddef.h>
#include <stdint.h>

/*
 * FNV-1a with 64 bits (Fowler, Noll and Vo; RFC 9923): the offset basis is
 * 0xcbf29ce484222325, the prime 0x100000001b3.
 */
uint64_t hash_bytes(const void *data, size_t len);

/* The hash of bytes before these, and these. */
uint64_t hash_more(uint64_t hash, const void *data, size_t len);

/*
 * Jump consistent hash (Lamping and Veach, 2014, arXiv:1406.2294): a number
 * from 0 to outputs-1, where outputs > 0.  If one output is added, only one
 * hash in outputs+1 changes its number, and the new number is the new output.
 * The hashes of hash_bytes() are spread as evenly as chance would spread them.
 */
uint32_t hash_jump(uint64_t hash, uint32_t outputs);

#endif
