#ifndef PCHAN_STAGE_H
#define PCHAN_STAGE_H

/*
 * A stage is one running p-tool.  This is what its parts share: the options,
 * the contexts that end it step by step, the numbers, the budget, and how a
 * record fails.
 *
 * A stage ends in one of four ways, each stronger than the one before:
 *	the input ends, or `files` (of files) or `input` (of anything) is
 *	    cancelled: nothing more is read;
 *	`work` is cancelled: no more attempts, records leave as `cancelled`;
 *	`root` is cancelled: nothing can be written, all threads return at once;
 *	the third signal: see monitor.h.
 */

#include <stdbool.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/types.h>

#include "record/envelope.h"
#include "record/mark.h"
#include "record/record.h"
#include "stage/hint.h"
#include "metrics/link.h"
#include "metrics/metrics.h"
#include "metrics/statfile.h"
#include "stage/options.h"
#include "stage/share.h"
#include "sync/stopwatch.h"

#define STAGE_ERROR_SIZE 512
#define STAGE_MORE 16 /* errors after the first that are told */
/* bytes of records that a stage may hold, and again of answers; see budget.h */
#define STAGE_BYTES (4 << 20)

#define STAGE_NO_MARK UINT64_MAX

struct inputs;
struct tracing;

struct stage {
	const char *tool; /* "pfanout" */
	const char *name; /* the metrics' label */
	const struct options *opt;
	enum statfile_mode mode;
	size_t workers;
	struct ctx *root, *work, *input; /* work and input are below root */
	struct ctx *files;               /* below input; inputs.h */
	struct ctx *running;             /* below root: no signal has come */
	struct statfile *stat;           /* which the next two are in */
	struct metrics *metrics;
	struct metrics_shard *spans;        /* the tracer's */
	struct metrics_links *links;        /* of the inputs and outputs */
	char no_metrics[STATFILE_WHY_SIZE]; /* why nobody sees them; or "" */
	bool warn_metrics;                  /* the user wants them seen */
	struct tracing *tracing;            /* NULL: nothing is traced */
	char no_traces[STAGE_ERROR_SIZE];   /* why not, if the user wants it */
	struct budget *budget;
	bool keep_order;         /* -k: the sink writes in input order */
	struct deadfile *dead;   /* NULL: dead letters go in band */
	bool dead_failed;        /* it could not be written; set by the sink */
	bool collects;           /* dead letters that pass by go into it, too */
	bool has_filters;        /* -F: what became of a record is not known */
	bool has_rate;           /* it waits for credit: TIME_RATE counts */
	uint64_t max_failed;     /* stop when so many have failed; 0: never */
	_Atomic uint64_t failed; /* so far, without the cancelled ones */
	struct share share;      /* stop when more have; guarded by the lock */
	const char *max_share;   /* the limit of it, as it was given */

	/*
	 * Marks (record/mark.h): what is behind one comes again unless the mark
	 * goes on.  The first is known before it is sent: stage_lead().
	 */
	_Atomic uint64_t first_mark;    /* its seq; STAGE_NO_MARK: none */
	struct mark leader;             /* and what it says */
	_Atomic uint64_t marks, passed; /* read, or our own; sent on */
	_Atomic uint64_t torn;          /* last lines left out; see source.h */
	bool makes_marks;               /* a fault is before them */
	bool keeps_no_letters;          /* those in the output are for nobody */

	/*
	 * What a tool adds, called by the monitor with a line to fill; NULL:
	 * nothing.  reload is for SIGHUP, and leaves "" when there is nothing
	 * to report.  describe says where the records are, for -P.
	 */
	void (*reload)(void *state, char *line, size_t size);
	void (*describe)(void *state, char *line, size_t size);
	void *state;

	/*
	 * Called before the threads of the pipeline start: -1 with errno is for
	 * a thread that can't be started.  NULL: nothing.
	 */
	int (*begin)(void *arg);
	void *begin_arg;

	/*
	 * Called when all threads of the pipeline have returned, while signals
	 * still stop the stage and nobody watches stdout; NULL: nothing is left
	 * to be done.
	 */
	void (*finish)(void *arg);
	void *finish_arg;

	int64_t begun;            /* monotonic ns */
	struct stopwatch writing; /* while the sink or an output writes */
	unsigned writers;         /* how many of them do; guarded by the lock */
	/* Until then a child's end by a signal is not waited about. */
	_Atomic int64_t no_stop_before;
	struct inputs *inputs; /* what is read */
	/*
	 * Bytes left in pipes that were not read to their end, when all threads
	 * had returned.
	 */
	uint64_t unread;
	enum hint_kind look;        /* of the first input; set by the source */
	_Atomic(const char *) hint; /* about the workers; NULL: none */

	bool pipe_ignored; /* SIGPIPE was: EPIPE is an error like others */

	/*
	 * What ended it early, or could not be done (error is "" if that has
	 * been told already); after the first abort the status stays.  Guarded
	 * by the lock.
	 */
	pthread_mutex_t lock;
	int status;   /* 0: nothing did */
	bool aborted; /* not only stage_fault() was called */
	/* Read without the lock: stdout's reader is gone, die of SIGPIPE. */
	_Atomic bool hung_up;
	char error[STAGE_ERROR_SIZE];
	unsigned more_errors;
	char more[STAGE_MORE][STAGE_ERROR_SIZE];
};

/* How an attempt failed: what the dead letter says besides the record. */
struct failure {
	enum reason reason;
	char message[256];
	int64_t wait;  /* no other attempt before, in ns from now */
	bool half;     /* the record is the head of a line, not all of it */
	unsigned slot; /* the worker's, from 1; 0: no worker was involved */
	pid_t pid;     /* of its child */
	bool exited;
	int wait_status; /* as waitpid(2) gives it, if exited */
	const char *log; /* the end of the child's stderr; the caller's */
	size_t log_len;
	const char *out; /* what the attempt printed on stdout; likewise */
	size_t out_len;
	/*
	 * The records that the child had since then, if more than this one, and
	 * the lines of the first and the last of them.
	 */
	uint64_t shared, shared_first, shared_last;
};

/* What a stage is made of. */
struct stage_setup {
	const char *tool, *name;
	const struct options *opt;
	enum statfile_mode mode;
	size_t workers;     /* in its middle */
	size_t shards;      /* of numbers; there is one more for traces */
	size_t max_records; /* held at a time; see budget.h */
	size_t max_bytes;   /* of each span; 0: STAGE_BYTES */
	bool keep_order;    /* -k */
	bool engines;       /* inputs or outputs are engines */
	/* What to read, the stage's from now on.  NULL: standard input. */
	struct inputs *inputs;
};

/*
 * How many records a stage with one worker, which keeps the order by itself,
 * may hold: some buffers full of them, for the channels and the worker.
 */
size_t stage_max_records(const struct options *);

/*
 * Sets the stage up: contexts, numbers, budget, dead-letter file.  What the
 * setup points to must outlive the stage.  -1: st->error says why; stage_free()
 * it in either case.
 */
int stage_init(struct stage *, const struct stage_setup *);

/* Frees what the stage holds; no thread may use it any more. */
void stage_free(struct stage *);

/*
 * Ends the run with this exit status and message, unless something else has
 * ended it before: nothing more is read or tried, and records that are held
 * leave as `cancelled`.  Any thread.
 */
void stage_abort(struct stage *, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The same, but the message is told even if something else has ended the run
 * before.  Any thread.
 */
void stage_abort_always(struct stage *, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Part of the work can't be done (an input that fails, an output that is full):
 * the message is told at the end, and the exit status is at least this one.
 * The stage goes on.  Any thread.
 */
void stage_fault(struct stage *, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The same for what has been told already: the exit status is at least this
 * one.  Any thread.
 */
void stage_set_status(struct stage *, int status);

/*
 * The caller begins to write, or has written: the sink, or an output.  While
 * one of them writes, their reader may keep the stage waiting, and no grace
 * runs.  Any thread.
 */
void stage_begin_writing(struct stage *);
void stage_end_writing(struct stage *);

/*
 * Ends the run like stage_abort_always(), and nothing can be written any more:
 * all threads return.  Any thread.
 */
void stage_give_up(struct stage *, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The reader of stdout went away: stop quietly.  Any thread. */
void stage_hang_up(struct stage *);

/*
 * The threads have returned: counts the records that no thread has counted as
 * unwritten.
 */
void stage_settle(struct stage *);

/*
 * Keeps what there is to say about the workers for the end of the run: a
 * constant text, or NULL for nothing.  The first one stays.  Any thread.
 */
void stage_hint(struct stage *, const char *text);

/* The link of standard output. */
struct metrics_link *stage_output(struct stage *);

/*
 * This mark has been read, or made, and has its seq: the first one is kept.  By
 * the source, one thread at a time.
 */
void stage_lead(struct stage *, const struct record *mark);

/* Whether there are marks among what the stage has read.  Any thread. */
static inline bool
stage_is_marked(const struct stage *st)
{
	return atomic_load_explicit(&st->first_mark, memory_order_acquire) != STAGE_NO_MARK;
}

/*
 * Whether something went wrong that is no record's failure: from now on no mark
 * goes on.  Any thread.
 */
bool stage_has_failed(struct stage *);

/* Whether no more attempts are to be made.  Any thread. */
bool stage_is_cancelled(const struct stage *);

/*
 * Whether the stop of this stage has ended a child that ended like this
 * (waitpid(2)): systemd, for one, signals all processes of a service.  If it
 * ended of such a signal and none has come to us, waits for ours for a moment,
 * 100 ms.  Any thread.
 */
bool stage_stop_ended(struct stage *, int wait_status);

/*
 * The following turn a record into what the sink writes for it, in place: its
 * seq and what is reserved for it stay.  By the thread that has the record.
 */

/*
 * Turns it into its dead letter, of which the sink writes or keeps one line.
 * If memory is short, the stage gives up and the record is dropped.
 */
void stage_bury(struct stage *, struct record *, const struct failure *);

/* The same for a record that is held when work is cancelled. */
void stage_bury_cancelled(struct stage *, struct record *);

/*
 * The same for what has been read of a line when reading ends inside it.  The
 * letter says that its payload is only the head of a record.
 */
void stage_bury_half(struct stage *, struct record *);

/*
 * Whether the record is fit for a worker: not too long and, without -R, JSON.
 * If it is not, it has become its dead letter; if it is, and is to be traced,
 * it has its span from now on (traced.h), and other bytes.
 */
bool stage_check(struct stage *, struct record *);

/* Whether stage_check() would let such a record pass as it is, untraced. */
bool stage_is_sound(const struct stage *, const char *line, size_t len);

/*
 * How many of the run's first records pass stage_check() as they are, and the
 * bytes of their lines, with LFs; if they are traced, none of them is.
 */
uint64_t stage_check_run(struct stage *, const struct record *run, size_t *bytes);

/*
 * Takes off those records, as a run; or if there are none, or work is
 * cancelled, the first record, which is not checked.  *checked says which.
 * False: nothing is left.
 */
bool stage_take_checked(struct stage *, struct record *run, struct record *front, bool *checked);

/* The same as stage_succeeded(), and of failures; only with a share. */
void stage_count_share(struct stage *, enum share_step, uint64_t n, uint64_t failed);

/*
 * So many records that were checked have ended well, for --max-failed P%: where
 * a worker or an output is done with them, before the sink has them.  Any
 * thread.
 */
static inline void
stage_succeeded(struct stage *st, uint64_t n)
{
	if (st->share.most != 0)
		stage_count_share(st, SHARE_ENDED, n, 0);
}

/*
 * Turns it into its result, a line or lines.  Takes over the answer's bytes;
 * they count in the budget from now on.
 */
void stage_answer(
    struct stage *, struct record *input, const struct record *answer, enum record_kind);

/*
 * Turns it into one whose result is among the lines of another record, a
 * RECORD_LINES: it succeeds with these, or is unwritten with them.
 */
void stage_share(struct record *, struct record *lines);

/* Turns it into one that was filtered: nothing is written for it. */
void stage_drop(struct record *);

#endif
