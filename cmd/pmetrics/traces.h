#ifndef TRACES_H
#define TRACES_H

/*
 * All traces that were read, with what a list shows of each; and the spans of
 * those that are wanted.  There may be many traces: of the others no span is
 * kept.  One thread's; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/tree.h>

#include "spanview.h"

/* A stage in which a trace has spans; the first of them begins then. */
struct trace_stage {
	const char *name;
	int64_t begun;
};

/* Which span a text comes from: of these, the first that begins. */
struct trace_text {
	const char *text;
	int rank; /* the lower the better */
	int64_t begun;
};

struct trace {
	unsigned char id[CONTEXT_TRACE_ID];
	int64_t begun, ended;     /* calendar ns */
	bool failed;              /* a span has */
	bool only_runs;           /* it has only spans of runs of stages */
	struct trace_text reason; /* why; of a stage rather than of another */
	/*
	 * What it is about: with a line, the input that the first stage read;
	 * else the name of a span.
	 */
	struct trace_text about;
	uint64_t line;
	size_t stages;
	struct trace_stage *stage; /* in the order of their begins */
	size_t spans;

	bool wanted;
	size_t n, room;
	struct spanview *span;

	RB_ENTRY(trace) link;
};

struct traces;

/* NULL with errno ENOMEM. */
struct traces *traces_new(void);
void traces_free(struct traces *);

/* Adds a span to the summary of its trace.  -1 with errno ENOMEM. */
int traces_add(struct traces *, const struct spanview *);

/* Keeps a span of a trace that is wanted.  -1 with errno ENOMEM. */
int traces_keep(struct traces *, const struct spanview *);

/* Whether all spans of those that are wanted were kept. */
bool traces_are_complete(struct trace **list, size_t n);

/* Gives the spans up. */
void traces_drop_spans(struct trace **list, size_t n);

/*
 * The traces, the first to begin first.  The list is the set's, and valid until
 * a trace is added.  NULL with errno ENOMEM.
 */
struct trace **traces_list(struct traces *, size_t *n);

/*
 * Puts those that may be called slow first, the slowest first of all; returns
 * how many these are: without those of which there are only runs of stages,
 * unless there are no others.
 */
size_t traces_slowest(struct trace **list, size_t n);

/* "line 18 of access.ndjson", malloc'd; NULL without memory. */
char *traces_about(const struct trace *);

#endif
