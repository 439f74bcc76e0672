#ifndef PCHAN_INPUT_H
#define PCHAN_INPUT_H

/*
 * One input of a stage, as an operand names it.  inputs.h has the set of them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "record/reader.h"

struct metrics_link;

enum input_kind {
	INPUT_FILE,  /* regular: what is not read remains there */
	INPUT_PIPE,  /* a pipe, FIFO or socket: read to its end after a stop */
	INPUT_OTHER, /* a terminal, a device */
	/* The pipe of a helper of ours: read to its next mark after a stop. */
	INPUT_HELPER,
};

/* The lines of an input that begin so are for us, and no records. */
struct input_control {
	const char *prefix;
	size_t len;
	/*
	 * One has come, without its prefix, behind records that end at this
	 * offset.  True: it is a mark, which stands for all of these.  By the
	 * thread that has the input.
	 */
	bool (*line)(void *arg, const char *text, size_t len, uint64_t end);
	void *arg;
	bool marks; /* there will be some */
};

/* Where an input is, between the threads. */
enum input_state {
	INPUT_IDLE,  /* a thread has it, or nobody wants it */
	INPUT_ARMED, /* it is wanted: when there is something */
	INPUT_READY, /* there is something */
	INPUT_HELD,  /* another one's long line has to end first */
	INPUT_LATER, /* another one has to be closed first */
};

/* Who writes what is read, as far as traces are concerned: traced.h. */
enum input_writer { WRITER_UNKNOWN, WRITER_TRACES, WRITER_OTHER };

struct input {
	size_t number;    /* in the order of the operands, from 0 */
	const char *name; /* in letters and messages; "-": standard input */
	const char *path; /* what was opened; NULL: a descriptor was given */
	int fd;           /* -1: not open */
	enum input_kind kind;
	uint64_t size; /* of a regular file, when it was opened */
	dev_t dev;     /* these two: which file it is */
	ino_t ino;
	bool taken_once;       /* what one reader takes, no other one sees */
	bool keep_open;        /* a FIFO: read on when its writers have left */
	struct reader *reader; /* from inputs_begin() on */

	struct reader_place start; /* where a file is read from */

	void *place; /* in the marks: source.h; or NULL */

	const struct input_control *control; /* of a helper; or NULL */
	uint64_t record_end;                 /* offset behind its last record */
	bool unmarked;                       /* no mark stands for that yet */

	/* In the stage's numbers, while it is open; NULL: it has no place. */
	struct metrics_link *link;

	/* Set by the thread that has the input. */
	bool begun;     /* a record has been taken */
	bool marked;    /* a mark has been taken */
	uint64_t taken; /* records that the link does not count yet */
	bool paused;    /* an unfinished line ends here, and more may come */
	bool drained;   /* of a watched one: nothing is there before a call */
	bool ended;     /* nothing more will be read */
	bool stopped;   /* before its end: the stage stops reading, or can't */
	enum input_writer writer;

	/* Those of the set; inputs.c. */
	enum input_state state;
	bool polled;       /* in the epoll set; else it is always ready */
	bool asked;        /* since the stop: whether it has a writer */
	bool watched;      /* it is ready when the set's watch says so */
	void *owner;       /* what the watch has for it */
	bool woken;        /* inputs_wake() was called while it was taken */
	size_t unfinished; /* bytes of its unfinished line */
	TAILQ_ENTRY(input) turn, all;
};

/*
 * Opens what the operand names: `-` is standard input, fd:N and /dev/fd/N are
 * the descriptor N that this process was started with, anything else is a path,
 * which must stay valid.  The open does not wait for the writer of a FIFO.
 * Returns 0, or -1 with errno: EBADF also for a descriptor that is only
 * written, or that the process has opened itself.
 */
int input_open(struct input *, const char *operand);

/* The input, an open file, is read from there.  -1 with errno. */
int input_start(struct input *, struct reader_place);

/* Opens the path of an input again, at its start.  -1 with errno. */
int input_reopen(struct input *);

/* Closes it, unless it is standard input. */
void input_close(struct input *);

/* Whether both are the same pipe, socket, terminal or descriptor. */
bool input_is_same(const struct input *, const struct input *);

#endif
