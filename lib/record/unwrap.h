#ifndef PCHAN_UNWRAP_H
#define PCHAN_UNWRAP_H

/* Taking a record out of the retry envelope it came in, pchan-formats(5). */

#include <stddef.h>

struct record;

/*
 * Turns a record that envelope_kind() calls a retry envelope into the record
 * inside: data is the payload, and origin is the identity that the envelope
 * gives.  The record stays as it is, and is data, if the payload cannot be
 * decoded or has several lines, or without memory.  One thread's; does not
 * block.
 */
void unwrap(struct record *);

/*
 * Finds the bytes to look at in a record that stays as it is: those of the
 * record inside, if this is a retry envelope, else its own.  *owned is NULL, or
 * what the caller frees when it has looked.
 */
void unwrap_view(const struct record *, const char **data, size_t *len, char **owned);

#endif
