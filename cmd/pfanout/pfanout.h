#ifndef PFANOUT_H
#define PFANOUT_H

/* What the parts of pfanout share: its options, and what all workers know. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"
#include "demand.h"
#include "engine/control.h"
#include "exits.h"
#include "health.h"
#include "spread.h"
#include "stage/stage.h"

enum mode {
	MODE_CHECK, /* no command */
	MODE_MAP,
	MODE_EXEC,   /* -x */
	MODE_FILTER, /* -F */
	MODE_SPREAD, /* --to */
};

struct arguments;
struct batch;
struct collector;
struct gate;
struct json_path;
struct keyed;
struct meter;
struct processor;
struct retry;

struct pfanout {
	struct options opt;
	bool exec, filter; /* -x, -F */
	enum mode mode;
	unsigned jobs;         /* -j */
	unsigned processors;   /* those of the machine that we may use */
	bool keep_order;       /* -k */
	int64_t timeout;       /* -t, ns; CLOCK_NEVER: none */
	int64_t start_timeout; /* --start-timeout, ns */
	uint32_t attempts;     /* -a */
	int64_t backoff_first, backoff_most;
	size_t batch;            /* --batch; 0: there are no batches */
	int64_t batch_wait;      /* for the records after the first, ns */
	bool no_bisect;          /* --no-bisect */
	size_t window;           /* --window; 0: it adapts */
	struct json_path *match; /* --match; NULL: none */
	bool raw_input;          /* --raw-input; sets opt.raw, too */
	uint64_t max_failed;     /* --max-failed; 0: none */
	uint32_t max_share;      /* the same as a share (SHARE_ALL); 0: none */
	const char *share_text;  /* as it was given */
	bool unbuffered;         /* --unbuffered */
	struct exits exits;      /* --ok-status and the like */
	struct rate rate;        /* --rate: of attempts; amount 0: none */
	const char *shared;      /* --shared: its file or URL; or NULL */
	const char *engine;      /* --to URL: the command is its helper */
	char **argv;             /* the command */
	/* of the command; NULL where its name depends on the record */
	char *path;
	/* What is started for it, which differs with --unbuffered. */
	char *start_path, **start_argv;
	struct arguments *arguments; /* -x: argv with its placeholders */

	struct json_path *key; /* --key of workers; NULL: none */

	struct spread spread; /* --to, --by, and its --key */

	struct stage stage;
	struct retry *retry;         /* map and exec */
	struct collector *collector; /* exec */
	struct meter *meter;         /* these two: with --rate */
	struct gate *gate;
	struct keyed *keyed; /* --key of workers; NULL: none */
	struct tray *tray;   /* map and filter, without a key; or NULL */

	/* --to URL: its helper's lines begin so that are no answers; else "" */
	char prefix[CONTROL_PREFIX_SIZE];
	struct metrics_link *engine_link;

	struct health health;        /* map */
	const char *_Atomic rubbish; /* hint for the last bad answer */
	struct demand demand;        /* filter */
	/* how often EOF had to get answers out of a child's buffer */
	_Atomic uint64_t flushes;

	/* That children leave processes behind has been said. */
	_Atomic bool told_left_behind;
	/* The same of a child that the terminal has stopped. */
	_Atomic bool told_stopped;
	/* And of one that can't be killed. */
	_Atomic bool told_out_of_reach;
	/* That there is no /proc. */
	_Atomic bool told_no_proc;
	bool has_terminal; /* else nothing can stop a child in this way */
};

/* Whose shard of the metrics it is; the first worker has SHARD_WORKERS. */
enum { SHARD_SOURCE, SHARD_SINK, SHARD_RETRY, SHARD_RATE, SHARD_WORKERS };

struct processor check_processor(struct pfanout *);
struct processor map_processor(struct pfanout *);
struct processor exec_processor(struct pfanout *);
struct processor filter_processor(struct pfanout *);

/* Counts an attempt at a record that failed. */
void pfanout_count_attempt(struct record *);

/*
 * Lets the batch, which has failed before, wait for another attempt for so many
 * ns, as the failure says why.  False: there is no memory, and the batch is
 * still the caller's.
 */
bool pfanout_try_again(struct pfanout *, struct metrics_shard *, const struct batch *,
    const struct failure *, int64_t wait);

/* How long to wait before the attempt after so many failed ones, in ns. */
int64_t pfanout_wait(const struct pfanout *, uint32_t attempts, const struct failure *);

/*
 * An attempt at a single record failed.  Where -a allows another one the record
 * waits for that, and false is returned.  Otherwise it becomes its dead letter:
 * true, and the caller sends it on.
 */
bool pfanout_attempt_failed(
    struct pfanout *, struct metrics_shard *, struct record *, const struct failure *);

#endif
