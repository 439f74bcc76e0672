#ifndef MAP_WORKER_H
#define MAP_WORKER_H

/*
 * A worker of map mode: a child that answers line for line, and the records
 * that it was given and has not answered.
 *
 *	intake -> inflight: to do, given, written -> the child -> answers -> out
 *
 * What can be decided without a process is decided in leaves that know nothing
 * of each other: inflight (which record is where), window (how many it may
 * have), deadline (when an attempt times out), stall (when only EOF makes it
 * answer), bisect (who kills it), answer (what a line means), fate (what its
 * end means).  These files act:
 *
 *	map_worker.c   the state; starts and forgets the child
 *	map_answers.c  takes the answers
 *	map_end.c      what follows when the child has ended, or has to
 *	map.c          gives records, looks for hunger, and the loop around all
 *
 * A file calls those above it in this list, and the leaves.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bisect.h"
#include "inflight.h"
#include "deadline.h"
#include "metrics/said.h"
#include "proc/hunger.h"
#include "stall.h"
#include "window.h"
#include "worker.h"

struct failure;
struct reader;

enum map_state {
	NO_CHILD, /* none has been started, or the last one is gone */
	RUNNING,  /* it may be given records */
	FLUSHING, /* we closed its stdin: it answers what it owes, and exits */
	LEAVING,  /* it closed its stdin or stdout, or has exited */
	MAP_STATES
};

enum map_event {
	STARTED,
	FLUSHED, /* its stdin was closed: no more input, a trial, or a stall */
	HUNG_UP, /* it closed its stdin or stdout, or has exited */
	GONE,    /* it was reaped */
	MAP_EVENTS
};

struct map_worker {
	struct worker w;
	enum map_state state;
	struct inflight inflight;
	struct window window;
	struct deadline deadline;
	struct stall stall;
	struct bisect bisect;
	struct probe probe;
	struct reader *answers;
	struct said said;    /* by an engine's helper, of itself */
	bool started;        /* there was a child before */
	bool out_ended;      /* its stdout is at its end */
	int64_t last_answer; /* or the start */
	int64_t busy_since;  /* when it got a record while it owed nothing */
	int64_t give_up;     /* when it is killed if still there; or never */
	int64_t start_after; /* no child is started before this */
	uint64_t in_step;    /* line from which its answers are in step */
	/* Since it last got a record while it owed nothing: */
	uint64_t log_from;   /* child.log_total then */
	uint64_t given_from; /* window.given then */
	uint64_t line_given; /* of the record given last */
	char first_bad[256]; /* answer since the last good one; "": none */
};

/* The next state: the one table of transitions. */
enum map_state map_next(enum map_state, enum map_event);

void map_init(struct map_worker *, struct pfanout *, unsigned index);
void map_free(struct map_worker *);

/*
 * Starts a child.  -1 with errno: the failure is counted, and the next start
 * delayed.
 */
int map_start_child(struct map_worker *);

/* No more input for the child. */
void map_flush_child(struct map_worker *);

/*
 * The child closed its stdin or stdout, so that it should exit soon; or it has
 * exited, and the rest of its output is being read.
 */
void map_note_hang_up(struct map_worker *);

/*
 * The child was reaped: frees what belonged to it.  child.log and child.status
 * stay valid.
 */
void map_forget_child(struct map_worker *);

/*
 * A child died, or could not be started: the next start is delayed, and too
 * many deaths in a row end the run.  final: as for health_died().  how: for the
 * message.
 */
void map_count_death(struct map_worker *, bool final, const char *how);

/*
 * Sends the results on.  If that blocked, extends the child's limits by that
 * time.
 */
void map_send_results(struct map_worker *);

/* Extends the child's limits by `ns`, in which it could not have answered. */
void map_extend_limits(struct map_worker *, int64_t ns);

/* The child owes nothing and gets a record: its stderr is about that one. */
void map_mark_log(struct map_worker *);

/*
 * What the child wrote to its stderr since then: for the letter of its oldest
 * record.  If more records were given, the text is about them, too: the letter
 * says which.
 */
void map_describe_log(const struct map_worker *, struct failure *);

/* Since when the oldest record given waits for its answer. */
int64_t map_waits_since(const struct map_worker *);

/* map_answers.c */

/*
 * Takes the answers that have come, without blocking.  False if the child can't
 * be kept: *why says how the oldest record failed; REASON_COUNT, which is no
 * reason, if the whole run was aborted instead.
 */
bool map_read_answers(struct map_worker *, struct failure *why);

/* The same for all that is left in the stdout of a child that was reaped. */
bool map_drain_answers(struct map_worker *, struct failure *why);

/*
 * Then the last line, which may lack its LF, of a child that has exited well by
 * itself.  The part of a line that any other child leaves is no answer.
 */
bool map_take_last_answer(struct map_worker *, struct failure *why);

/* map_end.c */

/* The child has exited by itself: finds out what that means, and acts. */
void map_handle_exit(struct map_worker *);

/*
 * Kills the child because of its oldest record, which is charged for it in most
 * cases (fate_of_killed()).  The child may have been reaped already.
 */
void map_kill_child(struct map_worker *, const struct failure *why);

/*
 * Work is cancelled: kills the child, takes the answers that it has written,
 * and sends every other record on as `cancelled`.
 */
void map_cancel(struct map_worker *);

#endif
