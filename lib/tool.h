#ifndef PCHAN_TOOL_H
#define PCHAN_TOOL_H

/* What every one of the tools begins, does and ends with. */

#include <stddef.h>

struct processor;
struct stage;

/* Ends the process if standard input or output is closed: the next file opened would be taken for it. */
void tool_check_descriptors(void);

/* First of all: standard descriptors that are closed, and signals. */
void tool_begin(void);

/* A line on standard error, with the program's name. */
void tool_say(const char *line);

/* For --help and --version: on standard output, and exit 0. */
void tool_print(const char *text) __attribute__((noreturn));

/*
 * Runs the processors, a source first and a sink last, to the end of the input, under the eyes of a monitor
 * (monitor.h).  0, and the signal that stopped it or 0; -1 with errno: it can't start, and nothing was read.
 */
int tool_run(struct stage *, struct processor *, size_t n, int *sig);

/*
 * Tells what there is to tell, frees the stage, and returns the exit status, or dies of the signal.
 */
int tool_end(struct stage *, int sig);

#endif
