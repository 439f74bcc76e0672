/*
 * Preloaded into a tool, makes the fdatasync(2) whose number, from 1, is in
 * FAIL_FDATASYNC fail with EIO.  Those after it succeed: Linux tells of a write
 * that was lost only once.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int
fdatasync(int fd)
{
	static _Atomic int n;
	const char *fail = getenv("FAIL_FDATASYNC");

	if (fail != NULL && atomic_fetch_add(&n, 1) + 1 == atoi(fail)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}
