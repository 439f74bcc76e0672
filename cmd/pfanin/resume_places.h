#ifndef RESUME_PLACES_H
#define RESUME_PLACES_H

/*
 * The places of --state, for the files that act on them:
 *
 *	resume.c        which file is which input, and the file of --state
 *	resume_moves.c  the positions of marks
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "bookfile.h"
#include "bookmark.h"
#include "record/reader.h"

#define RESUME_LISTS 1024

/* How it comes that there is a bookmark. */
enum origin_kind {
	FROM_FILE, /* nobody has claimed it in this run */
	CLAIMED,   /* and an input has gone on from there */
	FRESH,     /* an input that was not known */
	GONE       /* the input has ended, or its name leads to another file */
};

struct place {
	struct bookmark book;
	enum origin_kind origin;
	struct reader_place sent; /* up to where records were sent */
	uint64_t end;             /* of a file that is GONE: bytes */
	bool moved;               /* since the last mark */
	SLIST_ENTRY(place) next_moved;
	LIST_ENTRY(place) same_list;
	STAILQ_ENTRY(place) all;
};

LIST_HEAD(place_list, place);
STAILQ_HEAD(place_queue, place);
SLIST_HEAD(place_stack, place);

struct resume {
	const char *given; /* the path of --state */
	struct bookfile file;
	pthread_mutex_t saving; /* guards it */
	struct stage *stage;    /* NULL: it does not run yet */
	bool failed;            /* the file could not be written */

	/* The lock guards all that follows. */
	pthread_mutex_t lock;
	struct place_queue all;
	struct place_list list[RESUME_LISTS]; /* by inode */
	struct place_stack moved;
	size_t n, n_moved;
};

/* Writes the file of --state.  -1 with errno. */
int resume_write(struct resume *);

#endif
