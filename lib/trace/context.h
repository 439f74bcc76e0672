#ifndef PCHAN_CONTEXT_H
#define PCHAN_CONTEXT_H

/*
 * A trace context: which trace something belongs to, and which span of that
 * trace it happens in.  As text it is a traceparent of W3C Trace Context
 * (https://www.w3.org/TR/trace-context/), version 00:
 *
 *	00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *
 * Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTEXT_TRACE_ID 16
#define CONTEXT_SPAN_ID 8

/* Flags: the span is recorded; the trace id is random (level 2). */
#define CONTEXT_SAMPLED 0x01
#define CONTEXT_RANDOM 0x02

struct context {
	unsigned char trace_id[CONTEXT_TRACE_ID];
	unsigned char span_id[CONTEXT_SPAN_ID];
	unsigned char flags;
};

/* Size of the text, with its NUL. */
#define CONTEXT_TEXT_SIZE 56

/*
 * Reads a traceparent.  Version 00 has just these 55 characters; of a higher
 * one (but not ff) only the first 55 are understood, and a hyphen follows them
 * if anything does.  Only the two flags above are kept.  False, and the context
 * stays: it is none, or one of its ids is zero, or it has upper case letters.
 */
bool context_read(const char *text, size_t len, struct context *);

/* Writes a traceparent of version 00. */
void context_print(const struct context *, char text[CONTEXT_TEXT_SIZE]);

/*
 * Random ids, of a generator that arc4random(3) seeds; never zero.  A new trace
 * has the flag that says so, and no other; its span id stays.
 */
void context_new_trace(struct context *);
void context_new_span(struct context *);

#endif
