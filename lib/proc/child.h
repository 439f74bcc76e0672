#ifndef PCHAN_CHILD_H
#define PCHAN_CHILD_H

/*
 * Child processes: a command with pipes to its stdin, stdout and stderr, in a process
 * group of its own, so that a Ctrl-C on the terminal does not reach it and killing it takes
 * its descendants along.  It sees the fds 0, 1 and 2, default signal dispositions, an empty mask and the
 * fd limit that we were started with.  Our ends of the pipes are nonblocking and close-on-exec.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CHILD_LOG 4096 /* bytes kept of the end of its stderr */

struct child {
	pid_t pid;    /* 0: none is running */
	int pidfd;    /* readable once it has exited */
	int in;       /* its stdin; -1 once closed */
	int out, err; /* its stdout and stderr; -1 once at their end */
	int status;   /* as waitpid(2) has it, after child_reap() */
	size_t log_len;
	char log[CHILD_LOG]; /* the end of its stderr */
};

/*
 * Raises the limit of open files to what `fds` more descriptors need, within the hard limit, and
 * remembers the old one for the children.  -1 with errno EMFILE and *most: how many more there can be.
 */
int child_raise_limit(size_t fds, size_t *most);

/*
 * Where execvp(3) would find the command: malloc'd.  NULL with errno ENOENT, or EACCES if
 * there is one that can't be executed.
 */
char *child_find(const char *command);

/* A child that does not run; child_spawn() starts from here. */
void child_init(struct child *);

/*
 * Starts the program at path.  -1 with errno; exec's errors are seen here too, and nothing
 * is left behind.  A script without #! is given to /bin/sh, as execvp(3) does.
 */
int child_spawn(struct child *, const char *path, char *const argv[]);

/* Closes its stdin: the end of its input. */
void child_close_in(struct child *);

/*
 * Passes on to our stderr what stands in its, and keeps the end.  False at the end (and then err
 * is closed).  Does not block on the child.
 */
bool child_read_log(struct child *);

/* Sends the signal to its process group. */
void child_kill(struct child *, int sig);

/*
 * Waits for its exit (soon, if pidfd is readable or it was killed), kills what it left
 * behind in its process group, reads the rest of its stderr, sets status and closes
 * everything but out, which may still hold answers.
 */
void child_reap(struct child *);

/* Asks it to end with SIGTERM, after a short patience (100 ms) with SIGKILL, and reaps it. */
void child_stop(struct child *);

/* Closes what is left of a reaped child. */
void child_close(struct child *);

#endif
