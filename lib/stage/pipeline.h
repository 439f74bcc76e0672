#ifndef PCHAN_PIPELINE_H
#define PCHAN_PIPELINE_H

/*
 * Processors, and pipelines of them.
 *
 * A processor is one step of a pipeline: the source, the workers, the sink, or
 * a test's mock.  It runs as one or more workers (threads), each with a state
 * of its own, which take records from the channel before it and send records
 * into the one behind it.  pipeline_start() wires a list of processors with
 * bounded channels and starts them, as a Go programmer wires goroutines:
 *
 *	source -> chan -> worker, worker, worker -> chan -> sink
 *
 * A channel is closed when the last worker in front of it has returned, so the
 * end of the input runs through the pipeline, and every worker sees it after
 * the last record.
 */

#include <stddef.h>
#include <stdint.h>

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
	 * Either process: takes one record and turns it, in place, into what
	 * goes on.  Or run: does everything until `in` is closed and drained or
	 * ctx is done; `in` is NULL for the first processor, `out` for the last
	 * one.
	 */
	void (*process)(void *state, struct record *);
	/*
	 * With process(), for a run (record.h): how many of its first records
	 * go on as they are, and the bytes of their lines.  The next one is
	 * split off then, and processed.  NULL: there are no runs.
	 */
	uint64_t (*pass)(void *state, const struct record *run, size_t *bytes);
	void (*run)(void *state, struct ctx *, struct chan *in, struct chan *out);

	/* Frees the state, when all workers of the pipeline have returned. */
	void (*close)(void *state);

	int error; /* set by pipeline_start(): errno of an open() that failed */
};

/*
 * Starts n processors, with channels of this capacity (in records) between
 * them.  First all states are opened, in the caller's thread; then the threads
 * are started, the first processor's last.  The processors must live until
 * pipeline_join().
 *
 * NULL with errno if a state can't be opened (its processor's `error` says so),
 * if there is no memory, or if a thread can't be created.  No record was read
 * then, no thread runs any more, and ctx is cancelled.
 */
struct pipeline *pipeline_start(struct ctx *, struct processor *, size_t n, size_t capacity);

/* Blocks until all workers have returned, and frees the pipeline. */
void pipeline_join(struct pipeline *);

#endif
