#ifndef EXEC_WORKER_H
#define EXEC_WORKER_H

/*
 * Exec mode: the command is started once for each batch, which without --batch
 * is one record.  exec.c starts the command and serves it; exec_end.c does what
 * follows from an attempt for the records.
 */

#include "base/reason.h"
#include "inflight.h"
#include "printed.h"
#include "record/batch.h"
#include "worker.h"

struct failure;

struct exec_worker {
	struct worker w;
	struct batch batch; /* is being worked on */
	/* The batch on its way into the child's stdin; has the same memory. */
	struct inflight input;
	struct printed printed;
};

/*
 * The following end the work on the batch: its records go to the sink, or wait
 * for another attempt, and the worker has none.
 */

/* The attempt succeeded: the lines printed are the results. */
void exec_accept(struct exec_worker *);

/*
 * The attempt failed.  pid is the child's; the rest of what the letter says
 * about the worker is added here.
 */
void exec_attempt_failed(struct exec_worker *, struct failure *, pid_t pid);

/* The batch could not be tried, and never can. */
void exec_refuse(struct exec_worker *, enum reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Work is cancelled. */
void exec_cancel(struct exec_worker *);

#endif
