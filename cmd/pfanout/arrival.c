#include "arrival.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sync/park.h"

#define STACK_SIZE (64 * 1024)

struct arrival {
	char path[32];
	struct parker *parker;
	pthread_t thread;
	_Atomic bool over;
	int fd, error; /* once it is over */
};

static void *
wait_in_open(void *arg)
{
	struct arrival *a = arg;

	while ((a->fd = open(a->path, O_WRONLY | O_CLOEXEC)) == -1 && errno == EINTR)
		continue;
	a->error = errno;
	atomic_store(&a->over, true);
	park_wake(a->parker);
	return NULL;
}

static int
start_thread(struct arrival *a)
{
	pthread_attr_t attr;
	int error;

	if ((error = pthread_attr_init(&attr)) != 0)
		return error;
	if ((error = pthread_attr_setstacksize(&attr, STACK_SIZE)) == 0)
		error = pthread_create(&a->thread, &attr, wait_in_open, a);
	pthread_attr_destroy(&attr);
	return error;
}

struct arrival *
arrival_begin(int fifo, struct parker *parker)
{
	struct arrival *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	/* Not by its name, which may come to mean another file. */
	snprintf(a->path, sizeof(a->path), "/proc/self/fd/%d", fifo);
	a->parker = parker;
	a->fd = -1;
	if ((errno = start_thread(a)) == 0)
		return a;
	free(a);
	return NULL;
}

bool
arrival_is_over(const struct arrival *a)
{
	return atomic_load(&a->over);
}

/*
 * A reading end of our own ends the open(2), also one that has not begun yet.
 * So the reading end stays until the thread has returned.  False: there can be
 * none, and the thread still waits.
 */
static bool
break_off(struct arrival *a)
{
	int fd = open(a->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return false;
	pthread_join(a->thread, NULL);
	close(fd);
	if (a->fd != -1)
		close(a->fd);
	return true;
}

int
arrival_end(struct arrival *a)
{
	int fd = -1, error = ECANCELED;

	if (arrival_is_over(a)) {
		pthread_join(a->thread, NULL);
		fd = a->fd;
		error = a->error;
	} else if (!break_off(a)) {
		/* The stage ends, the thread with it: what that uses stays. */
		pthread_detach(a->thread);
		errno = ECANCELED;
		return -1;
	}
	free(a);
	if (fd != -1 && fcntl(fd, F_SETFL, O_NONBLOCK) == -1) {
		error = errno;
		close(fd);
		fd = -1;
	}
	errno = error;
	return fd;
}
