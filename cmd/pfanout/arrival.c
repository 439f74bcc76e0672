#include "arrival.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sync/park.h"

#define STACK_SIZE (64 * 1024)

enum state {
	WAITING,
	OVER,
	ABANDONED, /* the thread frees what there is, if it ever returns */
};

struct arrival {
	pthread_mutex_t lock; /* guards the state and what belongs to it */
	enum state state;
	int fifo; /* O_PATH */
	struct parker *parker;
	pthread_t thread;
	int fd, error; /* OVER */
};

static void
free_arrival(struct arrival *a)
{
	close(a->fifo);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static void *
wait_in_open(void *arg)
{
	struct arrival *a = arg;
	char path[32];
	bool abandoned;
	int fd;

	/* Not by its name, which may come to mean another file. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", a->fifo);
	while ((fd = open(path, O_WRONLY | O_CLOEXEC)) == -1 && errno == EINTR)
		continue;
	pthread_mutex_lock(&a->lock);
	a->error = errno;
	a->fd = fd;
	abandoned = a->state == ABANDONED;
	if (!abandoned) {
		a->state = OVER;
		park_wake(a->parker);
	}
	pthread_mutex_unlock(&a->lock);
	if (abandoned) {
		if (fd != -1)
			close(fd);
		free_arrival(a);
	}
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
	int error;

	if (a == NULL)
		return NULL;
	pthread_mutex_init(&a->lock, NULL);
	a->parker = parker;
	if ((a->fifo = fcntl(fifo, F_DUPFD_CLOEXEC, 0)) == -1)
		error = errno;
	else if ((error = start_thread(a)) == 0)
		return a;
	free_arrival(a);
	errno = error;
	return NULL;
}

static enum state
state_of(struct arrival *a)
{
	enum state state;

	pthread_mutex_lock(&a->lock);
	state = a->state;
	pthread_mutex_unlock(&a->lock);
	return state;
}

bool
arrival_is_over(struct arrival *a)
{
	return state_of(a) == OVER;
}

/* False: it is over. */
static bool
abandon(struct arrival *a)
{
	bool waits;

	pthread_mutex_lock(&a->lock);
	waits = a->state == WAITING;
	if (waits) {
		a->state = ABANDONED;
		pthread_detach(a->thread);
	}
	pthread_mutex_unlock(&a->lock);
	return waits;
}

int
arrival_end(struct arrival *a)
{
	int fd, error;

	if (abandon(a)) {
		errno = ECANCELED;
		return -1;
	}
	pthread_join(a->thread, NULL);
	fd = a->fd;
	error = a->error;
	free_arrival(a);
	if (fd != -1 && fcntl(fd, F_SETFL, O_NONBLOCK) == -1) {
		error = errno;
		close(fd);
		fd = -1;
	}
	errno = error;
	return fd;
}
