#ifndef WATCH_H
#define WATCH_H

/*
 * Watches all pipelines: takes a look now and then, keeps the last 60 seconds,
 * and makes a view of them.  Who can't be seen in the stat files, the programs
 * between the stages, is found in /proc.  One thread's.
 */

#include <stdint.h>

#include "model.h"

struct watch;

/*
 * The window in s, from 1 to 60, and what look_take() is told.  NULL with
 * errno.
 */
struct watch *watch_new(double window, unsigned how);
void watch_free(struct watch *);

/*
 * Takes a look, and makes a view of it.  The view is the watch's, and lives
 * until the next call.  NULL with errno.
 */
const struct view *watch_look(struct watch *);

#endif
