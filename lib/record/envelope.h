#ifndef PCHAN_ENVELOPE_H
#define PCHAN_ENVELOPE_H

/*
 * Envelopes: the lines in which pchan wraps a record, pchan(5).
 *
 * A dead letter, {"pchan":"dead-letter/1",...}, carries a record that failed and says
 * why.  A retry envelope, {"pchan":"retry/1",...}, carries one that comes back for
 * another try.  The payload is the last member of either: `value` holds a JSON
 * text byte for byte (also white space around it), `text` a UTF-8 line that is not JSON, `base64`
 * anything else (payload.h).  Taking it out gives back the exact bytes.
 *
 * Nothing here knows of threads; all functions may be called by any.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "json/json.h"
#include "base/reason.h"

#define ENVELOPE_ID_SIZE 64 /* of an id, with its NUL */

enum envelope_kind {
	ENVELOPE_NONE, /* data */
	ENVELOPE_LETTER,
	ENVELOPE_RETRY,
};

/*
 * What a dead letter tells.  Members at their zero value are left out.  Of all texts, bytes that are
 * not UTF-8 become U+FFFD, and they are cut to what a reader has room for: stage and message to
 * 1 KiB, input to 4 KiB, log to its last 4 KiB.
 */
struct letter {
	const char *id;    /* NULL or "": a new one is made */
	const char *stage; /* not NULL */
	enum reason reason;
	const char *message; /* for people */
	uint64_t attempts;
	int64_t first_failed; /* calendar us; 0: the same as failed */
	int64_t failed;       /* calendar us */
	uint64_t replays;
	const char *input; /* its name, "-" for stdin; NULL: no input member at all */
	uint64_t line;     /* from 1 */
	uint64_t offset;   /* of the first byte; written whenever input is */
	uint64_t full_len; /* of a truncated payload's record; 0: not truncated */
	struct {
		bool known;    /* else no worker member */
		unsigned slot; /* from 1 */
		pid_t pid;
		bool exited; /* then exit says how */
		int exit;
		int signal;      /* 0: none */
		const char *log; /* the end of its stderr (member "stderr"), log_len bytes */
		size_t log_len;
	} worker;
	const char *payload; /* the record, without its LF */
	size_t payload_len;
};

/*
 * The letter as one line: *line is malloc'd, ends with an LF, has *len bytes with it.
 * -1 with errno ENOMEM.
 */
int envelope_letter(const struct letter *, char **line, size_t *len);

/* What an envelope says of the record's identity. */
struct envelope_id {
	char id[ENVELOPE_ID_SIZE];
	uint64_t replays;
	int64_t first_failed; /* calendar us, 0: not told */
};

/*
 * What the line is.  It counts as an envelope only if `pchan` is its first member and it is
 * whole: a JSON object with id (a string of 1 to 63 bytes, no NUL) and exactly one of value, text
 * and base64; a dead letter also with stage and reason, both strings.  Members are found by name;
 * others may have been added by a filter.  Quick for lines that begin in another way.
 */
enum envelope_kind envelope_kind(const char *line, size_t len);

/*
 * For a line of which envelope_kind() said it is an envelope.  What it does not tell, or
 * tells in a way that can't be understood, is 0.
 */
void envelope_identity(const char *line, size_t len, struct envelope_id *);

/* Members of a dead letter as they stand in its line; data is NULL where there is none. */
struct envelope_view {
	struct json_slice id, stage, reason, message, attempts, first_failed, failed, replays,
	    truncated;
};

void envelope_look(const char *line, size_t len, struct envelope_view *);

/* A member's value: a whole number of up to 18 digits; a time in calendar us.  0 if it is none. */
uint64_t envelope_number(const struct json_slice *);
int64_t envelope_time(const struct json_slice *);

/*
 * Its payload's exact bytes.  *payload points into the line if they stand there as they
 * are, and *owned is NULL; else they are decoded into *owned, which the caller
 * frees.  White space around a value is given back as long as no filter has moved it.  -1 with errno:
 * EINVAL (the base64 can't be decoded), ENOMEM.
 */
int envelope_payload(
    const char *line, size_t len, const char **payload, size_t *payload_len, char **owned);

/*
 * The retry envelope of a dead letter's record: malloc'd, ends with an LF.
 * replays is the number it shall say.  -1 with errno ENOMEM.
 */
int envelope_retry(
    const struct envelope_id *, const char *payload, size_t payload_len, char **line, size_t *len);

/*
 * Whether a line of which only the head has been read, at least its first member, may be
 * an envelope (so that a longer one is allowed).
 */
bool envelope_may_be(const char *head, size_t len);

#endif
