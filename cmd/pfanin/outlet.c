#include "outlet.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int
outlet_close(void)
{
	struct stat st;
	int null, outlet = -1;

	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
		outlet = open("/proc/self/fd/1", O_PATH | O_CLOEXEC);
	if ((null = open("/dev/null", O_WRONLY | O_CLOEXEC)) != -1) {
		(void)dup2(null, STDOUT_FILENO);
		close(null);
	}
	return outlet;
}

bool
outlet_has_reader(int outlet)
{
	struct pollfd p = {.fd = -1};
	char path[64];

	if (outlet == -1)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", outlet);
	if ((p.fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return false;
	(void)poll(&p, 1, 0);
	close(p.fd);
	return (p.revents & POLLERR) == 0;
}
