#ifndef PCHAN_LOG_H
#define PCHAN_LOG_H

/*
 * The process' standard error: messages, what workers' children write to
 * theirs, and the progress line.  All of it comes out in whole lines.
 *
 * Whoever reads our standard error may be slow, or may not read at all; that
 * must hold up nothing that decides.  So a thread of its own writes, and no
 * function but log_stop() waits.  With 256 KiB the log is full: who can leave
 * text where it comes from does that, so that a slow reader only slows the
 * children down.  There are 256 KiB more for text that cannot be left, and
 * 16 KiB for messages.  What does not fit is dropped, and the log says how
 * much.
 *
 * There is one log, as there is one standard error.  Before log_start() and
 * after log_stop() all functions write at once, and block as write(2) does.
 * Any thread may call them, except those two.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One that writes text in pieces.  All zero at first; one thread uses it.  It
 * owns the text of an unfinished line until log_leave().
 */
struct log_writer {
	char *held;
	size_t len;
};

/*
 * Starts the thread; block the signals first.  With `hold`, an unfinished line
 * is kept back until it is finished, has 64 KiB, or its writer leaves, so that
 * no other line can come in between.  Without, for a single writer, it is
 * passed on at once.  Either way it gets its LF when another writer follows.
 * -1 with errno.
 */
int log_start(bool hold);

/*
 * Waits until everything is written, or until this time, and then ends the
 * thread.  True: all is written.  False: the time is over, and the thread still
 * blocks in write(2): call it again, or end the process.
 */
bool log_stop(int64_t until);

/* Prints a line; adds the LF.  Does not wait. */
void log_say(const char *line);

/*
 * Whether text of writers should be left where it is for now.  False again when
 * nobody has read for 1 second: then the text of writers is dropped until half
 * of what made the log full is written.
 */
bool log_is_full(void);

/* Passes on the next piece of a writer's text, or drops it. */
void log_pass(struct log_writer *, const char *data, size_t len);

/* The writer has ended: passes on its unfinished line, frees what it holds. */
void log_leave(struct log_writer *);

/*
 * Shows this line at the bottom of the terminal, below all other text, until it
 * is replaced; "" removes it.  Cut off at the terminal's width, and not drawn
 * while this process is in the background.  Standard error must be a terminal.
 * Does not wait.
 */
void log_progress(const char *line);

#endif
