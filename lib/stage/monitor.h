#ifndef PCHAN_MONITOR_H
#define PCHAN_MONITOR_H

/*
 * The thread that watches over a stage: signals, the grace after them, a reader of stdout that
 * goes away while nothing is written, and the progress display.
 *
 * SIGINT and SIGTERM stop a stage in steps.  First: a file or a terminal is read no further; a
 * pipe is read to its end, because on Ctrl-C whoever writes to it is stopping too.  When the
 * grace is over, or at the second signal, work is cancelled; a pipe is still read to its end for one
 * more grace.  The third signal ends the process at once.  SIGHUP opens the dead-letter file
 * anew and has the tool reload what it has, or is a SIGTERM where there is neither.  SIGUSR1 prints the numbers.
 */

#include <signal.h>
#include <stdbool.h>

struct monitor;
struct stage;

/*
 * Blocks the signals for this thread and all that it starts, and learns which are ignored and stay so.
 * Call it first of all, before any thread is started.
 */
void signals_block(void);

/* Whether the process was started with this signal ignored. */
bool signals_ignored(int sig);

/*
 * Starts the thread.  say() prints a line on stderr, with the program's name; the progress display draws
 * itself there.  NULL with errno.
 */
struct monitor *monitor_start(struct stage *, int in, int out, void (*say)(const char *line));

/*
 * Stops and frees it.  Returns the signal that stopped the stage, 0 if none did.
 */
int monitor_stop(struct monitor *);

/* Dies of this signal as if it had never been caught, so that the shell sees 128+n. */
void signals_die_of(int sig);

#endif
