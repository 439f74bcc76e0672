#ifndef PCHAN_ALIKE_H
#define PCHAN_ALIKE_H

/* Words that were probably meant. */

#include <stdbool.h>
#include <stddef.h>

/*
 * The number of letters to insert, remove or replace, or of neighbours to
 * exchange, that makes one word of the other (the optimal string alignment
 * distance).  SIZE_MAX: one of them has more than 63 letters.
 */
size_t alike_distance(const char *, const char *);

/* Whether the word is probably a mistyped name. */
bool alike_is(const char *word, const char *name);

#endif
