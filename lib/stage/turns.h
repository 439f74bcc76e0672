#ifndef PCHAN_TURNS_H
#define PCHAN_TURNS_H

/*
 * Which input is read next: a part of the inputs, for which this is the inside.
 * inputs.c has what they are and when they are open; turns.c has what is done
 * with those that are, until they end: who waits for what, and which inputs are
 * held because too much of unfinished lines is.
 */

#include <pthread.h>
#include <stddef.h>
#include <sys/queue.h>

#include "record/reader.h"
#include "stage/input.h"
#include "stage/inputs.h"
#include "stage/waits.h"
#include "sync/ctx.h"
#include "sync/park.h"

TAILQ_HEAD(turns, input);

/* How far the end of reading has come. */
enum stop { READS_ALL, READS_PIPES, READS_NOTHING };

struct inputs {
	size_t n, left;   /* all, and those that have not ended */
	struct turns all; /* in the order of the operands */
	size_t open, open_most;

	struct inputs_watch watch; /* its fd is -1: none */

	/* Set by inputs_begin(). */
	struct reader_limits limits;
	struct ctx *files, *pipes;
	size_t most_unfinished;
	size_t chunk; /* unfinished lines up to this size are always read on */
	int epoll;    /* -1: there is one input, which is polled itself */
	struct parker parker;
	struct waiter on_files, on_pipes;

	/* The lock guards what follows, and the state of the inputs. */
	pthread_mutex_t lock;
	enum stop stop;
	struct turns armed, ready, held, later;
	struct turns spare;    /* dropped */
	struct waits waits;    /* of the threads, for an input */
	size_t unfinished;     /* the sum of all inputs' */
	struct input *longest; /* goes on although there is too much; or NULL */
};

/* The input is open from now on: it has a link, if there are places. */
void turns_begin_link(struct inputs *, struct input *);

/* What follows is called with the lock. */

/* The input, which is in the list, is in none from now on. */
void turns_leave(struct inputs *, struct turns *, struct input *);

/* The input is wanted: it enters one of the lists. */
void turns_arm(struct inputs *, struct input *);

/* The input's unfinished line has so many bytes now. */
void turns_count_unfinished(struct inputs *, struct input *, size_t bytes);

/* One of those that are waited for has ended. */
void turns_end_one(struct inputs *);

/* A thread that takes one leaves the other ready ones to those that wait. */
void turns_wake_others(struct inputs *);

#endif
