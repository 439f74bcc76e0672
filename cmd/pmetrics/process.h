#ifndef PROCESS_H
#define PROCESS_H

/*
 * What /proc says of a process.  A process may end at any time: then it is not
 * there.  Nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process_stat {
	char command[16]; /* its name, which another program changes */
	pid_t parent;
	uint64_t begun; /* in clock ticks since the machine was started */
	double cpu;     /* s it has used, with the children it waited for */
};

/* False if it is not there. */
bool process_stat(pid_t, struct process_stat *);

/*
 * "gzip -9": the command and its arguments, paths without their folders, cut
 * where it becomes long, and tamed.  "" if it is not there.
 */
void process_name(pid_t, char *name, size_t size);

/*
 * The last part of the path that is open as this descriptor, tamed; "" if it
 * has none, or must not be seen.
 */
void process_file(pid_t, int fd, char *name, size_t size);

#endif
