#ifndef PCHAN_PIPELINE_H
#define PCHAN_PIPELINE_H

/*
 * Processors, and pipes of them.
 *
 * A processor is one step of a pipe: the reader, the workers, the writer, or a test's
 * mock.  It runs as one or more workers (threads), each with a state of its own, which take
 * records from the channel before it and send records into the one behind it.
 * pipeline_start() wires a list of processors with bounded channels and starts them,
 * as a Go programmer wires goroutines:
 *
 *	source -> chan -> worker, worker, worker -> chan -> sink
 *
 * A channel is closed when the last worker in front of it has returned, so the end of the
 * input runs through the pipe and every worker sees it after the last record.
 */

#include <stddef.h>

struct chan;
struct ctx;
struct record;
struct pipeline;

struct processor {
	const char *name;
	unsigned workers; /* threads, at least 1 */
	void *arg;        /* the processor's own */

	/* Makes a worker's state; NULL if it needs none.  -1 with errno. */
	int (*open)(struct processor *, unsigned worker, void **state);

	/*
	 * Either process: one record in, the same or what became of it out, in place.
	 * Or run: everything, until in is closed and drained (NULL for the first processor) or ctx
	 * is done; out is NULL for the last one.
	 */
	void (*process)(void *state, struct record *);
	void (*run)(void *state, struct ctx *, struct chan *in, struct chan *out);

	/* Frees the state, when all workers of the pipe have returned. */
	void (*close)(void *state);
};

/*
 * Starts n processors, with channels of this capacity between them.  The
 * processors must live until pipeline_join().  All states are opened first, in the
 * caller's thread, and nothing runs if one can't be.  NULL with errno.
 */
struct pipeline *pipeline_start(struct ctx *, struct processor *, size_t n, size_t capacity);

/* The channel in front of processor i (1 to n-1), to look at. */
const struct chan *pipeline_chan(const struct pipeline *, size_t i);

/* Waits until all workers have returned, and frees the pipe. */
void pipeline_join(struct pipeline *);

#endif
