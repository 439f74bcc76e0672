#ifndef SPANVIEW_H
#define SPANVIEW_H

/*
 * One span as others see it: what is read of a line of OTLP/JSON
 * (trace/otlp.h), whoever wrote it.  Texts may have any characters: who shows
 * them tames them.  One thread's; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "trace/context.h"

enum spanview_kind {
	SPANVIEW_RECORD,  /* what a stage did with a record */
	SPANVIEW_RUN,     /* a run of a stage */
	SPANVIEW_FOREIGN, /* another program's */
};

struct spanview {
	unsigned char trace_id[CONTEXT_TRACE_ID];
	unsigned char span_id[CONTEXT_SPAN_ID];
	unsigned char parent[CONTEXT_SPAN_ID]; /* zero: none */
	enum spanview_kind kind;
	int64_t begun, ended; /* calendar ns; not the wrong way round */
	bool failed;          /* its status is error */

	/* Never NULL; they last as long as the json does. */
	const char *name;
	const char *service; /* service.name, or "" */
	const char *stage;   /* who did it: the stage, else the service */
	const char *reason;  /* error.type, or "" */
	const char *message; /* of the status, or "" */
	const char *result;  /* pchan.result, or "" */
	const char *input;   /* pchan.input, or "" */
	uint64_t line;       /* pchan.line; 0: none */

	json_t *json, *resource; /* the span; its resource, or NULL */
};

/* Zeroes: the span has no parent. */
bool spanview_has_parent(const struct spanview *);

/*
 * Calls fn with each span of a line, which is valid until fn returns.  Returns
 * 0; or -1 and *why, a text that is valid until the thread's next call, if the
 * line, or a part of it, is not OTLP, and its spans up to there were given.
 * *why is NULL, with errno, if memory was short or fn returned -1.  Metrics and
 * logs are OTLP, and have no spans.
 */
typedef int spanview_fn(const struct spanview *, void *arg);
int spanview_line(const char *text, size_t len, spanview_fn *fn, void *arg, const char **why);

/* Makes it last, and gives it up. */
void spanview_keep(struct spanview *);
void spanview_release(struct spanview *);

/*
 * The time of an event (or of anything else that has it) in calendar ns.
 * False: it has none.
 */
bool spanview_time(const json_t *object, const char *key, int64_t *ns);

/*
 * The value of an attribute of an event (or of anything else that has
 * attributes): of type stringValue, or "" ; of type intValue, or 0.
 */
const char *spanview_text(const json_t *object, const char *key);
uint64_t spanview_number(const json_t *object, const char *key);

/*
 * All attributes as members of an object: a new reference, or NULL without
 * memory.
 */
json_t *spanview_attributes(const json_t *object);

#endif
