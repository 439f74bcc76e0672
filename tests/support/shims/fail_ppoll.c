/*
 * Preloaded into a tool, makes ppoll(2) fail with ENOMEM from call number
 * $FAIL_PPOLL_AT on.  Only calls that wait for more than three descriptors are
 * counted and fail: the threads that serve a child make such calls, those that
 * read, write and monitor do not.
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
	const char *at = getenv("FAIL_PPOLL_AT");
	struct timespec left;

	if (n > 3 && at != NULL && atomic_fetch_add(&calls, 1) + 1 >= strtoul(at, NULL, 10)) {
		errno = ENOMEM;
		return -1;
	}
	if (timeout != NULL)
		left = *timeout; /* the kernel changes it */
	return (int)syscall(SYS_ppoll, fds, n, timeout != NULL ? &left : NULL, mask, SIGSET_SIZE);
}
