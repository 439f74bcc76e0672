/*
 * To be preloaded: the pthread_create(3) whose number, from 1, is in
 * FEW_THREADS fails, as it does where a limit of processes is reached.
 */

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

int
pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	static _Atomic int n;
	const char *fail = getenv("FEW_THREADS");
	int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (fail != NULL && atomic_fetch_add(&n, 1) + 1 == atoi(fail))
		return EAGAIN;
	*(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
	return create(thread, attr, fn, arg);
}
