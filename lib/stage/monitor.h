#ifndef PCHAN_MONITOR_H
#define PCHAN_MONITOR_H

/*
 * The thread that watches over a stage: it handles signals and the grace after
 * them, notices a reader of stdout that goes away while nothing is written, and
 * shows the progress.
 *
 * SIGINT and SIGTERM stop a stage in steps.  First a file or a terminal is read
 * no further; a pipe is read to its end, because on Ctrl-C its writer is
 * stopping, too.  When the grace is over, or at the second signal, work is
 * cancelled; a pipe is still read to its end for at most one more grace.  The
 * third signal ends the process at once.  Signals less than 100 ms apart are
 * one, and the grace stands still while nobody takes the output.
 *
 * SIGHUP reopens the dead-letter file and has the tool reload what it has;
 * where there is neither, it stops the stage as SIGTERM does.  SIGTSTP stops
 * the children and then us, until SIGCONT.  SIGUSR1 prints the numbers.
 */

struct monitor;
struct stage;

/*
 * Starts the thread, for a stage that writes to this descriptor.
 * say() prints a line on stderr, with the program's name, and is called by the
 * thread; it must not wait.  The log draws the progress.  Call signals_block()
 * first.  NULL with errno.
 */
struct monitor *monitor_start(struct stage *, int out, void (*say)(const char *line));

/*
 * The descriptor is no more watched when the call returns, and the caller may
 * close it.  Blocks for a moment.
 */
void monitor_leave_output(struct monitor *);

/*
 * Stops the thread, waits for it, and frees the monitor.  Returns the signal
 * that stopped the stage, or 0.  NULL is fine: 0.
 */
int monitor_stop(struct monitor *);

#endif
