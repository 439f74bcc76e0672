#ifndef PCHAN_HINT_H
#define PCHAN_HINT_H

/*
 * What common mistakes look like, and what to do about them.  Pure.  The texts
 * are constant.
 */

#include <stdbool.h>
#include <stddef.h>

/* What an input is, as far as its first line can tell; blank lines aside. */
enum hint_kind {
	LOOK_RECORDS, /* nothing speaks against it */
	LOOK_ARRAY,   /* [{...: if no other line follows, one record */
	LOOK_ARRAY_LINES,
	LOOK_PRETTY, /* an object over several lines */
	LOOK_SEPARATORS,
	LOOK_UTF16,
	LOOK_GZIP,
	LOOK_ZSTD,
	LOOK_XZ,
	LOOK_BZIP2,
	LOOK_COMPRESSED = LOOK_GZIP, /* it and those that follow */
};

/* Looks at the first line of an input, without its LF. */
enum hint_kind hint_look(const char *line, size_t len);

/*
 * Names what the input is, and the command that makes records of it.  NULL for
 * LOOK_RECORDS.
 */
const char *hint_for_input(enum hint_kind);

/*
 * The same for the line of a worker that is no answer.  NULL: it shows nothing.
 */
const char *hint_for_answer(const char *line, size_t len);

/* The same where not one answer is JSON, of which this is one. */
const char *hint_for_rubbish(const char *line, size_t len);

/*
 * The same for what a worker said on stderr before it ended without an answer.
 * NULL: it shows nothing.
 */
const char *hint_for_log(const char *log, size_t len);

/* The same for a command that was not found. */
const char *hint_for_command(const char *command);

/*
 * What makes a command write each answer at once.  asked: --unbuffered has been
 * tried.
 */
const char *hint_for_buffering(const char *command, bool asked);

#endif
