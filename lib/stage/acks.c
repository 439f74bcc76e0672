#include "stage/acks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "record/mark.h"
#include "stage/syncer.h"

#define ROOM_MIN 64

struct owed {
	struct mark mark;
	uint64_t written; /* bytes that have to be safe */
};

struct acks {
	int fd;
	enum { SYNCED, READ, WRITTEN } safe; /* what that is */
	uint64_t synced;                     /* bytes; SYNCED */
	uint64_t syncing;                    /* by a sync that runs, or 0 */
	struct syncer *syncer;               /* NULL before it is needed */
	uint64_t sent;
	int64_t since; /* the first one is owed */
	int64_t begun; /* the next ones are being sent; 0: not yet */
	int64_t took;  /* to send the last ones */
	size_t n, room;
	struct owed *owed;
};

/* Looks whether the sync that runs, if one does, has ended, or waits for it. */
static int
end_sync(struct acks *a, bool wait)
{
	int error;

	if (a->syncing == 0)
		return 0;
	if ((error = syncer_look(a->syncer, wait)) == EINPROGRESS)
		return 0;
	if (!io_sync_failed(error))
		a->synced = a->syncing;
	a->syncing = 0;
	errno = error;
	return io_sync_failed(error) ? -1 : 0;
}

/* Another thread syncs what has been written.  False: there is none. */
static bool
begin_sync(struct acks *a, uint64_t written)
{
	if (a->syncer == NULL && (a->syncer = syncer_start()) == NULL)
		return false;
	syncer_begin(a->syncer, a->fd);
	a->syncing = written;
	return true;
}

void
acks_enter(struct acks *a, int fd)
{
	struct stat st = {0};

	(void)fstat(fd, &st);
	a->fd = fd;
	a->safe = S_ISFIFO(st.st_mode) ? READ : S_ISREG(st.st_mode) ? SYNCED : WRITTEN;
}

struct acks *
acks_new(int fd, bool ack)
{
	struct acks *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	acks_enter(a, fd);
	if (a->safe != READ || ack)
		return a;
	free(a);
	errno = 0;
	return NULL;
}

void
acks_free(struct acks *a)
{
	if (a == NULL)
		return;
	syncer_stop(a->syncer);
	free(a->owed);
	free(a);
}

/* Where the next byte goes. */
static off_t
find_end(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return lseek(fd, 0, flags != -1 && (flags & O_APPEND) != 0 ? SEEK_END : SEEK_CUR);
}

bool
acks_find_torn_line(const struct acks *a)
{
	char path[64], last = '\n';
	off_t end;
	int fd;

	if (a->safe != SYNCED || (end = find_end(a->fd)) <= 0)
		return false;
	/* Our descriptor is only for writing. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", a->fd);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return false;
	if (pread(fd, &last, 1, end - 1) == -1)
		last = '\n';
	close(fd);
	return last != '\n';
}

int
acks_put(struct acks *a, const struct mark *mark, uint64_t written)
{
	if (a->n == a->room) {
		size_t room = a->room == 0 ? ROOM_MIN : 2 * a->room;
		struct owed *owed = reallocarray(a->owed, room, sizeof(*owed));

		if (owed == NULL)
			return -1;
		a->owed = owed;
		a->room = room;
	}
	if (a->n == 0)
		a->since = clock_now();
	a->owed[a->n++] = (struct owed){*mark, written};
	return 0;
}

bool
acks_are_owed(const struct acks *a)
{
	return a != NULL && a->n > 0;
}

int64_t
acks_due(const struct acks *a)
{
	return a->since + clock_earlier(ACKS_WAIT_TIMES * a->took, ACKS_WAIT);
}

/* Syncs what has been written. */
static int
sync_file(struct acks *a, uint64_t written)
{
	if (end_sync(a, true) == -1)
		return -1;
	if (a->synced == written)
		return 0;
	if (fdatasync(a->fd) == -1 && io_sync_failed(errno))
		return -1;
	a->synced = written;
	return 0;
}

/* The same; but what a running sync makes safe is sent before the next one. */
static int
sync_next(struct acks *a, uint64_t written)
{
	return a->syncing != 0 ? end_sync(a, true) : sync_file(a, written);
}

/* The same in another thread, unless there is something to be sent. */
static int
sync_meanwhile(struct acks *a, uint64_t written)
{
	if (end_sync(a, false) == -1)
		return -1;
	if (a->syncing != 0 || a->owed[0].written <= a->synced || begin_sync(a, written))
		return 0;
	return sync_file(a, written);
}

int
acks_leave(struct acks *a, uint64_t written)
{
	if (a->safe == SYNCED && sync_file(a, written) == -1)
		return -1;
	for (size_t i = 0; i < a->n; i++)
		a->owed[i].written = 0;
	a->synced = 0;
	return 0;
}

/*
 * How many bytes are safe.  Of what the pipe holds some may be another
 * process's: then more is safe than we know.
 */
static int
find_safe(struct acks *a, uint64_t written, bool wait, uint64_t *safe)
{
	int unread = 0;

	*safe = written;
	if (a->safe == SYNCED) {
		if ((wait ? sync_next(a, written) : sync_meanwhile(a, written)) == -1)
			return -1;
		*safe = a->synced;
	}
	if (a->safe == READ && ioctl(a->fd, FIONREAD, &unread) == 0)
		*safe = written > (uint64_t)unread ? written - (uint64_t)unread : 0;
	return 0;
}

/* The first n are not owed any more. */
static void
forget(struct acks *a, size_t n)
{
	if (n == 0)
		return;
	a->sent += n;
	a->n -= n;
	memmove(a->owed, a->owed + n, a->n * sizeof(*a->owed));
	a->since = clock_now();
}

int
acks_send(struct acks *a, uint64_t written, bool wait)
{
	uint64_t safe;
	size_t n;
	int error = 0;

	if (a->n == 0)
		return 0;
	if (a->begun == 0)
		a->begun = clock_now();
	if (find_safe(a, written, wait, &safe) == -1)
		return -1;
	if (a->syncing != 0)
		return 0;
	for (n = 0; n < a->n && a->owed[n].written <= safe; n++)
		if (mark_acknowledge(&a->owed[n].mark) == -1 && errno != ECONNREFUSED) {
			error = errno == EAGAIN || errno == ENOBUFS ? 0 : errno;
			break;
		}
	a->took = clock_now() - a->begun;
	a->begun = 0;
	forget(a, n);
	errno = error;
	return error != 0 ? -1 : 0;
}

uint64_t
acks_sent(const struct acks *a)
{
	return a->sent;
}

bool
acks_have_no_reader(const struct acks *a)
{
	struct pollfd p = {.fd = a->fd};

	return a->safe == READ && poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}
