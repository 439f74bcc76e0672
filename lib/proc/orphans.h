#ifndef PCHAN_ORPHANS_H
#define PCHAN_ORPHANS_H

/*
 * Orphans: processes whose parent has died and that are our children now.
 * Process 1 gets them, which a tool is in a container, and so does a subreaper
 * (PR_SET_CHILD_SUBREAPER).  They must be reaped, or their zombies fill the
 * table of processes.  The children that we have started must not: their status
 * is for the thread that started them.  So these are known here.
 *
 * Where no orphans can come nothing here does anything.  All threads may call
 * all functions.
 */

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

/* A child that we have started; embedded in what belongs to it. */
struct own_child {
	pid_t pid;
	LIST_ENTRY(own_child) next;
};

/* Whether orphans can come.  To be asked first while there is one thread. */
bool orphans_can_come(void);

/*
 * Around the start of a child: until its pid is known the child would be taken
 * for an orphan.  pid: of the child; -1 if none was started.
 */
void orphans_begin_start(void);
void orphans_end_start(struct own_child *, pid_t);

/*
 * The child has been reaped.  Reaps the orphans, too, whose zombies were behind
 * that of the child.
 */
void orphans_forget(struct own_child *);

/* Reaps the orphans that have ended.  Does not block. */
void orphans_reap(void);

#endif
