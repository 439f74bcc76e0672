#ifndef PCHAN_SYNCER_H
#define PCHAN_SYNCER_H

/*
 * A thread that syncs a file, fdatasync(2), while its owner goes on writing to
 * it.  What had been written before the sync began is safe when the sync has
 * ended; of what came later nobody knows.
 *
 * For one other thread, its owner.
 */

#include <stdbool.h>

struct syncer;

/* Starts the thread.  NULL with errno (EAGAIN, ENOMEM). */
struct syncer *syncer_start(void);

/* Waits for the sync that runs, and ends the thread.  NULL does nothing. */
void syncer_stop(struct syncer *);

/* A sync begins; none runs. */
void syncer_begin(struct syncer *, int fd);

/*
 * How the last sync has ended: 0, or an errno; EINPROGRESS: it runs, unless the
 * call waits for its end.
 */
int syncer_look(struct syncer *, bool wait);

#endif
