#ifndef USAGE_H
#define USAGE_H

/* pfanout's command line. */

struct fan;

/* Fills in the options and the command; leaves with status 2 if they are wrong, 0 for --help. */
void usage_parse(struct fan *, int argc, char **argv);

#endif
