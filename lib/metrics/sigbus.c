#include "metrics/sigbus.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Where the guarded thread goes on; NULL in all others. */
static _Thread_local sigjmp_buf *escape;

static void
on_sigbus(int sig)
{
	if (escape != NULL)
		siglongjmp(*escape, 1);
	/* It is another thread's: the access is repeated, and kills us. */
	signal(sig, SIG_DFL);
}

static bool
call(void (*access)(void *), void *arg)
{
	sigjmp_buf here;

	if (sigsetjmp(here, 1) != 0)
		return false;
	escape = &here;
	access(arg);
	return true;
}

bool
sigbus_guard(void (*access)(void *), void *arg)
{
	struct sigaction guard = {.sa_handler = on_sigbus}, old;
	bool done;

	pthread_mutex_lock(&lock);
	sigaction(SIGBUS, &guard, &old);
	done = call(access, arg);
	escape = NULL;
	sigaction(SIGBUS, &old, NULL);
	pthread_mutex_unlock(&lock);
	return done;
}
