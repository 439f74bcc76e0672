#ifndef USAGE_H
#define USAGE_H

/* The command line of pratelimit. */

struct pratelimit;

/*
 * Parses the command line, and reads the rate file if there is one.  Ends the
 * process for --help and --version, and with status 2 and a message if the
 * command line or the rate file is wrong.
 */
void usage_parse(struct pratelimit *, int argc, char **argv);

#endif
