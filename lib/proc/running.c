#include "proc/running.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The lock guards the list; that the numbers in it are those of our children;
 * and, where orphans can come, that every child of ours is in it.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(children, running) children = LIST_HEAD_INITIALIZER(children);
static bool halted;

bool
running_has_orphans(void)
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
running_signal(const struct running *c, int sig)
{
	if (c->left)
		return;
	kill(-c->pid, sig);
	if (getpgid(c->pid) != c->pid)
		kill(c->pid, sig);
}

void
running_begin_start(void)
{
	if (running_has_orphans())
		pthread_mutex_lock(&lock);
}

void
running_end_start(struct running *c, pid_t pid)
{
	*c = (struct running){.pid = pid};
	if (!running_has_orphans())
		pthread_mutex_lock(&lock);
	if (pid != -1) {
		LIST_INSERT_HEAD(&children, c, link);
		if (halted)
			running_signal(c, SIGSTOP);
	}
	pthread_mutex_unlock(&lock);
}

void
running_leave(struct running *c)
{
	pthread_mutex_lock(&lock);
	c->left = true;
	pthread_mutex_unlock(&lock);
}

static bool
is_ours(pid_t pid)
{
	const struct running *c;

	LIST_FOREACH (c, &children, link)
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
	    !is_ours(si.si_pid)) {
		if (waitpid(si.si_pid, NULL, WNOHANG) == -1)
			return;
		si.si_pid = 0;
	}
}

void
running_remove(struct running *c)
{
	pthread_mutex_lock(&lock);
	LIST_REMOVE(c, link);
	if (running_has_orphans())
		reap_orphans();
	pthread_mutex_unlock(&lock);
}

void
running_reap_orphans(void)
{
	if (!running_has_orphans())
		return;
	pthread_mutex_lock(&lock);
	reap_orphans();
	pthread_mutex_unlock(&lock);
}

static void
signal_all(int sig)
{
	struct running *c;

	pthread_mutex_lock(&lock);
	halted = sig == SIGSTOP;
	LIST_FOREACH (c, &children, link)
		running_signal(c, sig);
	pthread_mutex_unlock(&lock);
}

void
running_halt(void)
{
	signal_all(SIGSTOP);
}

void
running_resume(void)
{
	signal_all(SIGCONT);
}
