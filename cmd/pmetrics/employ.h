#ifndef EMPLOY_H
#define EMPLOY_H

/*
 * The command of `pmetrics ship -- COMMAND`: a process with our standard input,
 * output and error, in our process group, and with a run directory of its own.
 * There is one.  For one thread.
 */

#include <stdbool.h>
#include <sys/types.h>

struct employ {
	char *path;  /* of the run directory */
	pid_t pid;   /* 0: it has ended */
	int fd;      /* readable once it has ended; -1 then */
	int signals; /* those that we get, to be passed on (signalfd) */
	int status;  /* for exit(3), once it has ended */
};

/*
 * Makes the directory, in memory if possible, sets PCHAN_RUN_DIR for us and the
 * command, and OTEL_TRACES_EXPORTER unless that is set, and starts the command.
 * Ends the process with a message where that fails:
 * with status 127 if there is no such command, 126 if it cannot be executed,
 * else 125.
 */
void employ_start(struct employ *, char *const argv[]);

/*
 * Passes on the signals that have come.  Ctrl-C, which the terminal sends to
 * all, reaches the command by itself.  The last signal passed by, or 0.
 */
int employ_pass_on(const struct employ *);

/* Takes its exit status; it has ended. */
void employ_reap(struct employ *);

/* Removes the directory and what is in it.  False: something is left. */
bool employ_clean(const struct employ *);

/* Frees what it holds. */
void employ_free(struct employ *);

#endif
