#ifndef USAGE_H
#define USAGE_H

/* The command line of pdeadletter. */

#include <stdbool.h>

struct job;
struct options;

/*
 * Parses the command line of a stage.  Ends the process for --help and
 * --version, and with status 2 and a message if the command line is wrong.
 */
void usage_parse(struct options *, int argc, char **argv);

/*
 * Does the same for a command on files, whose name is argv[0], and fills in the
 * job.  Returns the command's function.
 */
int (*usage_parse_job(struct job *, int argc, char **argv))(struct job *);

/* Whether this is the name of a command on files. */
bool usage_is_command(const char *);

#endif
