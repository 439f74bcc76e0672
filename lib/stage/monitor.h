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

struct monitor;
struct stage;

/*
 * Starts the thread.  say() prints a line on stderr, with the program's name; the progress display draws
 * itself there.  NULL with errno.
 */
struct monitor *monitor_start(struct stage *, int in, int out, void (*say)(const char *line));

/*
 * Stops and frees it.  Returns the signal that stopped the stage, 0 if none did.
 */
int monitor_stop(struct monitor *);

#endif
