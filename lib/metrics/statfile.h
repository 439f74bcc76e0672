#ifndef PCHAN_STATFILE_H
#define PCHAN_STATFILE_H

/*
 * A stage's numbers in a mapped file, so that other processes can read them
 * while the stage runs, and after it was killed.
 *
 *	header	what the stage is, at offset 0
 *	links	struct metrics_links, at links_at
 *	engines	struct metrics_engines, behind the links; only if there are some
 *	shards	`shards` of struct metrics_shard, at shards_at
 *	exemplars	struct metrics_exemplars, at exemplars_at
 *
 * A reader that knows nothing of engines leaves out what is between the links
 * and the shards.
 *
 * The file has a fixed size, is created with all its space, and never grows.
 * All values have the machine's byte order.  Whoever wants to know whether the
 * process lives asks for the file's lock (F_OFD_GETLK): the process holds a
 * write lock until it ends, however it ends.
 *
 * The name is TOOL.PID.UUID.stat, in the run directory (rundir.h).  A stage
 * that ends adds its numbers to the `retired` ones (fold.h) and removes its
 * file; that of a killed one is left for whoever comes next.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"
#include "metrics/exemplar.h"
#include "metrics/link.h"
#include "metrics/metrics.h"
#include "metrics/said.h"

#define STATFILE_MAGIC "pchan.st" /* eight bytes, without the NUL */
#define STATFILE_VERSION 2        /* of all that is in the file */
#define STATFILE_ORDER 0x01020304 /* in the byte order of the machine */

#define STATFILE_UUID 16
#define STATFILE_TOOL_SIZE 16
#define STATFILE_NAME_SIZE 256 /* of a stage; longer ones are cut */
#define STATFILE_PIPELINE_SIZE 128
#define STATFILE_ARGV_SIZE 200

enum statfile_state { STATFILE_INIT, STATFILE_RUNNING, STATFILE_EXITED };

/* What a stage does; a pool has workers with attempts, so TIME_BUSY. */
enum statfile_mode {
	STAGE_PASSES, /* pfanin, pdeadletter, pmetrics: no worker */
	STAGE_LIMITS, /* pratelimit */
	STAGE_CHECKS, /* pfanout without a command */
	STAGE_MAPS,   /* a pool: long-lived workers */
	STAGE_EXECS,  /* a pool: a process for each record or batch */
	STAGE_FILTERS,
	STAGE_SPREADS, /* pfanout --to */
	STAGE_MODES
};

/* How a process ended. */
enum statfile_exit {
	EXIT_OK,      /* status 0 */
	EXIT_RECORDS, /* 1: records failed */
	EXIT_ERROR,   /* any other status */
	EXIT_SIGNAL,  /* it was stopped, and ended as it should */
	EXIT_KILLED,  /* it could not say how it ended */
	EXIT_COUNT
};

struct statfile_header {
	char magic[8];
	uint32_t version, order;
	uint64_t gen1;        /* equal to gen2, and not 0: complete */
	uint64_t size;        /* of the file */
	uint32_t header_size; /* these four: the sizes of what is in it */
	uint32_t links_size;  /* struct metrics_links */
	uint32_t shard_size;  /* struct metrics_shard */
	uint32_t shards;      /* how many */
	uint32_t links_at;    /* offsets */
	uint32_t shards_at;
	unsigned char uuid[STATFILE_UUID];
	char boot_id[40]; /* as /proc/sys/kernel/random/boot_id has it */
	int32_t pid, pgid, sid;
	uint32_t mode, workers; /* enum statfile_mode; -j, or outputs */
	uint32_t exemplars_at;  /* offset; 0: there are none */
	uint64_t capacity;      /* records that the stage may hold */
	int64_t begun_us;       /* these two: when it began, calendar ... */
	int64_t begun_ns;       /* ... and CLOCK_MONOTONIC */
	/*
	 * CLOCK_MONOTONIC when it ended, or until then, when a look last saw
	 * it alive: what was waited for lasted until then at least.
	 */
	_Atomic int64_t alive_ns;
	_Atomic uint32_t state;    /* enum statfile_state */
	_Atomic uint32_t how;      /* enum statfile_exit, when it has exited */
	_Atomic uint64_t rate;     /* a limit: the bits of a double, per s */
	_Atomic uint64_t by_bytes; /* it limits bytes, not records */
	char tool[STATFILE_TOOL_SIZE];
	char tool_version[16];
	char name[STATFILE_NAME_SIZE];
	char pipeline[STATFILE_PIPELINE_SIZE]; /* $PCHAN_PIPELINE, or "" */
	char argv[STATFILE_ARGV_SIZE];         /* with blanks between, cut */
	struct stopwatch halted;               /* by a Ctrl-Z; see worktime.h */
	uint64_t gen2;
};

/* An offset where something can be. */
static inline uint32_t
statfile_align(uint32_t at)
{
	return (at + 63) / 64 * 64;
}

/* Where the engines are, if there are some. */
static inline uint32_t
statfile_engines_at(const struct statfile_header *h)
{
	return statfile_align(h->links_at + h->links_size);
}

struct statfile;

/* What a new file says of its stage. */
struct statfile_setup {
	const char *tool, *name;
	char **argv; /* ends with NULL; or NULL */
	enum statfile_mode mode;
	uint32_t workers;
	uint64_t capacity;
	uint32_t shards;
	bool engines; /* inputs or outputs are engines */
};

#define STATFILE_WHY_SIZE 256

/*
 * Creates the file, locked, and maps it.  Where none can be created, or
 * $PCHAN_METRICS is `off`, the numbers are in anonymous memory, and `why` says
 * so in one line ("" otherwise); *warn: the user has named a directory, so the
 * line must be told.  NULL with errno ENOMEM.
 *
 * A process that ends by exit(3) before statfile_end() is recorded with its
 * status, too.  One per process.
 */
struct statfile *statfile_open(
    const struct statfile_setup *, char why[STATFILE_WHY_SIZE], bool *warn);

/* What is in the file; these live until the process ends. */
struct metrics *statfile_metrics(struct statfile *);
struct metrics_links *statfile_links(struct statfile *);
struct metrics_exemplars *statfile_exemplars(struct statfile *);
struct metrics_engines *statfile_engines(struct statfile *); /* or NULL */
struct statfile_header *statfile_header(struct statfile *);

/* The run directory, which stays the file's; -1: it is in none. */
int statfile_directory(const struct statfile *);

/* Shows the rate that is in force to whoever looks at the stage. */
void statfile_show_rate(struct statfile *, const struct rate *, bool by_bytes);

/*
 * No thread counts any more: records how the process ends, adds its numbers to
 * the retired ones, and removes the file.  Where others are busy with that, the
 * file stays for them.  Does not wait, does not fail.  The numbers stay
 * readable until statfile_free().  NULL does nothing.
 */
void statfile_end(struct statfile *, enum statfile_exit how);

/*
 * The process is about to die while its threads still count: records how, and
 * leaves the file to whoever comes next.  Any thread.
 */
void statfile_mark(struct statfile *, enum statfile_exit how);

/* Unmaps and frees; a file that was not ended (above) is removed. */
void statfile_free(struct statfile *);

#endif
