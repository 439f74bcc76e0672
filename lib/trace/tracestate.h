#ifndef PCHAN_TRACESTATE_H
#define PCHAN_TRACESTATE_H

/*
 * A tracestate of W3C Trace Context: what tracing systems say of a trace, a
 * list of up to 32 members, `key=value`, with commas and white space between
 * them.  Of these one is of use here: `ot`, OpenTelemetry's, a list of
 * `key:value` with semicolons between; in that `rv` is the randomness of the
 * trace, and `th` the threshold by which it was sampled
 * (opentelemetry.io/docs/specs/otel/trace/tracestate-handling).
 *
 * Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Longer ones are passed on in records, but neither in spans nor in the
 * environment.
 */
#define TRACESTATE_MAX 512
#define TRACESTATE_SIZE (TRACESTATE_MAX + 1)

/* Randomness and thresholds have 56 bits. */
#define TRACESTATE_BITS 56

/*
 * Whether the text, of any length, is a tracestate: keys and values are made of
 * the characters that they may have, no key is there twice, and there are no
 * more than 32 members.  An empty text is one.
 */
bool tracestate_is_valid(const char *text, size_t len);

/* The rv of the ot member of a valid one.  False: there is none. */
bool tracestate_randomness(const char *text, size_t len, uint64_t *rv);

/*
 * Writes a valid tracestate again with th (below 2^56) as the threshold in its
 * ot member, which comes first; trailing zeros of th are left out ("0" is
 * left).  Other members stay; where the result would be longer than
 * TRACESTATE_MAX or have more than 32 members, those at the end leave, as the
 * specification says.
 */
void tracestate_set_threshold(
    const char *text, size_t len, uint64_t th, char result[TRACESTATE_SIZE]);

#endif
