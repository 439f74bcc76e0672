#include "bookfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "record/rotate.h"

/* Whether the path still leads to the file that is open. */
static bool
is_current(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino;
}

/* Opens and locks what the path leads to.  -1 with errno. */
static int
open_locked(const char *path)
{
	int fd, error;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
		if (fd == -1)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
			error = errno;
			close(fd);
			errno = error;
			return -1;
		}
		if (is_current(fd, path))
			return fd;
		close(fd);
	}
}

/* All of the file, malloc'd. */
static char *
read_text(int fd, size_t *len)
{
	struct stat st;
	char *text;
	ssize_t n = 0;

	if (fstat(fd, &st) == -1 || (text = malloc((size_t)st.st_size + 1)) == NULL)
		return NULL;
	for (*len = 0; *len < (size_t)st.st_size; *len += (size_t)n)
		if ((n = pread(fd, text + *len, (size_t)st.st_size - *len, (off_t)*len)) <= 0)
			break;
	if (n != -1)
		return text;
	free(text);
	return NULL;
}

/* A name that no pattern matches without a dot. */
static int
name_beside(struct bookfile *b)
{
	int folder = (int)(strrchr(b->path, '/') + 1 - b->path);

	return asprintf(&b->beside, "%.*s.%s.new", folder, b->path, b->path + folder);
}

char *
bookfile_open(struct bookfile *b, const char *path, size_t *len, const char **why)
{
	struct stat st;

	*why = NULL;
	*b = (struct bookfile){.fd = open_locked(path)};
	if (b->fd == -1 && errno == EWOULDBLOCK)
		*why = "another pfanin is using it";
	if (b->fd == -1 || fstat(b->fd, &st) == -1)
		return NULL;
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1) {
		*why = "it is no regular file with one name: choose another one";
		errno = EINVAL;
		return NULL;
	}
	if ((b->path = realpath(path, NULL)) == NULL || name_beside(b) == -1)
		return NULL;
	return read_text(b->fd, len);
}

/* Makes the new file, with the mode of the old one, synced.  -1 with errno. */
static int
make_beside(const struct bookfile *b, const char *text, size_t len)
{
	int fd, error;
	struct stat st;

	/* What is there is left from a run that was killed. */
	if (unlink(b->beside) == -1 && errno != ENOENT)
		return -1;
	if (fstat(b->fd, &st) == -1 ||
	    (fd = open(b->beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777)) == -1)
		return -1;
	if (fchmod(fd, st.st_mode & 0777) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    io_write_all(fd, text, len) == 0 && fsync(fd) == 0)
		return fd;
	error = errno;
	close(fd);
	(void)unlink(b->beside);
	errno = error;
	return -1;
}

int
bookfile_write(struct bookfile *b, const char *text, size_t len)
{
	int fd = make_beside(b, text, len), error;

	if (fd == -1)
		return -1;
	if (rename(b->beside, b->path) == -1) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	close(b->fd);
	b->fd = fd;
	return rotate_sync(b->path);
}

void
bookfile_close(struct bookfile *b)
{
	if (b->fd > 0)
		close(b->fd);
	free(b->path);
	free(b->beside);
}
