#ifndef JOB_H
#define JOB_H

/* What pdeadletter is asked to do with dead-letter files. */

#include <stdbool.h>

#include "select.h"

struct job {
	char **files; /* files_of() the operands */
	struct selection select;
	bool skip_foreign;    /* skip lines that are not letters */
	bool json;            /* list, stats, show */
	bool all, wrap;       /* replay */
	char **command;       /* replay; NULL: print the records */
	bool ok_status[256];  /* of the command: it has done its work */
	bool force;           /* purge */
	uint64_t max_replays; /* replay; UINT64_MAX: any number */
};

/*
 * The commands.  Each returns the exit status; the caller flushes standard
 * output and frees the job.  A fault ends the process with status 2.
 */
int job_list(struct job *);
int job_stats(struct job *);
int job_show(struct job *);
int job_replay(struct job *);
int job_purge(struct job *);

#endif
