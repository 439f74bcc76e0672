#ifndef PCHAN_SPAN_H
#define PCHAN_SPAN_H

/*
 * A span: what a stage did with one record, and when; or what the stage itself
 * did, the run's span.  A record's span begins when its line has been read, and
 * ends when its result has been written.  Between these its events tell how it
 * went: each begins a phase, which lasts until the next event, or until the end
 * of the span; before the first one the record is in the queue.
 *
 * One thread's at a time; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "trace/context.h"
#include "trace/tracestate.h"

enum span_phase {
	PHASE_RATE,    /* waits for credit */
	PHASE_ATTEMPT, /* a worker has it; `attempt` says which, from 1 */
	PHASE_BACKOFF, /* waits for another attempt, as `reason` says why */
	PHASE_ORDER,   /* has its result, and waits for its turn (-k) */
	PHASE_OUTPUT,  /* is written, or waits for the reader */
	PHASE_COUNT
};

/* How a record ended. */
enum span_result {
	SPAN_OK,        /* "processed" */
	SPAN_FILTERED,  /* "filtered" */
	SPAN_FAILED,    /* "failed", as `reason` says why */
	SPAN_UNWRITTEN, /* "unwritten": its result was lost */
};

struct span_event {
	int64_t at; /* monotonic ns */
	uint32_t attempt;
	uint8_t phase;  /* enum span_phase */
	uint8_t reason; /* of a back-off: enum reason */
	char *message;  /* of a back-off; malloc'd, or NULL */
};

/* OTEL_SPAN_EVENT_COUNT_LIMIT's default: later ones are only counted. */
#define SPAN_EVENTS 128

/* Bytes of a message; of a longer one the start is kept. */
#define SPAN_MESSAGE_MAX 1024

#define SPAN_FEW 4    /* events */
#define SPAN_SHORT 32 /* bytes of a tracestate, with its NUL */

struct span {
	struct context context; /* its own */
	/* Zero: it begins a trace. */
	unsigned char parent[CONTEXT_SPAN_ID];
	char *state; /* tracestate; NULL: none */
	bool linked; /* to the run's span */

	int64_t begun, ended; /* monotonic ns */
	char *input;          /* the name of its input, malloc'd; NULL: none */
	uint64_t line;        /* in its input, from 1 */
	uint64_t size;        /* of the record as it was read, bytes */
	uint32_t attempts;
	unsigned slot; /* of the last worker, from 1; 0: none */

	uint8_t result; /* enum span_result */
	uint8_t reason; /* of SPAN_FAILED: enum reason */
	char *message;  /* of SPAN_FAILED, malloc'd; or NULL */

	size_t n, room; /* events, and those there is room for */
	uint64_t dropped;
	struct span_event *event;

	/* Room for what most spans have; else it is malloc'd. */
	struct span_event few[SPAN_FEW];
	char short_state[SPAN_SHORT];
};

/* Makes an empty one; frees what the span has. */
void span_init(struct span *);
void span_clear(struct span *);

/* The span becomes the other one, which has nothing any more. */
void span_move(struct span *to, const struct span *from);

/* The same of a span that is malloc'd.  NULL with errno ENOMEM. */
struct span *span_new(void);

/* NULL does nothing. */
void span_free(struct span *);

/* Copies the tracestate; "": none.  -1 with errno ENOMEM. */
int span_set_state(struct span *, const char *state);

/* Another phase begins at this time; without memory it is only counted. */
void span_enter(struct span *, enum span_phase, int64_t at);

/* An attempt begins: number `attempt`, by the worker `slot`. */
void span_attempt(struct span *, uint32_t attempt, unsigned slot, int64_t at);

/*
 * An attempt has failed, and another one will follow.  The message, or NULL, is
 * copied; without memory it is left out.
 */
void span_back_off(struct span *, enum reason, const char *message, int64_t at);

/*
 * The record has failed for good: result, reason and message become these.  A
 * later call counts.
 */
void span_fail(struct span *, enum reason, const char *message);

/* "attempt", "back-off": the event's name in OTLP. */
const char *span_phase_name(enum span_phase);

/* "processed", "filtered": the value of pchan.result. */
const char *span_result_name(enum span_result);

#endif
