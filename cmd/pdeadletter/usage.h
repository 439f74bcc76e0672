#ifndef USAGE_H
#define USAGE_H

/* The command line: pdeadletter(1). */

#include <stdbool.h>

struct job;
struct options;

/* Parses it; --help, --version and whatever is wrong end the process. */
void usage_parse(struct options *, int argc, char **argv);

/* The same for a command on files, which is argv[0]: fills in the job, and returns its function. */
int (*usage_parse_job(struct job *, int argc, char **argv))(struct job *);

/* Whether this is the name of one. */
bool usage_is_command(const char *);

#endif
