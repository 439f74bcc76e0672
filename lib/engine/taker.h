#ifndef PCHAN_TAKER_H
#define PCHAN_TAKER_H

/*
 * The side of a helper to-SCHEME, which takes records from pfanout: a worker of
 * its map mode.  Each line of stdin is a record, and gets one line on stdout,
 * in the order of the records:
 *
 *	(an empty line)        it is durable at the engine
 *	?message, ?5s message  it is to be tried again, after that time
 *	!message               it will never be taken
 *
 * Records are answered in any order; the taker prints answers in theirs.
 * Between them are lines that are no answers, if $PCHAN_KEY is set,
 *
 *	@KEY stat NAME NUMBER    a number for metrics
 *
 * of which "unacknowledged", the records that are owed an answer, is the
 * taker's own.
 *
 * One thread's.  Only taker_step() blocks.
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct taker;

/* A record: its bytes stay until it is answered. */
struct taker_record {
	const char *data;
	size_t len;
	uint64_t n; /* from 0, in the order of the input */
};

/*
 * Ends the process if there is no memory.  Pipes of ours become nonblocking.
 */
struct taker *taker_new(void);
void taker_free(struct taker *);

/*
 * The next record that has been read.  False: there is none now, or so many are
 * owed that answers must come first.
 */
#define TAKER_OWED 16384               /* records */
#define TAKER_BYTES ((size_t)64 << 20) /* in them, but for a single one */
bool taker_next(struct taker *, struct taker_record *);

/* Answers to record n: each record gets one. */
void taker_done(struct taker *, uint64_t n);
void taker_again(struct taker *, uint64_t n, int64_t wait, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void taker_reject(struct taker *, uint64_t n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* How many records have been taken and not answered. */
uint64_t taker_owed(const struct taker *);

/*
 * A number for metrics, such as "reconnects" (a literal); it is told if it is
 * another one than before, once a second.
 */
#define TAKER_STATS 4 /* names, at most; with "unacknowledged" */
void taker_stat(struct taker *, const char *name, uint64_t value);

/*
 * While it holds, the helper can take no more: taker_next() gives nothing, and
 * taker_step() reads nothing.
 */
void taker_hold(struct taker *, bool holds);

enum taker_state {
	TAKER_GOES_ON,
	TAKER_ENDS, /* stdin has ended, and all answers are printed */
	TAKER_STOPS /* nobody reads the answers any more */
};

/*
 * Writes answers and reads records, and blocks until something of that can be
 * done, one of the n descriptors of `more` is ready (as poll(2) says), or the
 * timeout (ms; -1: none) is over.  Returns at once if there are records that
 * taker_next() would give.
 */
enum taker_state taker_step(struct taker *, struct pollfd *more, size_t n, int timeout);

/*
 * Whether stdin has ended, and taker_next() has given all: what is collected
 * for a batch is to be sent.
 */
bool taker_has_all(const struct taker *);

#endif
