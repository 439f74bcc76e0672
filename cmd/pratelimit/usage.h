#ifndef USAGE_H
#define USAGE_H

/* The command line of pratelimit. */

struct pratelimit;

/*
 * Parses it, and reads the rate file if there is one; --help, --version and whatever is wrong end the
 * process.
 */
void usage_parse(struct pratelimit *, int argc, char **argv);

#endif
