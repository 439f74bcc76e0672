#ifndef PCHAN_MARK_H
#define PCHAN_MARK_H

/*
 * Marks, pchan-formats(5): lines that a source of records puts among them to
 * learn how far they have come,
 *
 *	{"pchan":"mark/1","to":"<32 digits 0-9a-f>","n":17,"w":281474976710656}
 *
 * `to` is the source, random for each process; `n` counts its marks from 1; `w`
 * is the mark's weight: all of it is MARK_WHOLE, and a stage that divides its
 * output divides the weight.  A stage passes a mark on when every record that
 * came before it is settled: written, kept in the dead-letter file, or
 * filtered.  The last stage acknowledges the mark instead: it sends the line
 * "ack N W" as a datagram to the source's socket, whose abstract name is
 * "pchan/" and `to`.  So the way back goes round all pipes and can't be blocked
 * by them.  Both must be of one user and in one network namespace.
 *
 * Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record/envelope.h"

#define MARK_WHOLE (UINT64_C(1) << 48) /* jq 1.6 keeps it as it is */
#define MARK_TO 16                     /* bytes */
#define MARK_SIZE 128                  /* of a line that mark_print() writes */

struct mark {
	unsigned char to[MARK_TO];
	uint64_t n;      /* from 1 */
	uint64_t weight; /* 1 to MARK_WHOLE */
};

/* Whether a line can be a mark, as far as its head says. */
bool mark_may_be(const char *head, size_t len);

/* For mark_read(). */
bool mark_parse(const char *line, size_t len, struct mark *);

/*
 * Whether the line is a mark, and which.  `pchan` is its first member; others
 * are found by name, as a filter can have added some.  Quick for lines that do
 * not begin like an envelope.
 */
static inline bool
mark_read(const char *line, size_t len, struct mark *mark)
{
	return !envelope_is_unlikely(line, len) && mark_parse(line, len, mark);
}

/* Writes the mark's line, with an LF and a NUL; returns its length. */
size_t mark_print(const struct mark *, char line[MARK_SIZE]);

/*
 * Sends the acknowledgement.  -1 with errno: ECONNREFUSED if nobody listens any
 * more, EAGAIN if the source has not read those before it.
 */
int mark_acknowledge(const struct mark *);

/*
 * The socket that receives acknowledgements, close on exec, non-blocking.  -1
 * with errno.
 */
int mark_listen(const unsigned char to[MARK_TO]);

/*
 * Receives one: 1, with n and weight, and the process that has sent it (0: one
 * of another namespace); 0: there is none for now; -1 with errno.  What another
 * user sends, or nobody understands, is left out.
 */
int mark_receive(int fd, struct mark *, pid_t *from);

#endif
