#ifndef PCHAN_STAGE_H
#define PCHAN_STAGE_H

/*
 * A stage is one running p-tool.  This is what its parts share: the options, the
 * contexts that end it step by step, the numbers, what it holds, and how a record fails.
 *
 * A stage ends in one of four ways, each stronger than the one before:
 *	the input ends, or its context is cancelled: nothing more is read;
 *	work is cancelled: no attempt is made any more, records leave as `cancelled`;
 *	root is cancelled: nothing can be written, everybody returns at once;
 *	the third signal: see monitor.h.
 */

#include <stdbool.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/types.h>

#include "record/envelope.h"
#include "stage/options.h"
#include "record/record.h"
#include "stage/metrics.h"

#define STAGE_ERROR_SIZE 512
#define STAGE_BYTES (4 << 20) /* how much a stage holds: so many bytes and one record */

struct stage {
	const char *tool; /* "pfanout" */
	const char *name; /* the metrics' label */
	const struct options *opt;
	struct ctx *root, *work, *input;
	struct metrics *metrics;
	struct budget *budget;
	bool keep_order;       /* -k: the sink writes in the order of the input */
	struct deadfile *dead; /* NULL: dead letters go in band */
	bool dead_failed;    /* it could not be written, so they do; the sink's, read at the end */
	bool collects;       /* letters that pass by go into it, too */
	uint64_t max_failed; /* stop at so many; 0: never */
	_Atomic uint64_t failed; /* so far, without the cancelled ones */

	/* What a tool adds, called by the monitor with a line to fill; NULL: nothing. */
	void (*reload)(void *state, char *line, size_t size);   /* SIGHUP; "": nothing to tell */
	void (*describe)(void *state, char *line, size_t size); /* for -P: where records are */
	void *state;

	bool pipe_ignored; /* SIGPIPE was ignored at the start: EPIPE is an error like any other */
	int64_t begun;     /* monotonic ns */

	/* What ended it early; the first one counts. */
	pthread_mutex_t lock;
	int status;   /* 0: nothing did */
	bool hung_up; /* the reader of stdout is gone: die of SIGPIPE */
	char error[STAGE_ERROR_SIZE];
};

/* How an attempt failed: what the dead letter will tell beside the record. */
struct failure {
	enum reason reason;
	char message[256];
	unsigned slot; /* the worker's, from 1; 0: no worker was involved */
	pid_t pid;
	int wait_status; /* as waitpid(2) gives it, if exited */
	bool exited;
	const char *log; /* the end of the worker's stderr */
	size_t log_len;
};

/* What a stage is made of. */
struct stage_setup {
	const char *tool, *name;
	const struct options *opt;
	size_t workers;     /* in its middle */
	size_t shards;      /* of numbers */
	size_t max_records; /* held at a time; see budget.h */
	bool keep_order;    /* -k */
};

/*
 * How many records a stage that keeps no order may hold: some buffers of them,
 * for the channels, the workers and the way out.
 */
size_t stage_max_records(const struct options *);

/*
 * Sets the stage up: contexts, numbers, budget, dead-letter file.  What the setup
 * points to must outlive the stage.  -1: st->error says why; stage_free() it in
 * either case.
 */
int stage_init(struct stage *, const struct stage_setup *);
void stage_free(struct stage *);

/*
 * Ends the run with this exit status and message, unless something else did before: no more
 * is read, no more is tried, what is held leaves as `cancelled`.  Any thread.
 */
void stage_abort(struct stage *, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, but nothing can be written any more: everybody returns. */
void stage_give_up(struct stage *, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The reader of stdout went away: stop quietly. */
void stage_hang_up(struct stage *);

/* Whether no attempt shall be made any more. */
bool stage_is_cancelled(const struct stage *);

/* Turns a record into its dead letter, in place. */
void stage_bury(struct stage *, struct record *, const struct failure *);

/* The same for a record that was held when work was cancelled. */
void stage_bury_cancelled(struct stage *, struct record *);

/*
 * Whether the record is fit for a worker: not too long and, unless -R, JSON.  If
 * not, it has become its dead letter.
 */
bool stage_check(struct stage *, struct record *);

/* Turns an input record into its result, a line (or lines) that takes over its place. */
void stage_answer(
    struct stage *, struct record *input, const struct record *answer, enum record_kind);

/* Turns it into one that was filtered. */
void stage_drop(struct record *);

#endif
