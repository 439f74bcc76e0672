#include "proc/leftover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
leftover_open(int in)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", in);
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

uint64_t
leftover_lines(int fd)
{
	char buf[4096];
	uint64_t lines = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0 || (n == -1 && errno == EINTR))
		for (const char *p = buf; n > 0 && (p = memchr(p, '\n', (size_t)(buf + n - p)));
		     p++)
			lines++;
	return lines;
}
