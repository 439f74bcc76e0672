#include "stage/syncer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "sync/pool.h"

struct syncer {
	struct pool *pool; /* of one thread */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* what follows, which the lock guards */
	bool stopped;
	int fd;
	int error; /* EINPROGRESS: it is being synced, or will be */
};

static void
syncer_run(void *arg)
{
	struct syncer *s = arg;
	int fd, error;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->stopped && s->error != EINPROGRESS)
			pthread_cond_wait(&s->changed, &s->lock);
		if (s->error != EINPROGRESS)
			break;
		fd = s->fd;
		pthread_mutex_unlock(&s->lock);
		error = fdatasync(fd) == -1 ? errno : 0;
		pthread_mutex_lock(&s->lock);
		s->error = error;
		pthread_cond_signal(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
}

static void
free_syncer(struct syncer *s)
{
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct syncer *
syncer_start(void)
{
	struct syncer *s = calloc(1, sizeof(*s));
	void *arg = s;
	int error;

	if (s == NULL)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if ((s->pool = pool_start(1, syncer_run, &arg, NULL, NULL)) != NULL)
		return s;
	error = errno;
	free_syncer(s);
	errno = error;
	return NULL;
}

void
syncer_stop(struct syncer *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopped = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pool_join(s->pool);
	free_syncer(s);
}

void
syncer_begin(struct syncer *s, int fd)
{
	pthread_mutex_lock(&s->lock);
	s->fd = fd;
	s->error = EINPROGRESS;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

int
syncer_look(struct syncer *s, bool wait)
{
	int error;

	pthread_mutex_lock(&s->lock);
	while (wait && s->error == EINPROGRESS)
		pthread_cond_wait(&s->changed, &s->lock);
	error = s->error;
	pthread_mutex_unlock(&s->lock);
	return error;
}
