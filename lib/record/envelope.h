#ifndef PCHAN_ENVELOPE_H
#define PCHAN_ENVELOPE_H

/*
 * Envelopes: the lines in which pchan wraps a record, pchan-formats(5).
 *
 * A dead letter, {"pchan":"dead-letter/1",...}, carries a record that failed,
 * and says why.  A retry envelope, {"pchan":"retry/1",...}, carries a record
 * that comes back for another try.  The payload is the last member of either:
 * `value` holds a JSON text byte for byte, including white space around it;
 * `text` a UTF-8 line that is not JSON; `base64` anything else (payload.h).
 * Taking the payload out gives back the exact bytes.
 *
 * Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/reason.h"
#include "json/json.h"

#define ENVELOPE_ID_SIZE 64 /* an id with its NUL */

enum envelope_kind {
	ENVELOPE_NONE, /* data */
	ENVELOPE_LETTER,
	ENVELOPE_RETRY,
};

/*
 * What a dead letter says.  Members at their zero value are left out.  In all
 * texts bytes that are not UTF-8 become U+FFFD.  Texts are cut so that readers
 * have room for them: stage and message to 1 KiB, input to 4 KiB, log to its
 * last 4 KiB, out to its first and its last 2 KiB.
 */
struct letter {
	const char *id;    /* NULL or "": a new id is made */
	const char *stage; /* not NULL */
	enum reason reason;
	const char *message; /* for people */
	uint64_t attempts;
	int64_t first_failed; /* calendar us; 0: the same as failed */
	int64_t failed;       /* calendar us */
	uint64_t replays;
	const char *input; /* its name, "-" for stdin; NULL: no input member */
	uint64_t line;     /* from 1 */
	uint64_t offset;   /* of the first byte; written whenever input is */
	bool truncated;    /* the payload is only the head of the record */
	uint64_t full_len; /* the length of a truncated record; 0: not known */
	struct {
		bool known;    /* else no worker member */
		unsigned slot; /* from 1 */
		pid_t pid;
		bool exited; /* then exit holds its status */
		int exit;
		int signal; /* 0: none */
		/* The end of its stderr (member "stderr"). */
		const char *log;
		size_t log_len;
		/* What its attempt printed on stdout (member "stdout"). */
		const char *out;
		size_t out_len;
		/*
		 * The records that both may be about, if more than one (member
		 * "shared"), and the lines of the first and the last of them.
		 */
		uint64_t shared, shared_first, shared_last;
	} worker;
	const char *payload; /* the record, without its LF */
	size_t payload_len;
};

/* All of a letter but its payload is shorter than this. */
#define ENVELOPE_ROOM (96 * 1024)

/*
 * Writes the letter as one line.  *line is malloc'd and the caller's; it ends
 * with an LF, which *len includes.  -1 with errno ENOMEM.
 */
int envelope_letter(const struct letter *, char **line, size_t *len);

/* The identity that an envelope gives its record. */
struct envelope_id {
	char id[ENVELOPE_ID_SIZE];
	uint64_t replays;
	int64_t first_failed; /* calendar us; 0: not known */
};

/*
 * Whether the first bytes of a line tell that it is data: something else than
 * an object, or one whose first name no envelope begins with.
 */
static inline bool
envelope_is_unlikely(const char *line, size_t len)
{
	unsigned char first = len > 2 ? (unsigned char)line[0] : 0;

	if (first != '{')
		return first > ' ';
	return line[1] == '"' && (unsigned char)line[2] > 'f' && line[2] != 'p';
}

/* What a line is whose first bytes don't tell: for envelope_kind(). */
enum envelope_kind envelope_kind_of(const char *line, size_t len);

/*
 * What the line is.  An envelope has `pchan` as its first member, or all its
 * members sorted by name, and is whole: a JSON object with an id (a string of 1
 * to 63 bytes, no NUL) and exactly one of value, text and base64; a dead letter
 * has a stage and a reason too, both of them strings.  Anything else is data.
 * Members are found by name, as a filter can have added others.  Quick for
 * lines that do not begin like an envelope.
 */
static inline enum envelope_kind
envelope_kind(const char *line, size_t len)
{
	return envelope_is_unlikely(line, len) ? ENVELOPE_NONE : envelope_kind_of(line, len);
}

/*
 * The same, but `pchan` may be anywhere: for files of envelopes.  Checks every
 * line.
 */
enum envelope_kind envelope_kind_anywhere(const char *line, size_t len);

/*
 * Reads the identity from a line that envelope_kind() calls an envelope.  What
 * is missing or cannot be understood is 0.
 */
void envelope_identity(const char *line, size_t len, struct envelope_id *);

/*
 * Members of a dead letter as they stand in its line; data is NULL where there
 * is no such member.
 */
struct envelope_view {
	struct json_slice id, stage, reason, message, attempts, first_failed, failed, replays,
	    truncated;
};

void envelope_look(const char *line, size_t len, struct envelope_view *);

/*
 * A member's value as a whole number of up to 18 digits, and as a time in
 * calendar us.  0 if the value is something else.
 */
uint64_t envelope_number(const struct json_slice *);
int64_t envelope_time(const struct json_slice *);

/*
 * Takes out the payload's exact bytes.  If they stand in the line as they are,
 * *payload points into it and *owned is NULL; else *payload is *owned, which
 * the caller frees.  White space around a value is included, unless a filter
 * has moved it.  -1 with errno: EINVAL (the payload cannot be decoded), ENOMEM.
 */
int envelope_payload(
    const char *line, size_t len, const char **payload, size_t *payload_len, char **owned);

/*
 * Writes the retry envelope of a dead letter's record, with the replays that
 * the id says.  *line is malloc'd and the caller's; it ends with an LF, which
 * *len includes.  -1 with errno ENOMEM.
 */
int envelope_retry(
    const struct envelope_id *, const char *payload, size_t payload_len, char **line, size_t *len);

/*
 * Whether a line can be an envelope, as far as its head says, which holds at
 * least the first member.  (Envelopes may be longer than records.)
 */
bool envelope_may_be(const char *head, size_t len);

#endif
