#ifndef ENGINES_H
#define ENGINES_H

/*
 * All inputs that are engines: what marks stand for there (marker.h), and the
 * thread that watches their helpers.
 *
 * A mark's token says which token of each helper counts up to it; when the mark
 * is done, the helpers are told.  They keep that themselves, at the engine.
 */

#include <stdbool.h>
#include <stddef.h>

struct engines;
struct inputs;
struct marker;
struct marker_positions;
struct stage;

/* None at first.  NULL with errno ENOMEM. */
struct engines *engines_new(void);

/* Starts the helper of the URL.  Ends the process where that can't be done. */
void engines_add(struct engines *, struct inputs *, const char *url);

/* How many there are, and whether one of them has marks. */
size_t engines_count(const struct engines *);
bool engines_mark(const struct engines *);

/* What a marker does with positions. */
struct marker_positions engines_positions(struct engines *);

/*
 * The thread is started with the stage; the marker, NULL if there are no marks,
 * is told what has moved.  A helper that fails ends the stage with status 2,
 * but not before what was read is finished.
 */
void engines_watch(struct engines *, struct stage *, struct marker *);

/*
 * All is done that will be: ends the helpers, which keep what is done, and
 * waits for them, some seconds at most.  One that fails is told.
 */
void engines_end(struct engines *);
void engines_free(struct engines *);

#endif
