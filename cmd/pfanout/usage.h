#ifndef USAGE_H
#define USAGE_H

/* The command line of pfanout. */

struct pfanout;

/*
 * Fills in the options, the mode and the command.  Ends the process for --help
 * and --version, and with status 2 and a message if the command line is wrong.
 */
void usage_parse(struct pfanout *, int argc, char **argv);

#endif
