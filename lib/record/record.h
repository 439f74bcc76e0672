#ifndef PCHAN_RECORD_H
#define PCHAN_RECORD_H

/*
 * A record is one line on its way through a stage: a view into a slab, the block
 * of memory that one or more read(2) calls filled.  Slabs are reference counted,
 * one reference per record, so a line goes from stdin to writev(2) without being
 * copied, and neighbours go out as one iovec.
 *
 * A record is a plain value: copying it moves it.  Whoever holds it last calls
 * record_free().
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct origin;

struct slab {
	_Atomic size_t refs;
	size_t size; /* of data */
	char data[];
};

#define SLAB_SIZE (128 * 1024) /* the usual one; these are recycled */

/* What a record is to the sink at the end of its stage. */
enum record_kind {
	RECORD_DATA,   /* input; or a result of one line */
	RECORD_LINES,  /* a result of any number of lines, none if slab is NULL */
	RECORD_LETTER, /* a dead letter that came in and passes by */
	RECORD_DEAD,   /* a dead letter made here */
	RECORD_DROP,   /* filtered: nothing to write, but a place in the order */
	RECORD_EXTRA,  /* lines nobody asked for (a filter's): written, stand for no input */
};

struct record {
	char *data;            /* data[len] is an LF */
	size_t len;            /* bytes, without that LF */
	struct slab *slab;     /* holds data; NULL if there is none (RECORD_DROP) */
	uint64_t seq;          /* place among the records read, from 0; -k orders by it */
	uint64_t line;         /* in its input, from 1 */
	uint64_t offset;       /* of its first byte in its input */
	int64_t queued;        /* when it entered the channel, monotonic ns */
	size_t charge;         /* bytes the ledger has reserved for it */
	struct origin *origin; /* who it was before (retry, trace); NULL: nobody */
	union {
		uint64_t full_len;    /* no attempt yet: if too long its real length, of which
				       * data has the head; else 0 */
		int64_t first_failed; /* attempts made: calendar us of the first that failed */
		uint64_t lines;       /* RECORD_LINES, RECORD_EXTRA: how many they are */
	};
	uint32_t attempts; /* made so far */
	uint8_t reason;    /* enum reason, of a RECORD_DEAD */
	uint8_t kind;      /* enum record_kind */
	bool taken;        /* a worker took it through the gate */
	bool gated;        /* its bytes keep the gate from opening */
};

/*
 * What few records have, so it lives apart: the identity a retry envelope brought,
 * and the trace context (W3C Trace Context) it travels with.
 */
struct origin {
	char id[64]; /* "" if it brought none */
	uint64_t replays;
	int64_t first_failed;                     /* calendar us, 0 if it brought none */
	unsigned char trace_id[16], parent_id[8]; /* zero: no context */
	unsigned char trace_flags;
};

/* A slab of SLAB_SIZE or more with `refs` references.  NULL with errno ENOMEM. */
struct slab *slab_new(size_t size, size_t refs);

/* Gives up n references; the last one frees it. */
void slab_release(struct slab *, size_t n);

/* A record with a copy of these bytes in a slab of its own size; everything else 0.  -1: ENOMEM. */
int record_copy(struct record *, const char *data, size_t len);

/* How many lines there are in its data. */
uint64_t record_lines(const struct record *);

/*
 * Moves the record's bytes out of a slab that is much larger, for a record that is held
 * for long (a retry, a slow worker).  On ENOMEM it stays where it is.
 */
void record_detach(struct record *);

/* Gives up the bytes and the origin; the rest of *r stays. */
void record_free(struct record *);

/* The same for n records; neighbours in one slab cost one operation. */
void record_freen(struct record *, size_t n);

#endif
