#ifndef PCHAN_LETTERBOX_H
#define PCHAN_LETTERBOX_H

/*
 * Which records of a sink go into the dead-letter file, and what becomes of
 * them if the file can't be written: then they go into the output, so that
 * nothing is lost.
 *
 * The sink's alone.  Blocks for the disk, and for other processes that write to
 * the same file.
 */

#include <stddef.h>
#include <stdint.h>

#include "stage/ending.h"

struct deadfile;
struct metrics_shard;
struct record;
struct stage;

struct letterbox {
	struct stage *stage;
	struct metrics_shard *shard;
	struct deadfile *file; /* NULL: none, or it could not be written */
	uint64_t discarded;    /* letters that the file has let go */
};

void letterbox_init(struct letterbox *, struct stage *, struct metrics_shard *);

/*
 * Those of the n records IN_OUTPUT that belong into the file are put there, and
 * are IN_FILE then.
 */
void letterbox_put(struct letterbox *, const struct record *, enum place *, size_t n);

/*
 * What has been put into the file is on the disk when a mark goes on.  -1: it
 * is not, and the stage has been told.
 */
int letterbox_sync(struct letterbox *);

#endif
