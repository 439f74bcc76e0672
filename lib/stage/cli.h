#ifndef PCHAN_CLI_H
#define PCHAN_CLI_H

/*
 * What all tools begin, run and end with.  This part of the library prints, and
 * may end the process; the others do neither.  For the main thread, except
 * cli_say().
 */

#include <stddef.h>

struct options;
struct options_command;
struct options_tool;
struct processor;
struct samefile;
struct stage;

/*
 * Ends the process if standard input or output is closed, since the next file
 * to be opened would take its place.  A closed standard error becomes
 * /dev/null, but one that can't be written to: a dead letter that goes there is
 * not taken for written.
 */
void cli_check_descriptors(void);

/*
 * The first call of a tool: the standard descriptors, signals_block(), and the
 * seed of the random numbers.
 */
void cli_begin(void);

/*
 * Prints a line on standard error, with the program's name, as warnx(3) does
 * (err.c).  Any thread; does not wait for the reader while the stage runs.
 */
void cli_say(const char *line);

/*
 * Parses the command line (options.h).  Returns the index of the first operand.
 * Ends the process where something is wrong, with a message and status 2, and
 * after --help or --version.
 */
int cli_parse(struct options *, int argc, char **argv, const struct options_tool *);

/*
 * The command of the tool's own that the command line begins with, and then
 * argv[0] is its name; NULL: there is none.  --complete before the command
 * moves behind it.
 */
const struct options_command *cli_command(
    int *argc, char ***argv, const struct options_command *commands);

/*
 * Ends the process, with a message and status 2, if two of the files that the
 * tool has been told to use are the same one, and one of them is written:
 * standard input and output, -d FILE, --trace-file FILE, and these n (those
 * whose path is neither NULL nor a URL).  Call it before a file is created.
 */
void cli_check_files(const struct options *, const struct samefile *, size_t n);

/*
 * Runs the processors, a source first and a sink last, until the input has
 * ended or the stage was stopped, with a monitor and the log beside them.  *sig
 * is the signal that stopped the stage, or 0.  The log goes on until cli_end().
 *
 * Returns -1 with errno if they can't be started, and st->error says why.
 * Nothing was read then, no thread of theirs is left, and the root context is
 * cancelled.
 */
int cli_run(struct stage *, struct processor *, size_t n, int *sig);

/*
 * Reports how the run ended, ends the log, frees the stage, and returns the
 * exit status, or dies of the signal: sig, if it is not 0, or SIGPIPE where the
 * reader of stdout is gone.  Waits until standard error was read, but after a
 * signal for a second at most.
 */
int cli_end(struct stage *, int sig);

#endif
