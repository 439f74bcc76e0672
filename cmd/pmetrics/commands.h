#ifndef COMMANDS_H
#define COMMANDS_H

/*
 * The commands of pmetrics.  Each parses its own command line, of which argv[0]
 * is its name, and returns the exit status, or ends the process.
 */

/* A stage that only counts: standard input to standard output. */
int tap_command(int argc, char **argv);

#endif
