#include "stage/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

/* The number after `prefix`; -1: the operand does not begin with it. */
static int
descriptor_after(const char *operand, const char *prefix)
{
	size_t len = strlen(prefix);
	const char *why;
	int fd;

	if (strncmp(operand, prefix, len) != 0)
		return -1;
	fd = (int)strtonum(operand + len, 0, 1 << 20, &why);
	return why == NULL ? fd : -1;
}

/* The descriptor that the operand names, or -1. */
static int
descriptor_of(const char *operand)
{
	int fd;

	if (strcmp(operand, "-") == 0 || strcmp(operand, "/dev/stdin") == 0)
		return STDIN_FILENO;
	fd = descriptor_after(operand, "fd:");
	return fd != -1 ? fd : descriptor_after(operand, "/dev/fd/");
}

static int
look_at(struct input *in)
{
	struct stat st;

	if (fstat(in->fd, &st) == -1)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	in->kind = S_ISREG(st.st_mode) ? INPUT_FILE : io_is_pipe(in->fd) ? INPUT_PIPE : INPUT_OTHER;
	in->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	in->dev = st.st_dev;
	in->ino = st.st_ino;
	in->taken_once = in->kind == INPUT_PIPE || (in->kind == INPUT_OTHER && isatty(in->fd));
	return 0;
}

/*
 * Descriptors of our own are closed on exec, and those that were given to us
 * can't be.
 */
static int
check_given(int fd)
{
	int flags = fcntl(fd, F_GETFD), mode = fcntl(fd, F_GETFL);

	if (flags == -1 || mode == -1)
		return -1;
	if ((flags & FD_CLOEXEC) == 0 && (mode & O_ACCMODE) != O_WRONLY)
		return 0;
	errno = EBADF;
	return -1;
}

int
input_reopen(struct input *in)
{
	in->fd = open(in->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (in->fd == -1)
		return -1;
	return in->start.offset > 0 ? input_start(in, in->start) : 0;
}

int
input_start(struct input *in, struct reader_place start)
{
	in->start = start;
	return lseek(in->fd, (off_t)start.offset, SEEK_SET) == -1 ? -1 : 0;
}

int
input_open(struct input *in, const char *operand)
{
	int error;

	*in = (struct input){.name = operand, .fd = descriptor_of(operand)};
	if (in->fd == STDIN_FILENO)
		in->name = "-";
	else if (in->fd == -1) {
		in->path = operand;
		if (input_reopen(in) == -1)
			return -1;
	} else if (check_given(in->fd) == -1)
		return -1;
	if (look_at(in) == 0)
		return 0;
	error = errno;
	input_close(in);
	errno = error;
	return -1;
}

void
input_close(struct input *in)
{
	if (in->fd > STDIN_FILENO)
		close(in->fd);
	in->fd = -1;
}

bool
input_is_same(const struct input *a, const struct input *b)
{
	if (a->fd == b->fd && a->fd != -1)
		return true;
	return a->taken_once && b->taken_once && a->dev == b->dev && a->ino == b->ino;
}
