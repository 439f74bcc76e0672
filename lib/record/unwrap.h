#ifndef PCHAN_UNWRAP_H
#define PCHAN_UNWRAP_H

/* Taking a record out of the retry envelope it came in, pchan(5). */

struct record;

/*
 * Of a line that envelope_kind() calls a retry envelope: puts the payload in its place, and what the envelope
 * says of its identity into its origin.  A line that can't be decoded stays as it is, and is data.
 */
void unwrap(struct record *);

#endif
