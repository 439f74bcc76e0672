#ifndef PCHAN_CARRIER_H
#define PCHAN_CARRIER_H

/*
 * How a trace context travels in a record: as the members `traceparent` and
 * `tracestate` of a JSON object, both of them strings.  They are put in, and
 * replaced, by splicing bytes: no other byte of the record changes.
 *
 * Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>

#include "json/json.h"
#include "trace/context.h"
#include "trace/tracestate.h"

/*
 * Whether the text can have one of the members, by glance.h.  False: it has
 * none.
 */
bool carrier_is_likely(const char *text, size_t len);

/*
 * json_check(), which sees at the same time whether the text can have a
 * traceparent, for far less.  False: it has none, so that its tracestate, if it
 * has one, does not count.
 */
static inline bool
carrier_check(const char *text, size_t len, bool *likely, struct json_error *err)
{
	return json_check_traced(text, len, likely, err);
}

/* What a record has of both; made by carrier_read(). */
struct carrier {
	bool is_object; /* else it can't carry a context */
	bool found;     /* context is valid */
	struct context context;
	/*
	 * A tracestate that is valid, without its quotes and decoded, if it is
	 * no longer than TRACESTATE_MAX; else "".
	 */
	char state[TRACESTATE_SIZE];

	/* Its own: the values as they stand in the text, */
	struct json_slice parent_value, state_value;
	bool keeps_state; /* the tracestate belongs to the context */
	bool is_empty;    /* the object has no members */
	const char *end;  /* where another member goes */
};

/*
 * Looks for the members in a text that json_check() accepts.  Of members with
 * the same name the last counts; names are compared after unescaping; one deep
 * inside is not ours.  A traceparent that is no string, or not valid, is not
 * found, and its tracestate does not count; a tracestate that is not valid does
 * not count, either.  A string with escapes that is longer than six times
 * TRACESTATE_MAX is not read.
 */
void carrier_read(const char *text, size_t len, struct carrier *);

/*
 * The text with this context: the value of its traceparent is replaced, or the
 * member is added as the last one.  A tracestate that does not belong to the
 * context found (see above) is replaced by an empty string.  A `state` that is
 * not NULL (a valid one, no longer than TRACESTATE_MAX) takes the place of the
 * tracestate; if there is none it is added behind the traceparent, unless it is
 * empty.
 *
 * Returns the number of bytes in `out`, where an LF is behind them; it has room
 * for carrier_room() bytes.  The carrier is one that is_object, of this text.
 */
size_t carrier_write(const struct carrier *, const char *text, size_t len, const struct context *,
    const char *state, char *out);

/* What carrier_write() may write for a text of this length, with the LF. */
size_t carrier_room(size_t len, const char *state);

#endif
