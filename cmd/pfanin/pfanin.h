#ifndef PFANIN_H
#define PFANIN_H

/* One run of pfanin: what its command line asks for, and its stage. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stage/options.h"
#include "stage/stage.h"

struct engines;
struct follow;
struct inputs;
struct json_path;
struct resume;

/* Whose shard of the numbers it is; those of the source are the last. */
enum { SHARD_SINK, SHARD_TAG, SHARD_SOURCE };

/* In which order records of several inputs go on. */
enum order { ORDER_ARRIVAL, ORDER_ROUND_ROBIN, ORDER_CONCAT, ORDER_MERGE };

struct pfanin {
	struct stage stage;

	/* What the command line says. */
	struct options opt;
	bool round_robin, concat;
	struct json_path *merge; /* NULL: no --merge */
	enum order order;
	int64_t idle_timeout; /* ns; CLOCK_NEVER: none */
	const char *tag;      /* NULL: none */
	bool keep_open;
	bool follow_files, from_end;
	const char *state; /* --state FILE; NULL: none */
	uint64_t window;   /* 0: not given */
	char **operands;

	struct follow *follow;   /* NULL: no --follow */
	struct resume *resume;   /* NULL: no --state */
	struct inputs *inputs;   /* the stage's, once that is set up */
	struct engines *engines; /* the inputs that are URLs */
};

#endif
