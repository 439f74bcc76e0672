#ifndef LANE_H
#define LANE_H

/*
 * A lane is one worker of map mode: a child that answers line for line, the records it was given and
 * has not answered, and those it will be given next.
 *
 *	intake -> held: to do, then given (written to the child's stdin) -> answers -> out
 *
 * lane_feed.c hands records over, lane_look.c finds out whether the child waits for more of them,
 * lane_answer.c takes the answers, lane_end.c deals with what a child leaves behind when it
 * ends; map.c is the loop around them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/child.h"
#include "record/queue.h"
#include "pfanout.h"
#include "proc/hunger.h"
#include "intake.h"
#include "window.h"

#define LANE_BATCH 256

struct chan;
struct reader;

struct lane {
	struct pfanout *pf;
	struct stage *stage;
	struct metrics_shard *shard;
	unsigned slot; /* from 1 */
	struct chan *out;
	struct intake intake;

	/* The child, while child.pid > 0. */
	struct child child;
	struct probe probe;
	struct window window;
	struct reader *answers;
	bool eof;       /* we closed its stdin: it answers what it owes and exits */
	bool broken;    /* it closed its stdin or stdout, and should exit */
	bool out_ended; /* its stdout is at its end */
	int64_t started;
	int64_t startup; /* what a start costs: until it first did something; ns */
	int64_t last_answer;
	int64_t busy_since;    /* when it was given a record while it owed nothing */
	int64_t give_up;       /* when it is killed if it has not exited; CLOCK_NEVER */
	int64_t look_at;       /* when to look next whether it is hungry */
	int64_t look_wait;     /* and how long after that */
	int64_t hungry_since;  /* it owes answers and waits for more; 0: not so */
	int64_t unclear_since; /* the same where it can't be told; 0: not so */
	int64_t tested; /* when its stdin was closed to see how soon it answers; 0: it was not */
	unsigned quick_ends; /* how often it did at once */
	bool slow;           /* it took its time: what looks unclear is work */
	uint64_t in_step;    /* line of the first record given since it owed nothing */

	struct queue held; /* in the order of their answers */
	size_t given;      /* the first so many are the child's; the rest is to do */
	size_t written;    /* the first so many of these are in its pipe */
	size_t partial;    /* bytes of the next one that are */

	/*
	 * A child died with several records in flight: the first `suspects` of held.  The first `trial` of
	 * them are given to a fresh child, which is then flushed.
	 */
	size_t suspects, trial;

	int64_t start_after; /* no child is started before this */
	bool cancelled;      /* work is: nothing is given any more */

	size_t nresults;
	struct record results[LANE_BATCH];
};

/* Sends a record on to the sink, soon; lane_flush() does it now. */
void lane_emit(struct lane *, const struct record *);
void lane_flush(struct lane *);

/* Records that wait to be given. */
static inline size_t
lane_todo(const struct lane *l)
{
	return l->held.n - l->given;
}

/* The oldest record leaves the lane. */
static inline struct record
lane_pop(struct lane *l)
{
	l->given--;
	return queue_pop(&l->held);
}

/* lane_feed.c */

/* Starts the child; before there are threads, or in the lane's own.  -1 with errno. */
int lane_start(struct lane *);

/* How many records it would take from the intake now. */
size_t lane_wants(const struct lane *);

/* The seq of the oldest record it holds; UINT64_MAX: none. */
uint64_t lane_oldest(const struct lane *);

/* Takes what the window has room for, starts a child if one is needed, hands records over. */
void lane_feed(struct lane *);

/* The child has closed its stdin: what it owes it may still answer before it exits. */
void lane_in_closed(struct lane *);

/* Whether the child, or the one that would be started, may be given records now. */
bool lane_may_give(const struct lane *);

/* Whether there are records the child has not been sent yet. */
bool lane_has_unwritten(const struct lane *);

/* Tells the child that there is no more: it answers what it owes and exits. */
void lane_close_in(struct lane *);

/* lane_look.c */

/* Looks whether the child is hungry, and closes its stdin if only that makes it answer. */
void lane_look(struct lane *, int64_t now);

/* It got records or gave answers: what was seen before tells nothing any more. */
void lane_look_anew(struct lane *, int64_t now);

/* The child has ended and answered all: what is to be learned from that. */
void lane_test_ended(struct lane *, int64_t now);

/* When lane_look() wants to be called next. */
int64_t lane_look_time(const struct lane *);

/* lane_answer.c */

/*
 * Takes the answers that have come, without blocking.  False if the child can't be kept:
 * *why says how the oldest record failed, or is REASON_COUNT if the run was ended.
 */
bool lane_read_answers(struct lane *, struct failure *why);

/* After its exit: also a last line that has no LF. */
bool lane_read_last_answer(struct lane *, struct failure *why);

/* lane_end.c */

/* It has exited by itself: finds out who is to blame. */
void lane_exited(struct lane *);

/* Kills it because of its oldest record, which is charged. */
void lane_kill(struct lane *, const struct failure *);

/* Work is cancelled: kills it, and what the lane holds leaves. */
void lane_cancel(struct lane *);

/* The child could not be started. */
void lane_start_failed(struct lane *, int error);

/* How the lane's child is called in messages, e.g. "worker 2 (jq)". */
#define LANE_NAME_SIZE 128
void lane_name(const struct lane *, char name[LANE_NAME_SIZE]);

#endif
