#ifndef PCHAN_GIVER_H
#define PCHAN_GIVER_H

/*
 * The side of a helper from-SCHEME, which gives records to pfanin: what it
 * prints, and what it reads, pchan-engines(7).
 *
 *	@KEY pchan-in 1 marks    first of all; without "marks" it has none
 *	{"id":1}                 a record, a line each
 *	@KEY mark TOKEN          all before this line is what TOKEN stands for
 *	@KEY stat NAME NUMBER [LABEL=VALUE]   a number for metrics, or "-"
 *
 * KEY is in $PCHAN_KEY, and random, so that no record is taken for one of these
 * lines.  Back comes, on stdin,
 *
 *	done TOKEN               all up to that mark is finished
 *
 * for some of the tokens, in their order; those between them are done as well.
 * At the end of stdin the helper stops: what is not done comes again.  Where
 * stdout has no reader any more, more can still be done.  Without $PCHAN_KEY it
 * was started by hand, and prints only the records.
 *
 * One thread's.  Only giver_step() blocks.
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct giver;

#define GIVER_TOKEN_SIZE 33 /* printable, no blanks, with a NUL */

/*
 * Prints the first line, with `marks` or without.  giver_step() calls done(arg,
 * token).  Ends the process if there is no memory.
 */
struct giver *giver_new(bool marks, void (*done)(void *arg, const char *token), void *arg);
void giver_free(struct giver *);

/* A record, and what is known of it. */
struct giver_record {
	const char *data; /* any bytes */
	size_t len;
	/* W3C headers, or NULL: put into the record if it has none. */
	const char *traceparent, *tracestate;
	/* A member that is put in front, "name":value, as JSON; or NULL. */
	const char *member;
};

/*
 * Prints the record.  In JSON, line feeds become blanks.  If there are some in
 * anything else, or nothing is there, a dead letter is printed instead
 * (`invalid`), with the bytes, this input and its place.  Records that are no
 * JSON, or no objects, get no members.  What is printed waits in memory until
 * giver_step().
 */
void giver_put(struct giver *, const struct giver_record *, const char *input, uint64_t place);

/* The mark of what has been put so far. */
void giver_mark(struct giver *, const char *token);

/* A number for the metrics of the stage: "lag", 17, "partition=3" or NULL. */
void giver_stat(struct giver *, const char *name, uint64_t value, const char *label);

/* There is no such number any more: "lag", "partition=3". */
void giver_no_stat(struct giver *, const char *name, const char *label);

/*
 * Whether more records should be put: less waits in memory than GIVER_BUFFER.
 */
#define GIVER_BUFFER ((size_t)256 << 10)
bool giver_has_room(const struct giver *);

enum giver_state {
	GIVER_GOES_ON,
	GIVER_STOPS, /* stdin has ended; started by hand: nobody reads stdout */
};

/*
 * Writes what waits, reads what is done, and blocks until something of that can
 * be done, one of the n descriptors of `more` is ready (as poll(2) says), or
 * the timeout (ms; -1: none) is over.
 */
enum giver_state giver_step(struct giver *, struct pollfd *more, size_t n, int timeout);

/*
 * The source has no more: giver_step() closes stdout once all that waits is
 * written, and goes on as before.  pfanin ends stdin when all is done that will
 * be: then the helper may end, too.
 */
void giver_end(struct giver *);

#endif
