#ifndef USAGE_H
#define USAGE_H

/* The command line of pdeadletter. */

struct job;
struct options;
struct options_command;

/*
 * Parses the command line of a stage.  Ends the process for --help and
 * --version, and with status 2 and a message if the command line is wrong.
 */
void usage_parse(struct options *, int argc, char **argv);

/* The command on files, as cli_command() finds it; NULL: a stage. */
const struct options_command *usage_command(int *argc, char ***argv);

/*
 * Parses the command line of this command, and fills in the job.  Returns the
 * command's function.
 */
int (*usage_parse_job(struct job *, const struct options_command *, int argc, char **argv))(
    struct job *);

#endif
