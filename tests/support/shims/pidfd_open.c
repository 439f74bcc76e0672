/*
 * Preloaded under valgrind, which does not know pidfd_open(2): the read end of
 * a pipe, which becomes readable when the child has exited.
 */

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

struct watch {
	pid_t pid;
	int fd;
};

static void *
watch_main(void *arg)
{
	struct watch *w = arg;
	siginfo_t si;

	while (waitid(P_PID, (id_t)w->pid, &si, WEXITED | WNOWAIT) == -1 && errno == EINTR)
		continue;
	close(w->fd);
	free(w);
	return NULL;
}

int
pidfd_open(pid_t pid, unsigned flags)
{
	struct watch *w = malloc(sizeof(*w));
	int fd[2];
	pthread_t thread;

	(void)flags;
	if (w == NULL || pipe2(fd, O_CLOEXEC) == -1)
		return -1;
	*w = (struct watch){pid, fd[1]};
	if ((errno = pthread_create(&thread, NULL, watch_main, w)) != 0)
		return -1;
	pthread_detach(thread);
	return fd[0];
}
