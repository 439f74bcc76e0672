#ifndef PCHAN_INPUTS_H
#define PCHAN_INPUTS_H

/*
 * The inputs of a stage, and how the reading threads of a source share them.
 *
 * A thread arms an input to say that it wants what comes next from it.
 * inputs_next() gives an armed input to a thread once it can be read: a file at
 * once, a pipe when there is something in it or its writers have left.  Then
 * the input is that thread's, until it arms the input again, or ends it.
 * Inputs take turns: the one that became ready first is given first, so none
 * starves another.
 *
 * Memory is bounded in total.  The unfinished lines of all inputs together may
 * have INPUTS_BYTES and one --max-record; beyond that, of the inputs whose
 * unfinished line is longer than one step of reading, one at a time goes on
 * until its line ends.  Where there are many inputs, the steps are smaller.
 *
 * Any thread may call the functions, unless their comment says otherwise.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stage/input.h"

struct ctx;
struct inputs;
struct metrics_links;
struct reader_limits;
struct stopwatch;

/*
 * What watches files that go on: it adds inputs while threads read, and knows
 * when there is more to read of one.
 */
struct inputs_watch {
	int fd; /* when it is readable, handle() is called */

	/* Called by a reading thread, but never by two at a time. */
	void (*handle)(void *arg);

	/*
	 * What inputs_fill() does for an input of the watch, with the same
	 * result.  Sets `paused` and `drained` of the input.
	 */
	ssize_t (*fill)(void *arg, struct input *);
	void *arg;
};

#define INPUTS_BYTES (4 << 20)

/*
 * An empty set, of which at most `open_most` are open at a time: regular files
 * beyond that are opened when others have ended.  NULL with errno ENOMEM.
 */
struct inputs *inputs_new(size_t open_most);

/* Closes what is open, but for standard input.  NULL is fine. */
void inputs_free(struct inputs *);

/*
 * Adds an input, behind those that are there.  NULL with errno, and *why, a
 * static text or NULL.  The input is the set's.
 */
struct input *inputs_add(struct inputs *, const char *operand, const char **why);

/*
 * Adds the pipe of a helper, behind those that are there.  The name must stay
 * valid; the fd is the set's.  NULL with errno ENOMEM.
 */
struct input *inputs_add_helper(
    struct inputs *, const char *name, int fd, const struct input_control *, void *place);

/*
 * From now on each input that is open has a link, as long as there are places.
 * Before inputs_begin(); the links must outlive the inputs.
 */
void inputs_set_links(struct inputs *, struct metrics_links *);

/*
 * The stopwatch runs while so many threads, all that read, wait and there is
 * nothing to be read.  Before they start.
 */
void inputs_measure(struct inputs *, struct stopwatch *, unsigned readers);

/*
 * Sets a watch.  Then the inputs have not ended before reading of files is
 * stopped.  Before inputs_begin(); the fd stays the caller's.
 */
void inputs_set_watch(struct inputs *, const struct inputs_watch *);

/*
 * Adds an open file, whose input the watch fills and wakes; also while threads
 * read.  The name must stay valid; the fd is the set's.  The caller arms the
 * input if threads read.  NULL with errno: EMFILE if too many are open.
 */
struct input *inputs_add_watched(struct inputs *, const char *name, int fd, void *owner);

/* There may be more to read of an input of the watch. */
void inputs_wake(struct inputs *, struct input *);

/*
 * The input, one of the watch's that has ended and was not stopped, will not be
 * used any more.  Its number is that of another input later.  Does nothing for
 * another one.
 */
void inputs_drop(struct inputs *, struct input *);

/* Whether there is a watch, so that inputs may be added. */
bool inputs_may_grow(const struct inputs *);

/* Whether all inputs have ended, and none will be added. */
bool inputs_have_ended(struct inputs *);

/* The first input, and the one after another; NULL: no more. */
struct input *inputs_first(const struct inputs *);
struct input *inputs_after(const struct input *);
size_t inputs_count(const struct inputs *);

/* The bytes in the files; 0 if one of the inputs is no regular file. */
uint64_t inputs_size(const struct inputs *);

/*
 * Makes the readers; limits->chunk is chosen here.  `files` is the context in
 * which inputs are read that keep what is not read, and `pipes`, its parent,
 * that for pipes.  -1 with errno.  Before the threads start.
 */
int inputs_begin(
    struct inputs *, const struct reader_limits *, struct ctx *files, struct ctx *pipes);

/* The thread has the input, or nobody has: it is wanted. */
void inputs_arm(struct inputs *, struct input *);

/*
 * Blocks until an armed input is ready, and gives it to the caller.  NULL: all
 * inputs have ended, ctx is done, or the deadline (monotonic ns) has passed.
 * When reading has to stop, armed inputs are ready, so that a thread can end
 * them.  A file that could not be opened now has the fd -1, and errno says why.
 * Where poll(2) fails, the result is NULL, and errno is set.
 */
struct input *inputs_next(struct inputs *, struct ctx *, int64_t deadline);

/*
 * The thread has the input, and has taken a line of it: the memory that the
 * unfinished line had is there for others.
 */
void inputs_line_ended(struct inputs *, struct input *);

/*
 * The thread has the input: reads once, as reader_fill() does.  EAGAIN also
 * says that there is nothing new in a file of the watch.
 */
ssize_t inputs_fill(struct inputs *, struct input *);

/* The thread has the input, and nothing more is to be read: closes it. */
void inputs_end(struct inputs *, struct input *);

/*
 * The thread has the input, a FIFO whose writers have left: waits for the next
 * one from now on.  -1 with errno: that can't be done.
 */
int inputs_renew(struct inputs *, struct input *);

/* Whether this input must not be read any more, though it has not ended. */
bool inputs_must_stop(const struct inputs *, const struct input *);

/*
 * When no thread reads any more: closes the pipes of which reading was stopped,
 * so that nobody writes what nobody will read.  Returns the bytes that are left
 * in them, and that do not come again (marks).  The main thread's.
 */
uint64_t inputs_leave(struct inputs *);

#endif
