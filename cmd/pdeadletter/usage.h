#ifndef USAGE_H
#define USAGE_H

/* The command line: pdeadletter(1). */

struct options;

/* Parses it; --help, --version and whatever is wrong end the process. */
void usage_parse(struct options *, int argc, char **argv);

#endif
