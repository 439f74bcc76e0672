/*
 * Preloaded: while the file `hold` exists, a read of a file that comes to its
 * end makes the file `held`, and waits before it returns until `hold` is gone.
 * Who gives a lease back makes the file `leased`.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

static void
make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0666);

	if (fd != -1)
		close(fd);
}

ssize_t
read(int fd, void *buf, size_t size)
{
	ssize_t (*next)(int, void *, size_t) =
	    (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
	ssize_t n = next(fd, buf, size);
	int error = errno;
	struct stat st;

	if (n == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && access("hold", F_OK) == 0) {
		make("held");
		while (access("hold", F_OK) == 0)
			usleep(1000);
	}
	errno = error;
	return n;
}

int
fcntl(int fd, int op, ...)
{
	int (*next)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl");
	va_list ap;
	void *arg;
	int result;

	va_start(ap, op);
	arg = va_arg(ap, void *);
	va_end(ap);
	result = next(fd, op, arg);
	if (op == F_SETLEASE && (long)arg == F_UNLCK)
		make("leased");
	return result;
}
