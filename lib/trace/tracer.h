#ifndef PCHAN_TRACER_H
#define PCHAN_TRACER_H

/*
 * The thread that writes a stage's spans, in batches: when a batch is full,
 * when the delay is over, and at the end.  Who gives it a span never waits:
 * what finds the queue full is dropped, and counted.
 */

#include <stddef.h>
#include <stdint.h>

struct otlp;
struct otlp_attribute;
struct settings;
struct span;
struct spanfile;
struct tracer;

/*
 * What became of spans so far: each is written or dropped; one that was
 * written, and had to make room for later ones, is dropped as well.
 */
struct tracer_counts {
	uint64_t all; /* that were put, and the run's */
	uint64_t written, dropped;
	int error; /* the first one of writing, an errno; 0: there is none */
};

/* Where the counts are kept, too, for others to see; NULL: nowhere. */
struct tracer_counters {
	_Atomic uint64_t *written, *dropped;
};

/*
 * A function that is told of each record's span that was written, and by how
 * much its times are less than the calendar's, in ns.  The tracer's thread
 * calls the function, and writes nothing meanwhile.
 */
struct tracer_listener {
	void (*written)(void *arg, const struct span *, int64_t offset);
	void *arg;
};

/*
 * Starts the thread, in which all signals are blocked.  What it is given must
 * outlive it, but not the structs of the counters and of the listener, which
 * may be NULL; the settings have the queue, the batch and the delay.  NULL with
 * errno.
 */
struct tracer *tracer_start(const struct settings *, struct otlp *, struct spanfile *,
    const struct tracer_counters *, const struct tracer_listener *);

/*
 * Takes over what these spans, which have ended, have.  Any thread; does not
 * block for longer than another caller takes.
 */
void tracer_put(struct tracer *, struct span *, size_t n);

/*
 * Writes what is left, and the run's span (NULL: none) with these attributes,
 * ends the thread and frees the tracer, but not the spans' file.  Waits no
 * longer than until the deadline (monotonic ns): what is left then is dropped.
 * (But a disk that hangs can't be left.)  Returns the last counts.  No thread
 * puts spans any more.
 */
struct tracer_counts tracer_stop(struct tracer *, const struct span *run,
    const struct otlp_attribute *, size_t n, int64_t deadline);

#endif
