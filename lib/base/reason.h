#ifndef PCHAN_REASON_H
#define PCHAN_REASON_H

/*
 * Why a record failed.  The set is fixed, because reasons are a label of a
 * metric.  Their order is part of the metrics file's layout: add at the end
 * only.
 */
enum reason {
	REASON_INVALID,      /* not JSON */
	REASON_TOO_LONG,     /* longer than --max-record */
	REASON_REJECTED,     /* the worker said !message */
	REASON_EXIT,         /* exec: exit status other than 0 */
	REASON_SIGNAL,       /* exec: killed by a signal */
	REASON_CRASH,        /* map: the worker died on it */
	REASON_TIMEOUT,      /* no answer within -t */
	REASON_BAD_ANSWER,   /* not JSON, too long, or another record's */
	REASON_NO_ANSWER,    /* the worker lost count */
	REASON_LATE,         /* merge: out of order */
	REASON_NO_KEY,       /* no value at the path */
	REASON_BAD_ARGUMENT, /* exec: a NUL, or longer than the system allows */
	REASON_OVER_RATE,    /* no credit, and waiting was not wanted */
	REASON_UNROUTABLE,   /* its output is gone */
	REASON_CANCELLED,    /* the stage was stopped first */
	REASON_EXHAUSTED,    /* the worker asked for one attempt too many */
	REASON_COUNT
};

/*
 * "invalid", "too_long", ...: a static text, as dead letters and metrics have
 * it.
 */
const char *reason_name(enum reason);

#endif
