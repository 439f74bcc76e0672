#include "stage/signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "proc/running.h"

static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGTSTP};

/* Set by signals_block(), while there is one thread. */
static sigset_t blocked, ignored;

void
signals_block(void)
{
	struct sigaction sa;

	sigemptyset(&blocked);
	sigemptyset(&ignored);
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
		/*
		 * An ignored signal must not be blocked: signalfd(2) would see
		 * it.
		 */
		if (sigaction(handled[i], NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
			sigaddset(&ignored, handled[i]);
		else
			sigaddset(&blocked, handled[i]);
	}
	if (sigaction(SIGPIPE, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
		sigaddset(&ignored, SIGPIPE);
	sa = (struct sigaction){.sa_handler = SIG_IGN};
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);
	sa = (struct sigaction){.sa_handler = SIG_DFL};
	sigaction(SIGCHLD, &sa, NULL);
	if (running_has_orphans())
		sigaddset(&blocked, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
}

bool
signals_ignored(int sig)
{
	return sigismember(&ignored, sig) == 1;
}

void
signals_unblock(void)
{
	pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
}

void
signals_suspend(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	pthread_kill(pthread_self(), SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int
signals_open(void)
{
	return signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
}

void
signals_die_of(int sig)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigaction(sig, &sa, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	/*
	 * Not raise(3), which means this thread; the kernel picks one that
	 * takes it.
	 */
	kill(getpid(), sig);
	_exit(128 + sig);
}
