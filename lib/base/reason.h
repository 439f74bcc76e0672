#ifndef PCHAN_REASON_H
#define PCHAN_REASON_H

/*
 * Why a record failed.  A fixed set, because it is a label of a metric; the order is
 * part of the stat file's layout: add at the end only.
 */
enum reason {
	REASON_INVALID,      /* not JSON */
	REASON_TOO_LONG,     /* longer than --max-record */
	REASON_REJECTED,     /* the worker said !message */
	REASON_EXIT,         /* exec: the command exited with another status than 0 */
	REASON_SIGNAL,       /* exec: the command died of a signal */
	REASON_CRASH,        /* map: the worker died on it */
	REASON_TIMEOUT,      /* no answer within -t */
	REASON_BAD_ANSWER,   /* not JSON, too long, or another record's */
	REASON_NO_ANSWER,    /* the worker lost count */
	REASON_LATE,         /* merge: out of order */
	REASON_NO_KEY,       /* no value at the path */
	REASON_BAD_ARGUMENT, /* exec: a NUL, or longer than the system allows */
	REASON_OVER_RATE,    /* no credit, and not to wait */
	REASON_UNROUTABLE,   /* its output is gone */
	REASON_CANCELLED,    /* the stage was stopped first */
	REASON_COUNT
};

/* "invalid", "too_long", ... : as in dead letters and metrics. */
const char *reason_name(enum reason);

#endif
