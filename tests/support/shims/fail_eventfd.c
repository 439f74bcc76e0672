/*
 * Preloaded into a tool, makes call number $FAIL_EVENTFD of eventfd(2) fail
 * with EMFILE.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

int
eventfd(unsigned value, int flags)
{
	static atomic_ulong calls;
	const char *at = getenv("FAIL_EVENTFD");

	if (at != NULL && atomic_fetch_add(&calls, 1) + 1 == strtoul(at, NULL, 10)) {
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_eventfd2, value, flags);
}
