#ifndef WORKER_H
#define WORKER_H

/*
 * What the workers of map, exec and filter mode have in common: where their
 * records come from, where the results go, the child, and the one poll(2) that
 * waits for all of these.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "gate.h"
#include "intake.h"
#include "outbox.h"
#include "proc/child.h"

struct chan;
struct inflight;
struct metrics_shard;
struct pfanout;
struct stage;

struct worker {
	struct pfanout *pf;
	struct stage *stage;
	struct metrics_shard *shard;
	unsigned slot; /* from 1 */
	struct intake intake;
	struct pass pass; /* map and exec mode */
	struct outbox out;
	struct child child;
	int64_t overslept; /* see worker_poll() */
	int64_t halted;    /* worktime_halted() at the last look */
	int64_t look_at;   /* when to look whether the terminal stopped it */
	int64_t left_at;   /* when a child that has exited did so */
	int64_t silent_at; /* when it counts as silent */
};

/* The worker number `index`, from 0, without a child. */
void worker_init(struct worker *, struct pfanout *, unsigned index);

/*
 * Opens the intake and the outbox; called in the worker's thread, and closed by
 * worker_end().  False: that failed, and the stage is aborted.  Then the worker
 * has nothing to poll, and must go on as if worker_poll() had returned false.
 */
bool worker_begin(struct worker *, struct chan *in, struct chan *out);
void worker_end(struct worker *);

/* What worker_poll() saw. */
enum {
	EVENT_IN = 1,        /* the child's stdin takes more */
	EVENT_IN_CLOSED = 2, /* nobody reads the child's stdin any more */
	EVENT_OUT = 4,       /* the child's stdout has something, or ends */
	EVENT_LEFT = 8,      /* the child has exited; more output may come */
	EVENT_EXIT = 16,     /* that is over: the child can be reaped */
};

/*
 * What a child that has exited printed, or what processes that it left behind
 * go on printing, is read to the end of its stdout and stderr.  If somebody
 * keeps these open, nothing more is expected after this long a silence.  After
 * EXIT_PATIENCE, stderr alone does not break the silence any more.
 */
#define EXIT_SILENCE (250 * CLOCK_MS)

/* How long a child may take to exit once it has closed its stdin or stdout. */
#define EXIT_PATIENCE CLOCK_S

/* For worker_poll(): don't look at the child's stdin. */
#define IGNORE_IN (-1)

/*
 * Sleeps until something happens to the child, the intake has something, or
 * until the deadline (monotonic ns).  What the child writes to its stderr is
 * dealt with here.  in: POLLOUT, 0 (report only that stdin was closed), or
 * IGNORE_IN.  out: look at its stdout; false once that has ended.  *events is
 * the set of the EVENT_ bits that occurred.
 *
 * If this process was stopped meanwhile (SIGTSTP, SIGSTOP, a suspended
 * machine), `overslept` is by how much all limits have to be extended, in ns;
 * else it is 0.  SIGSTOP is seen where the wake-up comes much later than the
 * deadline.
 *
 * False: work is cancelled, or the stage has ended.  A poll(2) that fails
 * aborts the stage, and so ends in the same way.
 */
bool worker_poll(struct worker *, int in, bool out, int64_t until, unsigned *events);

/*
 * When an attempt with this limit is broken off.  A child that has exited in
 * time has done so: that its pipes are still read to their end does not count
 * at first.
 */
int64_t worker_limit(const struct worker *, int64_t limit);

/*
 * For a limit that begins now and between two calls of worker_poll(): it will
 * not be extended by what came before.
 */
void worker_begin_limit(struct worker *);

/*
 * Writes records that the child was given to its stdin, until the pipe is full
 * or all are written; does not block.  *whole is how many records became whole.
 * False: nobody reads the pipe any more.
 */
bool worker_write(struct worker *, struct inflight *, size_t *whole);

/* Sends a record, or each of a run, on as `cancelled`, and others unchanged. */
void worker_cancel_record(struct worker *, struct record *);

/*
 * To be called when work is cancelled and the worker holds no record: sends
 * every record that still arrives on as `cancelled`, and dead letters
 * unchanged.  Returns when nothing more can arrive, or when the stage has
 * ended.
 */
void worker_drain(struct worker *);

/* child_stop(); says once per run if that can't end the child. */
void worker_stop(struct worker *);

/* The worker in messages, e.g. "worker 2 (jq)". */
#define WORKER_NAME_SIZE 128
void worker_name(const struct worker *, char name[WORKER_NAME_SIZE]);

/*
 * How a child ended, from child.status: "exit status 1", "SIGSEGV",
 * "unknown status (...)".
 */
#define WORKER_STATUS_SIZE 64
void worker_status(int wait_status, char text[WORKER_STATUS_SIZE]);

#endif
