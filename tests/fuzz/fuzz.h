#ifndef PCHAN_FUZZ_H
#define PCHAN_FUZZ_H

/* What the fuzzers share. */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
require(bool ok)
{
	if (!ok)
		abort();
}

/* The bytes as a C string, which the caller frees. */
static inline char *
to_string(const uint8_t *data, size_t size)
{
	char *string = calloc(1, size + 1);

	require(string != NULL);
	if (size > 0)
		memcpy(string, data, size);
	return string;
}

#endif
