#ifndef PCHAN_CLI_H
#define PCHAN_CLI_H

/* What every one of the tools begins, does and ends with. */

#include <stddef.h>

struct processor;
struct stage;

/* Ends the process if standard input or output is closed: the next file opened would be taken for it. */
void cli_check_descriptors(void);

/* First of all: standard descriptors that are closed, and signals. */
void cli_begin(void);

/* A line on standard error, with the program's name. */
void cli_say(const char *line);

/* For --help and --version: on standard output, and exit 0. */
void cli_print(const char *text) __attribute__((noreturn));

/*
 * Runs the processors, a source first and a sink last, to the end of the input, under the eyes of a monitor
 * (monitor.h).  0, and the signal that stopped it or 0; -1 with errno: it can't start, and nothing was read.
 */
int cli_run(struct stage *, struct processor *, size_t n, int *sig);

/*
 * Tells what there is to tell, frees the stage, and returns the exit status, or dies of the signal.
 */
int cli_end(struct stage *, int sig);

#endif
