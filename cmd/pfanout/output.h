#ifndef OUTPUT_H
#define OUTPUT_H

/*
 * An output of pfanout --to: a FIFO, a file, or another thing with a path; or
 * standard output, which the sink writes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metrics_link;
struct writer;

enum output_kind {
	OUTPUT_STDOUT, /* `-` */
	OUTPUT_FILE,   /* a regular file: appended to */
	OUTPUT_FIFO,   /* or a pipe: has a reader, who may leave */
	OUTPUT_OTHER,  /* a terminal, a device */
	OUTPUT_FOLDER, /* a file for each value: folder.h */
};

struct output {
	const char *path;
	enum output_kind kind;
	int fd;                /* open for writing (nonblocking), or -1 */
	int fifo;              /* a FIFO that nobody reads yet, or -1 */
	struct writer *writer; /* once fd is open; NULL for OUTPUT_STDOUT */
	bool line_is_open;     /* its last line, not ours, has no LF */
	/* In the stage's numbers; the caller's.  NULL: it has no place. */
	struct metrics_link *link;
};

/*
 * Whether the n paths can be outputs beside each other, and beside standard
 * input: before any of them is created.  -1: `error` says what is wrong.
 */
int output_check(const char *const *paths, size_t n, char *error, size_t size);

/*
 * Opens an output, and creates the file if there is none.  Does not wait for
 * the reader of a FIFO.  -1 with errno.
 */
int output_open(struct output *, const char *path);

/*
 * Makes the descriptor the one to write to.  -1 with errno, and it is closed.
 */
int output_set_fd(struct output *, int fd);

/*
 * Opens a file by its name again, after a rotation.  -1 with errno, ENXIO if
 * the name is now that of a FIFO that nobody reads; what was open is closed
 * then.
 */
int output_reopen(struct output *);

/* Closes what is open, and frees the writer. */
void output_close(struct output *);

/* Whether a write would not block now.  Any output. */
bool output_is_writable(const struct output *);

/* Whether somebody has the FIFO, which is open, open for reading. */
bool output_has_reader(const struct output *);

/*
 * After the reader of a FIFO has left: how many bytes it has left unread, and
 * how many lines they complete.  The bytes stay there.
 */
void output_unread(const struct output *, uint64_t *bytes, uint64_t *lines);

#endif
