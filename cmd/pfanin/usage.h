#ifndef USAGE_H
#define USAGE_H

/* The command line of pfanin. */

struct pfanin;

/*
 * Parses the command line.  Ends the process for --help and --version, and with
 * status 2 and a message if something is wrong.
 */
void usage_parse(struct pfanin *, int argc, char **argv);

#endif
