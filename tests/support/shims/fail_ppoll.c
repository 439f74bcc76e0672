/*
 * Preloaded into a tool, makes ppoll(2) fail with ENOMEM from call number
 * $FAIL_PPOLL_AT on.  Only calls that wait for at least $FAIL_PPOLL_FDS
 * descriptors, 4 by default, are counted and fail: the threads that serve a
 * child make such calls.  The monitor waits for 3, a thread that reads or
 * writes for 2.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SIGSET_SIZE 8 /* of the kernel */

int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	static atomic_ulong calls;
	const char *at = getenv("FAIL_PPOLL_AT"), *fds_min = getenv("FAIL_PPOLL_FDS");
	unsigned long least = fds_min != NULL ? strtoul(fds_min, NULL, 10) : 4;
	struct timespec left;

	if (n >= least && at != NULL && atomic_fetch_add(&calls, 1) + 1 >= strtoul(at, NULL, 10)) {
		errno = ENOMEM;
		return -1;
	}
	if (timeout != NULL)
		left = *timeout; /* the kernel changes it */
	return (int)syscall(SYS_ppoll, fds, n, timeout != NULL ? &left : NULL, mask, SIGSET_SIZE);
}
