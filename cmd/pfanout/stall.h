#ifndef STALL_H
#define STALL_H

/*
 * When to look whether a child waits for more input while it owes answers, and
 * when only EOF will make it answer (pchan(7): hungry, flush).
 *
 * A child that is hungry while more can be given is given more.  Where nothing
 * more can be given, it is flushed: but not at once, as a fresh child costs the
 * time of a start, so it may linger for about as long as that takes.  And not
 * where a flush would free nothing, because the budget waits for others.
 *
 * With -t the answers in a child's buffer must not time out.  A child that is
 * seen to wait for input, with nothing of it at work, has done with all it was
 * given, and so its limit starts over: STALL_DONE.
 *
 * Some children sleep in a call that does not show what they wait for (poll,
 * futex), or one of their threads waits for input while another one is blocked
 * in something else: they may be hungry, or slow.  Such a child is flushed once
 * or twice after some patience, as a test: if it then answers at once it had
 * kept its answers, and from then on this way of sleeping counts as hunger.  If
 * not, it was at work: then the patience is longer than the work has ever
 * taken.  As each flush of such a child goes on being a test, what was learned
 * by chance is unlearned.
 *
 * Pure: told what was seen and what the situation is, it returns a verdict.  It
 * reads no descriptor and closes none.  Times are monotonic ns.
 */

#include <stdbool.h>
#include <stdint.h>

#include "proc/hunger.h"

struct stall {
	int64_t timeout; /* -t; CLOCK_NEVER */

	/* The present child. */
	int64_t started;
	int64_t startup;       /* ns until an answer or hunger; 0: not yet */
	int64_t look_at;       /* when to look next */
	int64_t look_wait;     /* and how long after that */
	int64_t moved;         /* when it last got records, or answered */
	int64_t hungry_since;  /* since when it hungers in vain, or 0 */
	int64_t idle;          /* ns of that since it answered, until moved */
	int64_t unclear_since; /* since when it may be; 0: it is not so */
	int64_t tested;        /* when it was flushed as a test; or 0 */

	/* What was learned of the command. */
	unsigned quick_ends; /* tests that it answered at once, less others */
	int64_t slowest;     /* ns of the longest work in an unclear sleep */
};

/* The worker's situation at the moment of a look. */
struct stall_facts {
	int64_t now;
	int64_t since; /* when the wait for the oldest answer began */
	int64_t limit; /* when the oldest attempt times out; CLOCK_NEVER */
	bool has_more; /* there are records to give */
	bool can_give; /* and the window has room for one */
	/* Nothing can be given before it answers: --window, or -k's budget. */
	bool is_full;
	bool must_wait; /* for what other workers or the sink give back */
	bool buffers;   /* it is known to keep its answers */
};

enum stall_verdict {
	STALL_WAIT,
	STALL_SEARCH, /* look thoroughly, then call stall_searched() */
	STALL_FLUSH,
	STALL_DONE, /* it has done with all it was given; don't flush it */
};

void stall_init(struct stall *, int64_t timeout);

/* There is a fresh child. */
void stall_started(struct stall *, int64_t now);

/* The child got records: what was seen before means nothing any more. */
void stall_moved(struct stall *, int64_t now, int64_t first_look);

/* The child gave answers: likewise, but something may be learned from that. */
void stall_answered(struct stall *, int64_t now, int64_t first_look);

/* Whether this counts as hunger, from what was learned of the command. */
enum hunger stall_interpret(const struct stall *, enum hunger);

/* To be called after each look at a child that owes answers: what to do. */
enum stall_verdict stall_saw(struct stall *, enum hunger, const struct stall_facts *);

/* After STALL_SEARCH, with the same facts: any other verdict. */
enum stall_verdict stall_searched(struct stall *, enum hunger, const struct stall_facts *);

/* The child that was flushed has ended, having answered all it owed. */
void stall_ended(struct stall *, int64_t now);

/*
 * We could not work for the last `ns`, because of a Ctrl-Z or of blocked
 * output: the child was not silent in that time, nor did it start.
 */
void stall_extend(struct stall *, int64_t ns);

/* The child is gone. */
void stall_forget(struct stall *);

#endif
