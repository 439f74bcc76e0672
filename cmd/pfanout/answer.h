#ifndef ANSWER_H
#define ANSWER_H

/*
 * What a line that a worker of map mode printed means for the record that it
 * answers.  Pure: facts in, verdict out.
 */

#include <stdbool.h>
#include <stddef.h>

struct failure;
struct json_path;
struct record;

struct answer_rules {
	bool raw;                      /* -R: every line is a result */
	bool raw_input;                /* --raw-input: records may be no JSON */
	const struct json_path *match; /* --match; NULL: none */
};

enum answer {
	ANSWER_RESULT,
	ANSWER_DROP,   /* an empty line: the record is filtered */
	ANSWER_REJECT, /* "!message": the record failed, as the worker says */
	ANSWER_RETRY,  /* "?message", "?30s message": try again */
	ANSWER_BAD,    /* it is no answer: the child can't be kept */
};

/*
 * Judges the line.  If it is neither a result nor a drop, sets the failure's
 * reason and message and for ANSWER_RETRY the wait, and zeroes the rest of it.
 */
enum answer answer_judge(const struct answer_rules *, const struct record *input,
    const struct record *line, struct failure *);

/*
 * What the line asks for: ANSWER_REJECT or ANSWER_RETRY, with the failure set
 * as above; or ANSWER_BAD, with the failure as it was.
 */
enum answer answer_request(const char *line, size_t len, struct failure *);

/* Sets the failure to `bad_answer` with this message; returns ANSWER_BAD. */
enum answer answer_bad(struct failure *, const char *message);

#endif
