#ifndef PCHAN_CHILD_H
#define PCHAN_CHILD_H

/*
 * Child processes: a command with pipes to its stdin, stdout and stderr.  It
 * runs in a process group of its own, so that a Ctrl-C on the terminal does not
 * reach it, and killing it takes its descendants along.  It gets the fds 0, 1
 * and 2, default signal dispositions, an empty signal mask and the fd limit
 * with which we were started; if we die first, it is killed.  Our ends of the
 * pipes are nonblocking and close-on-exec.
 *
 * One thread uses a struct child; several threads may use one each.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc/running.h"
#include "sync/log.h"

#define CHILD_LOG 4096 /* bytes kept of the end of its stderr */

/*
 * The status of a child that something else has waited for, as no other status
 * is: neither WIFEXITED() nor WIFSIGNALED().  Such a child may have failed.
 */
#define CHILD_UNKNOWN (-1)

struct child {
	pid_t pid;    /* 0: none is running */
	int pidfd;    /* readable once it has exited */
	bool exited;  /* set by who saw that, until child_reap() */
	int in;       /* its stdin; -1 once closed */
	int out, err; /* its stdout and stderr; -1 once closed */
	int status;   /* from waitpid(2) or unknown, after child_reap() */
	struct running running;
	size_t log_len;
	uint64_t log_total;       /* bytes that its stderr has had so far */
	char log[CHILD_LOG];      /* the end of its stderr */
	struct log_writer writer; /* passes its stderr on */
	int64_t log_pause;        /* see child_log_pause() */
};

/*
 * Raises the limit of open files so that `fds` more descriptors fit, within the
 * hard limit, and remembers the old limit for the children.  To be called
 * before threads start.  -1 with errno; if that is EMFILE, *most says how many
 * more there can be.
 */
int child_raise_limit(size_t fds, size_t *most);

/*
 * In a process that was forked for a command: sets the limit back.  Calls
 * nothing but setrlimit(2).
 */
void child_restore_limit(void);

/*
 * Returns where execvp(3) would find the command, malloc'd.  NULL with errno:
 * ENOENT, EACCES (there is a file, but it cannot be executed), ENOMEM.
 */
char *child_find(const char *command);

/*
 * Makes it a child that does not run.  For such a child, and for one that was
 * reaped or could not be spawned, the functions below do nothing, except
 * child_spawn().
 */
void child_init(struct child *);

/*
 * Starts the program at path, with the environment env; NULL: ours.  A script
 * without #! is given to /bin/sh, as execvp(3) does.  -1 with errno, including
 * that of a failed exec: then no process and no descriptor is left behind.  The
 * struct needs no child_init(); what it held before is not closed.
 */
int child_spawn(struct child *, const char *path, char *const argv[], char *const env[]);

/* Closes its stdin: the end of its input. */
void child_close_in(struct child *);

/*
 * Reads what its stderr holds now, passes that on to the log, and keeps the end
 * of it.  Leaves text unread while the log is full: see child_log_pause().
 * Waits for nothing.  False: its stderr has ended and is closed.
 */
bool child_read_log(struct child *);

/*
 * The same, but reads even if the log is full, and may have dropped; for when
 * the end of it is needed now.
 */
bool child_read_full_log(struct child *);

/*
 * 0, or how long to wait before the next child_read_log(), because the last one
 * found the log full; no descriptor reports that it has room again.
 */
int64_t child_log_pause(const struct child *);

/* The signal that has stopped it, as SIGTTIN does; 0: it is not stopped. */
int child_stopped_by(const struct child *);

/*
 * Waits for its exit, which is near if pidfd is readable or it was killed.
 * Sets status, reads what its stderr holds (child_read_full_log()), and closes
 * all descriptors but out, which may still hold answers.  Processes that the
 * child left behind live on.
 */
void child_reap(struct child *);

/*
 * Whether it runs, and may not be sent signals: it has become another user, as
 * sudo(8) does.  Then child_stop() waits until it ends by itself.
 */
bool child_is_out_of_reach(const struct child *);

/*
 * Ends it: sends SIGTERM to it and its process group, SIGKILL when it has
 * exited or 100 ms have passed, and reaps it.
 */
void child_stop(struct child *);

/* Closes what a reaped child still has open. */
void child_close(struct child *);

#endif
