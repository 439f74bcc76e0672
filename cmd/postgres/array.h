#ifndef ARRAY_H
#define ARRAY_H

/*
 * An array of texts as PostgreSQL sends and takes it (array_recv() in its
 * source): the number of dimensions, whether there are NULLs, the type of the
 * elements; the size of the dimension and its first index; then each element
 * with its length.  All are 32 bits, the most significant byte first.  No byte
 * of an element needs an escape.
 *
 * One thread's; nothing blocks.
 */

#include <stddef.h>

#include "json/text.h"

#define ARRAY_TYPE 1009 /* the OID of text[] */

/*
 * Begins an array of n > 0 texts in `to`, which is emptied before; adds one.
 * Without memory `to` has failed (json/text.h).
 */
void array_begin(struct text *to, size_t n);
void array_add(struct text *to, const char *data, size_t len);

#endif
