#ifndef PCHAN_RUNNING_H
#define PCHAN_RUNNING_H

/*
 * The children that run, all of them: so that they can be stopped and continued
 * together (a Ctrl-Z reaches our process group only, and each child has its
 * own), and told from orphans.
 *
 * Orphans are processes whose parent has died and that are our children now.
 * Process 1 gets them, which a tool is in a container, and so does a subreaper
 * (PR_SET_CHILD_SUBREAPER).  They must be reaped, or their zombies fill the
 * table of processes.  The children that we have started must not: their status
 * is for the thread that started them.
 *
 * Any thread may call all functions.  None blocks, except where orphans can
 * come: there one child is started at a time.
 */

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

/* A child, and its process group, which has the child's number. */
struct running {
	pid_t pid;
	bool left; /* it may be reaped any moment: no signal any more */
	LIST_ENTRY(running) link;
};

/*
 * Around the start of a child: until its pid is known an orphan and the child
 * look alike.  pid: -1 if none was started.  The struct is the caller's, and
 * stays in place until running_remove().  A child that is added while all are
 * halted is halted as well.
 */
void running_begin_start(void);
void running_end_start(struct running *, pid_t pid);

/*
 * Sends a signal to the child's group, and to the child if it has left the
 * group; nothing after running_leave().  By the thread that will reap the
 * child: until then the number is that of no other group.
 */
void running_signal(const struct running *, int sig);

/* To be called before the child is reaped: then its number is free. */
void running_leave(struct running *);

/*
 * The child has been reaped.  Reaps the orphans whose zombies were behind that
 * of the child, too.
 */
void running_remove(struct running *);

/*
 * Stops all children with SIGSTOP, and those that are added until
 * running_resume(), which continues all.
 */
void running_halt(void);
void running_resume(void);

/* Whether orphans can come.  To be asked first while there is one thread. */
bool running_has_orphans(void);

/* Reaps the orphans that have ended. */
void running_reap_orphans(void);

#endif
