#include "sync/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * Bytes: enough for what workers do, and little enough for a thousand of them.
 */
#define STACK_SIZE (256 * 1024)

struct member {
	struct pool *pool;
	pthread_t thread;
	void *arg;
};

struct pool {
	void (*fn)(void *);
	void (*done)(void *);
	void *done_arg;
	size_t n;            /* members started */
	_Atomic size_t left; /* members whose fn has not returned */
	/* No member begins before it is known that all could be started. */
	pthread_mutex_t lock;
	pthread_cond_t decided;
	enum { WAIT, GO, GIVE_UP } start;
	struct member member[];
};

/* Blocks until that is known; returns whether the member is to run. */
static bool
may_begin(struct pool *p)
{
	bool go;

	pthread_mutex_lock(&p->lock);
	while (p->start == WAIT)
		pthread_cond_wait(&p->decided, &p->lock);
	go = p->start == GO;
	pthread_mutex_unlock(&p->lock);
	return go;
}

static void *
member_main(void *arg)
{
	struct member *m = arg;
	struct pool *p = m->pool;

	if (!may_begin(p))
		return NULL;
	p->fn(m->arg);
	if (atomic_fetch_sub(&p->left, 1) == 1 && p->done != NULL)
		p->done(p->done_arg);
	return NULL;
}

/* Returns 0 or the error.  p->n says how many were started in any case. */
static int
start_members(struct pool *p, size_t n, void *const *args)
{
	pthread_attr_t attr;
	int error;

	if ((error = pthread_attr_init(&attr)) != 0)
		return error;
	error = pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (; error == 0 && p->n < n; p->n++) {
		struct member *m = &p->member[p->n];

		*m = (struct member){.pool = p, .arg = args[p->n]};
		if ((error = pthread_create(&m->thread, &attr, member_main, m)) != 0)
			break;
	}
	pthread_attr_destroy(&attr);
	return error;
}

static void
decide_start(struct pool *p, bool go)
{
	pthread_mutex_lock(&p->lock);
	p->start = go ? GO : GIVE_UP;
	pthread_cond_broadcast(&p->decided);
	pthread_mutex_unlock(&p->lock);
}

struct pool *
pool_start(size_t n, void (*fn)(void *), void *const *args, void (*done)(void *), void *done_arg)
{
	struct pool *p = calloc(1, sizeof(*p) + n * sizeof(p->member[0]));
	int error;

	if (p == NULL)
		return NULL;
	p->fn = fn;
	p->done = done;
	p->done_arg = done_arg;
	p->left = n;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->decided, NULL);
	error = start_members(p, n, args);
	decide_start(p, error == 0);
	if (error == 0)
		return p;
	pool_join(p);
	errno = error;
	return NULL;
}

void
pool_join(struct pool *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		pthread_join(p->member[i].thread, NULL);
	pthread_cond_destroy(&p->decided);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
