#ifndef PCHAN_STATVIEW_H
#define PCHAN_STATVIEW_H

/*
 * One stat file as another process sees it: a copy of what is in it, checked.
 * The file may be damaged, or be cut while it is read.  Texts end with a NUL,
 * but may have any other bytes.  Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "metrics/exemplar.h"
#include "metrics/link.h"
#include "metrics/statfile.h"

struct look_stage {
	struct statfile_header header;
	bool live;                /* the process holds the file's lock */
	bool same_clock;          /* its begun_ns is of our CLOCK_MONOTONIC */
	struct metrics_shard sum; /* of its shards, STOPWATCH_LATE ago */
	uint32_t busy;            /* workers with an attempt now */
	int64_t oldest;           /* since when the oldest has it; 0: none */
	size_t n_links;
	struct metrics_link link[LINKS];
	uint64_t more_links; /* that have no place */
	struct metrics_exemplars exemplars;
	bool engines; /* it has inputs or outputs that are engines */
	size_t n_said;
	struct metrics_said said[SAID_PLACES]; /* link: in `link` above */
};

/* How the process of a stage that is not live ended. */
enum statfile_exit statview_exit(const struct statfile_header *);

/* What metrics and JSON call it, such as "failed_records". */
const char *statview_exit_name(enum statfile_exit);
enum statfile_exit look_exit(const struct look_stage *);

#define STATVIEW_NAME_SIZE 80 /* of a stat file's name */

/* Whether it is the name of a stat file, and what the name says. */
bool statview_name(const char *name, pid_t *pid, unsigned char uuid[STATFILE_UUID]);

/* The clocks of this moment, and of this boot. */
struct statview_now {
	int64_t monotonic;             /* CLOCK_MONOTONIC */
	int64_t calendar;              /* us */
	int64_t slept;                 /* ns of the boot, left out by it */
	char boot_id[CLOCK_BOOT_SIZE]; /* "" if it is not known */
};

void statview_clocks(struct statview_now *);

/* Whether no process holds the file's lock; false, too, if it is not known. */
bool statview_is_dead(int dir, const char *name);

/*
 * Reads the stat file of this name.  -1 with errno: ENOENT if there is none any
 * more, EINVAL or another one if it is none that can be read.
 */
int statview_read(int dir, const char *name, const struct statview_now *, struct look_stage *);

#endif
