/*
 * Preloaded: read(2) of the file $FAIL_READ fails with EIO from the second time
 * on.
 */

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic int reads;

static int
is_chosen(int fd)
{
	const char *name = getenv("FAIL_READ");
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (name == NULL || (n = readlink(link, path, sizeof(path) - 1)) <= 0)
		return 0;
	path[n] = '\0';
	return strcmp(path, name) == 0;
}

ssize_t
read(int fd, void *data, size_t len)
{
	ssize_t (*real)(int, void *, size_t) =
	    (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");

	if (is_chosen(fd) && atomic_fetch_add(&reads, 1) > 0) {
		errno = EIO;
		return -1;
	}
	return real(fd, data, len);
}
