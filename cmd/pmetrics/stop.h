#ifndef STOP_H
#define STOP_H

/*
 * How a command that goes on until it is stopped learns that it is: by SIGINT,
 * SIGTERM or SIGHUP.
 */

/*
 * A descriptor that is readable once one of the signals has come.  They do
 * nothing else from then on, in this thread and those that it starts; those
 * that were ignored stay ignored.  -1 with errno.
 */
int stop_open(void);

#endif
