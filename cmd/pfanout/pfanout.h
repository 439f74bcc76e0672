#ifndef PFANOUT_H
#define PFANOUT_H

/* What pfanout's parts share: the command line, and what the workers have in common. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stage/stage.h"

enum mode {
	MODE_CHECK, /* no command */
	MODE_MAP,
	MODE_EXEC,   /* -x */
	MODE_FILTER, /* -F */
};

struct json_path;
struct processor;
struct retry;
struct template;

struct pfanout {
	struct options opt;
	bool exec, filter; /* -x, -F */
	enum mode mode;
	unsigned jobs;       /* -j */
	unsigned processors; /* of the machine, that we may use */
	bool keep_order;     /* -k */
	int64_t timeout;     /* -t, ns; CLOCK_NEVER: none */
	uint32_t attempts;   /* -a */
	int64_t backoff_first, backoff_most;
	bool backoff_given;
	size_t window;           /* --window; 0: it adapts */
	struct json_path *match; /* --match; NULL: none */
	uint64_t max_failed;     /* --max-failed; 0: none */
	char **argv;             /* the command */
	char *path;              /* where it is; NULL for exec if its name depends on the record */
	struct template *template; /* exec: argv with its {} */

	struct stage stage;
	struct retry *retry; /* map and exec */

	/* How the children fare, all workers together. */
	_Atomic bool answered;   /* one has answered, ever */
	_Atomic unsigned deaths; /* in a row since the last answer */
};

/* A worker's shard of the numbers: 0 is the source's, 1 the sink's, 2 the retries'. */
enum { SHARD_SOURCE, SHARD_SINK, SHARD_RETRY, SHARD_WORKERS };

struct processor check_processor(struct pfanout *);
struct processor map_processor(struct pfanout *);
struct processor exec_processor(struct pfanout *);
struct processor filter_processor(struct pfanout *);

/*
 * An attempt at a record failed.  Depending on -a it waits for the next one, or it becomes its dead
 * letter: then true, and the caller sends it on.
 */
bool pfanout_attempt_failed(
    struct pfanout *, struct metrics_shard *, struct record *, const struct failure *);

#endif
