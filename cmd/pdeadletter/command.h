#ifndef COMMAND_H
#define COMMAND_H

/*
 * The command of a replay: a process that reads records from its standard
 * input, and whose exit status says whether it has done with them what it
 * should.  It has our standard output and error, our environment and process
 * group.
 *
 * SIGINT, SIGTERM and SIGHUP end the giving of records, not the wait for the
 * command: a signal that a process has sent to us is passed on, and Ctrl-C
 * reaches the command by itself.  The third signal ends us at once.
 *
 * There is one command at a time, and one thread.
 */

#include <stdbool.h>
#include <stdio.h>

/* How a command has ended. */
struct command_end {
	int status;  /* from waitpid(2) */
	bool unread; /* it has not read all that it was given */
	int signal;  /* that has ended the giving; 0: none has */
};

/*
 * Finds the program.  If there is none, or it cannot be executed, ends the
 * process with a message and status 127 or 126.  The path is malloc'd.
 */
char *command_find(const char *name);

/*
 * Starts the command.  Returns the stream to its standard input, or ends the
 * process with a message and status 126, 127 or 2.  A write to the stream fails
 * when the command has ended, and after a signal.
 */
FILE *command_start(const char *path, char *const argv[]);

/*
 * Closes the stream, so that the command sees the end of its input, and waits
 * until it has ended.
 */
void command_end(FILE *, struct command_end *);

#endif
