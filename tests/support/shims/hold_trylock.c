/*
 * Preloaded: the thread that tries to take a lock while the file `hold` exists
 * renames it to `held`, and waits until that is gone.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

int
pthread_mutex_trylock(pthread_mutex_t *lock)
{
	int (*next)(pthread_mutex_t *) =
	    (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_trylock");

	if (access("hold", F_OK) == 0 && rename("hold", "held") == 0)
		while (access("held", F_OK) == 0)
			usleep(1000);
	return next(lock);
}
