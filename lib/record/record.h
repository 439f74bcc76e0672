#ifndef PCHAN_RECORD_H
#define PCHAN_RECORD_H

/*
 * A record is one line on its way through a stage: a view into a slab, the
 * block of memory that one or more read(2) calls filled.  Slabs are reference
 * counted, one reference per record.  So a line goes from stdin to writev(2)
 * without being copied, and neighbours go out as one iovec.
 *
 * A record is a plain value: copying it moves it.  Its last holder calls
 * record_free().  A record belongs to one thread at a time; slabs are shared,
 * and the slab functions can be called by any thread.  Nothing blocks.
 *
 * A run is a record that stands for several, neighbours in their input, so that
 * what nobody has to look at one by one is moved, counted and written at the
 * price of one.  Each line of its data is a record of its own: its seq and line
 * count on from the run's.  When something happens to one of them it is split
 * off.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/origin.h"

struct slab {
	_Atomic size_t refs;
	size_t size; /* bytes of data */
	char data[];
};

#define SLAB_SIZE (128 * 1024) /* the usual size; slabs of it are recycled */

/* What a record means to the sink at the end of its stage. */
enum record_kind {
	RECORD_DATA,   /* input; or a result of one line */
	RECORD_RUN,    /* several records of the input that go on together */
	RECORD_LINES,  /* a result: any number of lines, none if slab is NULL */
	RECORD_SHARED, /* its result is among the lines of another record */
	RECORD_LETTER, /* another stage's dead letter: passes by */
	RECORD_DEAD,   /* a dead letter of this stage */
	RECORD_DROP,   /* filtered: has its place in the order, but no bytes */
	RECORD_EXTRA,  /* a filter's lines that stand for no input: written */
	RECORD_MARK,   /* mark.h: passes by when all before it has ended */
	/* What a worker has taken before this seq has ended; -F, no record. */
	RECORD_ENDED,
};

struct record {
	char *data;        /* data[len] is an LF */
	size_t len;        /* bytes, without that LF */
	struct slab *slab; /* holds data, or NULL (RECORD_DROP); see origin */
	const char *input; /* the name of its input; NULL: none */
	union {
		uint64_t seq; /* place in the order of the input, from 0 */
		/* Until the source sends it: where its line ends. */
		uint64_t end;
	};
	uint64_t line;   /* in its input, from 1 */
	uint64_t offset; /* of its first byte in its input */
	union {
		/* Monotonic ns. */
		int64_t came;  /* before a worker has it: read from the input */
		int64_t given; /* while a worker has it: given to its child */
		/* RECORD_LINES: the number of records whose result they are. */
		uint64_t results;
		uint64_t worker; /* RECORD_ENDED: which, from 0 */
	};
	/*
	 * Bytes the budget has reserved for it; 0: it was not read, as a
	 * filter's lines or a mark of our own.
	 */
	size_t reserved;
	/*
	 * What only few have; NULL: this one has not.  Data may be its bytes.
	 */
	struct origin *origin;
	union {
		/*
		 * Before the first attempt: the real length of a record that is
		 * too long, and of which data has the head; else 0.
		 */
		uint64_t full_len;
		/* After an attempt: when the first one failed, calendar us. */
		int64_t first_failed;
		/* RECORD_RUN, _LINES, _EXTRA: the number of lines. */
		uint64_t lines;
	};
	uint32_t attempts; /* attempts made so far */
	union {
		/*
		 * Before it is checked: unless it carries a trace context, a
		 * trace begins with it.
		 */
		bool chosen;
		uint8_t reason; /* enum reason, of a RECORD_DEAD */
	};
	uint8_t kind;  /* enum record_kind */
	bool begun;    /* counted by budget_begin() */
	bool answered; /* its bytes are counted by budget_answer() */
};

/* A slab of SLAB_SIZE or more with refs references.  NULL with errno ENOMEM. */
struct slab *slab_new(size_t size, size_t refs);

/* The same, of just that size, for bytes that stay for a long time. */
struct slab *slab_new_exact(size_t size, size_t refs);

/* Gives up n references; the slab is freed with the last one. */
void slab_release(struct slab *, size_t n);

/*
 * Makes a record with a copy of these bytes, and an LF after them, in a slab of
 * just that size; all other fields are 0.  -1 with errno ENOMEM.
 */
int record_copy(struct record *, const char *data, size_t len);

/* The number of lines in the record's data. */
uint64_t record_lines(const struct record *);

/* How many lines are whole in its first `bytes` bytes, and how long. */
uint64_t record_whole_lines(const struct record *, size_t bytes, size_t *whole);

/* How many records of the input it stands for. */
static inline uint64_t
record_count(const struct record *r)
{
	return r->kind == RECORD_RUN ? r->lines : 1;
}

/* The same for n of them. */
uint64_t record_counts(const struct record *, size_t n);

/* What is to be reserved for n records, whose lines have so many bytes. */
static inline size_t
record_weight(uint64_t n, size_t bytes)
{
	return bytes - n + n * sizeof(struct record);
}

/* The bytes of the first n lines of a run, with their LFs. */
size_t record_run_bytes(const struct record *run, uint64_t n);

/*
 * Takes the first n records of a run off, whose lines have so many bytes, with
 * LFs.  One record alone is no run any more.  False: they were all there were,
 * and nothing is left.
 */
bool record_take(struct record *run, uint64_t n, size_t bytes, struct record *front);

/* Takes the first one off; of what is no run, all. */
bool record_take_one(struct record *run, struct record *front);

/*
 * Takes up to max records off, alone, and returns how many; then the run has
 * those left that it has more.  Cheaper than one by one.
 */
size_t record_spread(struct record *run, struct record *out, size_t max);

/*
 * Moves the record's bytes out of a slab that is much larger, for a record that
 * is held for a long time (a retry, a slow worker).  Without memory for the
 * copy the record stays where it is.
 */
void record_detach(struct record *);

/* Whether the record came in a retry envelope. */
static inline bool
record_is_retry(const struct record *r)
{
	return r->origin != NULL && r->origin->enveloped;
}

/* The span of a record that is traced, or NULL. */
static inline struct span *
record_span(const struct record *r)
{
	return r->origin != NULL && r->origin->is_traced ? &r->origin->span : NULL;
}

/* The record's origin, made if it has none.  NULL with errno ENOMEM. */
struct origin *record_need_origin(struct record *);

/* The record gets an empty span.  NULL with errno ENOMEM. */
struct span *record_add_span(struct record *);

/* The record, which has a span, and bytes of its own, has none any more. */
void record_drop_span(struct record *);

/* The span, which there is, becomes the caller's; the record has none then. */
void record_take_span(struct record *, struct span *);

/*
 * The record gets other bytes, those of a result or a letter, or none: gives up
 * its bytes and its identity; the span and all other fields stay.
 */
void record_empty(struct record *);

/* Gives up the record's bytes and origin; its other fields stay. */
void record_free(struct record *);

/*
 * The same for n records; neighbours in one slab cost a single atomic
 * operation.
 */
void record_freen(struct record *, size_t n);

#endif
