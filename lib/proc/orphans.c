#include "proc/orphans.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static LIST_HEAD(own_children, own_child) started = LIST_HEAD_INITIALIZER(started);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool
orphans_can_come(void)
{
	static enum { UNASKED, NO, YES } can;
	int subreaper = 0;

	if (can == UNASKED) {
		(void)prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
		can = getpid() == 1 || subreaper != 0 ? YES : NO;
	}
	return can == YES;
}

void
orphans_begin_start(void)
{
	if (orphans_can_come())
		pthread_mutex_lock(&lock);
}

void
orphans_end_start(struct own_child *c, pid_t pid)
{
	c->pid = pid;
	if (!orphans_can_come())
		return;
	if (pid != -1)
		LIST_INSERT_HEAD(&started, c, next);
	pthread_mutex_unlock(&lock);
}

static bool
is_own(pid_t pid)
{
	const struct own_child *c;

	LIST_FOREACH (c, &started, next)
		if (c->pid == pid)
			return true;
	return false;
}

/*
 * The kernel names the same zombie again and again: behind one of our own we
 * cannot see.  The lock is held.
 */
static void
reap_orphans(void)
{
	siginfo_t si = {0};

	while (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid != 0 &&
	    !is_own(si.si_pid)) {
		if (waitpid(si.si_pid, NULL, WNOHANG) == -1)
			return;
		si.si_pid = 0;
	}
}

void
orphans_forget(struct own_child *c)
{
	if (!orphans_can_come())
		return;
	pthread_mutex_lock(&lock);
	LIST_REMOVE(c, next);
	reap_orphans();
	pthread_mutex_unlock(&lock);
}

void
orphans_reap(void)
{
	if (!orphans_can_come())
		return;
	pthread_mutex_lock(&lock);
	reap_orphans();
	pthread_mutex_unlock(&lock);
}
