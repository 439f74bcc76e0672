#ifndef MODEL_H
#define MODEL_H

/*
 * What there is to see of a pipeline at one moment: its parts in the order of
 * the graph, what joins them, and how they did over a window of some seconds.
 * The verdict, the screen, the page and the JSON are made of this, and of
 * nothing else.
 *
 * Fractions are of the window's time, from 0 to 1.  What is not known is NAN.
 * Names are tamed: they have no control bytes and are valid UTF-8.
 */

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "metrics/look.h"

#define MODEL_NAME_SIZE 128
#define MODEL_TEXT_SIZE 256
#define MODEL_HISTORY 60 /* seconds */

enum part_kind {
	PART_STAGE,   /* one of ours */
	PART_PROGRAM, /* a foreign program, at the other end of a pipe */
	PART_UNSEEN,  /* one that we are not allowed to see */
	PART_FILE,    /* a file, a terminal, a device */
	PART_ENGINE,  /* a log, a queue, a service, a table: pchan-engines(7) */
};

struct part {
	enum part_kind kind;
	char name[MODEL_NAME_SIZE]; /* of the stage; "gzip -9"; "a.ndjson" */
	pid_t pid;                  /* 0: none */

	/* Of a stage; of others zero, or NAN. */
	const struct look_stage *stage; /* its totals; as the model */
	bool pool;                      /* TIME_BUSY is known */
	bool ended;                     /* not long ago */
	enum statfile_exit how;
	double up;                             /* s, until now or its end */
	double input, output, own, rate, busy; /* fractions */
	double halted;                         /* by a Ctrl-Z; a fraction */
	unsigned workers, busy_workers;
	double in, out;             /* records a second */
	double results;             /* records whose end came, a second */
	double bytes_in, bytes_out; /* a second */
	double retries, restarts;   /* a second */
	double mean, p50, p99;      /* s, of the attempts that ended */
	double oldest;              /* s; age of the oldest attempt */
	double limit;               /* its rate: a second */
	bool by_bytes;              /* it limits bytes */
	uint64_t held, held_before; /* now; when the window began */
	unsigned n_history;         /* records out a second, oldest first */
	float history[MODEL_HISTORY];

	double cpu;     /* of a program: processors that it uses; else NAN */
	bool has_input; /* of a program: it reads a pipe that we know */

	/* Of an engine; what its helper has said. */
	double lag, unacknowledged;      /* records */
	const struct look_stage *teller; /* the stage of the helper, and ... */
	unsigned link;                   /* ... its link to the engine */
};

/* A part of which only the kind is known. */
static inline struct part
part_unknown(enum part_kind kind)
{
	return (struct part){.kind = kind,
	    .up = NAN,
	    .input = NAN,
	    .output = NAN,
	    .own = NAN,
	    .rate = NAN,
	    .busy = NAN,
	    .mean = NAN,
	    .p50 = NAN,
	    .p99 = NAN,
	    .oldest = NAN,
	    .limit = NAN,
	    .cpu = NAN,
	    .lag = NAN,
	    .unacknowledged = NAN};
}

/* A pipe, FIFO or file between two parts. */
struct edge {
	size_t from, to;           /* indexes of parts */
	char name[LINK_NAME_SIZE]; /* of a FIFO or a file; "" */
	/*
	 * How long `from` waited to write to it, and `to` to read from it;
	 * NAN: that one is no stage.
	 */
	double out_wait, in_wait;
};

enum verdict_kind {
	VERDICT_MEASURING,   /* less than 3 s of data */
	VERDICT_ENDED,       /* all stages have ended */
	VERDICT_BALANCED,    /* no part holds up the others */
	VERDICT_POOL,        /* the workers of a pool are busy */
	VERDICT_WORK,        /* the stage's own work */
	VERDICT_ORDER,       /* one slow record holds up the others (-k) */
	VERDICT_SILENT,      /* attempts, and no result in the window */
	VERDICT_RATE,        /* a limiter or a pool, on purpose */
	VERDICT_PROGRAM,     /* a foreign program */
	VERDICT_KEEPS_UP,    /* the pipeline waits for its source */
	VERDICT_CATCHING_UP, /* the source is idle, the backlog shrinks */
};

#define VERDICT_MORE 3

struct verdict {
	enum verdict_kind kind;
	size_t part;    /* the one that is named */
	double score;   /* 0..1 */
	bool mostly;    /* below 0.7: it is only mostly the one */
	double more;    /* -j that would help; 0: none would */
	double seconds; /* CATCHING_UP: until it is done */
	double left;    /* CATCHING_UP: records */
	/* Neighbours of a foreign program: it may be any of them. */
	size_t n_beside, beside[VERDICT_MORE];
	/* Parts on other branches that hold up theirs. */
	size_t n_also, also[VERDICT_MORE];
	/* In the last minute, or before the end, it was mostly this part. */
	bool changed;
	size_t earlier;
};

struct model {
	char name[MODEL_NAME_SIZE]; /* $PCHAN_PIPELINE, or the stages' names */
	double up;                  /* s, of the stage that began first */
	double seconds;             /* of data in the window */
	double cpus, cpu_idle;      /* processors; the fraction that is idle */
	size_t n;
	struct part *part; /* in the order of the graph, sources first */
	size_t n_edges;
	struct edge *edge;
	struct verdict verdict;
	char text[MODEL_TEXT_SIZE]; /* the verdict in words */
};

/* All pipelines of one look. */
struct view {
	int64_t calendar; /* us, when it was taken */
	double window;    /* s, as -w says */
	size_t n;
	struct model *pipeline;     /* live ones first, by name and age */
	size_t live, dead, skipped; /* stat files */
};

#endif
