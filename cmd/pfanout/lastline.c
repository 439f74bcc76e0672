#include "lastline.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool
lastline_is_open(int fd)
{
	char path[32], last = '\n';
	struct stat st;
	int reader;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if ((reader = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return false;
	(void)!pread(reader, &last, 1, st.st_size - 1);
	close(reader);
	return last != '\n';
}
