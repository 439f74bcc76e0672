#ifndef COMMANDS_H
#define COMMANDS_H

/*
 * The commands of pmetrics.  Each parses its own command line, of which argv[0]
 * is its name, and returns the exit status, or ends the process.
 */

/* A stage that only counts: standard input to standard output. */
int tap_command(int argc, char **argv);

/* Prints the metrics of all stages once. */
int print_command(int argc, char **argv);

/* Serves the metrics over HTTP until it is stopped. */
int serve_command(int argc, char **argv);

/* Posts spans and metrics to a collector. */
int ship_command(int argc, char **argv);

/* Keeps a file of the metrics up to date. */
int textfile_command(int argc, char **argv);

/* Traces: a list, or drawings of where the time went. */
int trace_command(int argc, char **argv);

/* Pipelines on a screen, or as lines. */
int top_command(int argc, char **argv);

#endif
