#ifndef PCHAN_LINK_H
#define PCHAN_LINK_H

/*
 * The inputs and outputs of a stage, in its stat file: which pipe, FIFO or file
 * each one is, and how long the stage waited for it.  Both ends of a pipe show
 * the same device and inode, so a reader of several stat files can draw the
 * graph of a pipeline.
 *
 * Links are plain data at fixed places.  A stage has LINKS of them; inputs and
 * outputs beyond that are only counted.  Link 0 is the standard input, or the
 * first input; link 1 is the standard output.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/stopwatch.h"

#define LINKS 64
#define LINK_NAME_SIZE 40

enum link_direction { LINK_IN, LINK_OUT };

enum link_kind {
	LINK_PIPE, /* without a name */
	LINK_FIFO,
	LINK_FILE,
	LINK_TERMINAL,
	LINK_NULL, /* /dev/null */
	LINK_SOCKET,
	LINK_OTHER,
	LINK_ENGINE, /* dev and ino are 0 */
	LINK_KINDS
};

enum link_state {
	LINK_UNUSED,
	LINK_OPEN,
	LINK_CLOSED, /* nothing more is read or written */
};

struct metrics_link {
	/*
	 * An enum link_state, and above its two bits a number that changes when
	 * the place is used for another link.
	 */
	_Atomic uint32_t state;
	uint8_t direction, kind; /* of the enums above */
	uint8_t spare[2];
	uint64_t dev, ino; /* as fstat(2) has them */
	/*
	 * The end of the path, or of "-" or "fd:N"; of an engine "kafka
	 * HOST:PORT/TOPIC"; ends with a NUL.
	 */
	char name[LINK_NAME_SIZE];
	_Atomic uint64_t records, bytes; /* that came or went */
	struct stopwatch wait;           /* the stage waited for this one */
};

_Static_assert(sizeof(struct metrics_link) == 96, "the format has links of 96 bytes");

/* The links of a stage, and how many it has had beyond LINKS. */
struct metrics_links {
	_Atomic uint64_t more;
	struct metrics_link link[LINKS];
};

/*
 * A place for an input or output whose descriptor is this one: the place, from
 * then on open, or NULL if all are in use, which is counted.  Places of closed
 * links are used again when no other one is left.  One thread at a time.
 */
struct metrics_link *link_open(
    struct metrics_links *, enum link_direction, int fd, const char *name);

/* The same for the engine of a URL, of which no secret is shown. */
struct metrics_link *link_open_engine(struct metrics_links *, enum link_direction, const char *url);

/* The place's number; LINKS for NULL. */
unsigned link_number(const struct metrics_links *, const struct metrics_link *);

/*
 * The following are called by the thread that has the link, and do nothing for
 * NULL.
 */

/* The input or output has been opened again, as this descriptor. */
void link_identify(struct metrics_link *, int fd);

/* Nothing more is read or written, and it is not waited for. */
void link_close(struct metrics_link *);

/* Counts what came or went.  Any thread may. */
void link_add(struct metrics_link *, uint64_t records, uint64_t bytes);

/*
 * The stage waits for this one from then on (monotonic ns, it may be to come),
 * unless it does so already; or does not wait any more.
 */
void link_start(struct metrics_link *, int64_t start);
void link_stop(struct metrics_link *, int64_t now);

/*
 * Reads a link that another thread or process may change: a copy of it, or
 * false if the place is not used.
 */
bool link_read(const struct metrics_link *, struct metrics_link *copy);

#endif
