#ifndef MARKER_H
#define MARKER_H

/*
 * The marks of a source, and how far the records are that it has sent: it puts
 * marks among them (mark.h), has a thread that takes what comes back, and stops
 * the source while too many records are on their way.
 *
 * A mark stands for a position in the source.  What that is, is the business of
 * those who own the positions: files (resume.h), or an engine.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctx;
struct marker;
struct source;
struct source_end;
struct stage;

/* What is done with positions. */
struct marker_positions {
	/* Records were sent up to here.  With the source's lock. */
	void (*sent)(void *arg, const struct source_end *, size_t n);
	/*
	 * The position up to which records were sent, as a token of the mark
	 * that is sent next.  With the source's lock.  NULL with errno ENOMEM.
	 */
	void *(*take)(void *arg);
	/*
	 * All up to this position is finished.  Tokens come back in order, and
	 * are the owner's again.  By the marker's thread.
	 */
	void (*done)(void *arg, void *token);
	/* Keeps what is done.  By the marker's thread; may block for a disk. */
	void (*save)(void *arg);
	/* In the end, for what was not finished: frees the token. */
	void (*drop)(void *arg, void *token);
	void *arg;
};

struct marker_how {
	struct stage *stage;
	struct source *source;
	uint64_t window;  /* records on their way, at most */
	bool grows;       /* with the pace of those behind us */
	struct ctx *room; /* as long as it lives, the source waits for room */
	struct marker_positions positions;
};

/*
 * Becomes the marks of the source, which does not run yet, and the stage's
 * finish(); starts the thread.  NULL with errno.
 */
struct marker *marker_new(const struct marker_how *);

/*
 * There is a position that no mark stands for: while no mark is outstanding one
 * is sent soon, as somebody may wait for it.  Any thread.
 */
void marker_moved(struct marker *);

/*
 * When the stage has ended: how many of the records that were sent are not
 * finished, as far as is known.
 */
uint64_t marker_missing(const struct marker *);

/*
 * The same: whether everything is acknowledged.  A helper that gives its token
 * late has none in the mark of its last records, but in the next one.
 */
bool marker_is_done(const struct marker *);

/* The same: whether there was anybody who acknowledged a mark. */
bool marker_was_answered(const struct marker *);

void marker_free(struct marker *);

#endif
