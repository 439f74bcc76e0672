#ifndef PCHAN_SIGNALS_H
#define PCHAN_SIGNALS_H

/*
 * The signals of the process.  Those that a stage handles (SIGINT, SIGTERM,
 * SIGHUP, SIGUSR1, SIGTSTP, and SIGCHLD where orphans can come) are blocked in
 * every thread and read from a descriptor, so no code runs in a signal handler.
 * A signal that was ignored when the process started (nohup, `&`) stays
 * ignored.
 */

#include <stdbool.h>

/*
 * Blocks the signals in this thread and in all that it starts, and has a write
 * to a pipe without a reader, or beyond the limit of a file's size, fail with
 * an errno instead of ending the process.  SIGCHLD gets its default: while that
 * is ignored the kernel throws away how a child ended.  Call it first of all,
 * while there is one thread.
 */
void signals_block(void);

/*
 * Has the signals take their default action, in this thread: for a thread that
 * can read them no longer.
 */
void signals_unblock(void);

/*
 * Whether the process was started with this signal ignored: SIGPIPE, or one
 * that a stage handles.  Any thread, after signals_block().
 */
bool signals_ignored(int sig);

/*
 * Has SIGTSTP take its default action: stops the whole process, and returns
 * when that goes on.  The kernel ignores the signal in an orphaned process
 * group, where nobody would continue us.  By the thread that reads the signals.
 */
void signals_suspend(void);

/*
 * A signalfd(2) of the blocked signals, nonblocking; the caller closes it.  -1
 * with errno.
 */
int signals_open(void);

/*
 * Ends the process with this signal, as if it had never been caught, so that
 * the shell sees 128+n.  Any thread.
 */
void signals_die_of(int sig) __attribute__((noreturn));

#endif
