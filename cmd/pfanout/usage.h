#ifndef USAGE_H
#define USAGE_H

/* pfanout's command line. */

struct pfanout;

/* Fills in the options and the command; leaves with status 2 if they are wrong, 0 for --help. */
void usage_parse(struct pfanout *, int argc, char **argv);

#endif
