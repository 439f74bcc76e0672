/*
 * When marks are acknowledged, and what a sync in another thread has to do with
 * that: a sync ends when a test says so.
 */

#include "stage/acks.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/mark.h"
#include "t.h"

static struct {
	bool waits;    /* until `go` has been posted */
	int fails;     /* with this errno */
	_Atomic int n; /* that have begun, of open files */
	sem_t go;
} syncs;

int
fdatasync(int fd)
{
	syncs.n += fcntl(fd, F_GETFD) != -1;
	if (syncs.waits)
		while (sem_wait(&syncs.go) == -1)
			continue;
	errno = syncs.fails;
	return syncs.fails == 0 ? 0 : -1;
}

static struct mark source; /* whose marks they are */
static int acked;          /* its socket */

/* A file that is written to, with marks 1 to n, one behind every 100 bytes. */
static struct acks *
begin(int *fd, uint64_t n, bool waits)
{
	char path[] = "/tmp/t_acks.XXXXXX";
	struct acks *a;

	syncs.n = syncs.fails = 0;
	syncs.waits = waits;
	*fd = mkostemp(path, O_CLOEXEC);
	CHECK(*fd != -1 && unlink(path) == 0, "%s", strerror(errno));
	a = acks_new(*fd, false);
	CHECK(a != NULL && !acks_are_owed(a));
	for (source.n = 1; source.n <= n; source.n++)
		CHECK(acks_put(a, &source, 100 * source.n) == 0);
	return a;
}

static void
end(struct acks *a, int fd)
{
	acks_free(a);
	close(fd);
}

/* The numbers of the marks that have been acknowledged since the last call. */
static const char *
numbers(void)
{
	static char text[256];
	struct mark mark;
	pid_t from;
	size_t len = 0;

	*text = '\0';
	while (mark_receive(acked, &mark, &from) == 1)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s%ju", len > 0 ? " " : "", (uintmax_t)mark.n);
	return text;
}

#define ACKED(want) CHECK(strcmp(numbers(), want) == 0, "want %s", want)

/* Lets the sync that runs end, and sends until it has been seen. */
static int
send_after_sync(struct acks *a, uint64_t written)
{
	uint64_t before = acks_sent(a);
	int error;

	sem_post(&syncs.go);
	while ((error = acks_send(a, written, false)) == 0 && acks_sent(a) == before)
		sched_yield();
	return error;
}

static void
test_meanwhile(void)
{
	int fd;
	struct acks *a = begin(&fd, 2, true);

	CHECK(acks_send(a, 210, false) == 0);
	ACKED("");
	/* More is written while it runs, of which it knows nothing. */
	source.n = 3;
	CHECK(acks_put(a, &source, 300) == 0 && acks_send(a, 300, false) == 0);
	ACKED("");
	CHECK(send_after_sync(a, 300) == 0 && syncs.n == 1);
	ACKED("1 2");
	CHECK(acks_are_owed(a) && acks_send(a, 300, false) == 0);
	ACKED("");
	CHECK(send_after_sync(a, 300) == 0 && syncs.n == 2);
	ACKED("3");
	CHECK(!acks_are_owed(a) && acks_send(a, 300, false) == 0 && syncs.n == 2);
	end(a, fd);
}

static void
test_nothing_written_yet(void)
{
	int fd;
	struct acks *a = begin(&fd, 0, false);

	source.n = 1;
	CHECK(acks_put(a, &source, 0) == 0 && acks_send(a, 50, false) == 0 && syncs.n == 0);
	ACKED("1");
	end(a, fd);
}

/* What the sync that runs makes safe is sent before the rest is synced. */
static void
test_wait(void)
{
	int fd;
	struct acks *a = begin(&fd, 2, true);

	CHECK(acks_send(a, 100, false) == 0);
	sem_post(&syncs.go);
	sem_post(&syncs.go);
	CHECK(acks_send(a, 200, true) == 0 && syncs.n == 1);
	ACKED("1");
	CHECK(acks_send(a, 200, true) == 0 && syncs.n == 2);
	ACKED("2");
	end(a, fd);
}

static void
test_failure(bool wait)
{
	int fd;
	struct acks *a = begin(&fd, 1, true);

	syncs.fails = EIO;
	CHECK(acks_send(a, 100, false) == 0);
	errno = 0;
	if (wait) {
		sem_post(&syncs.go);
		CHECK(acks_send(a, 100, true) == -1 && errno == EIO, "%s", strerror(errno));
	} else
		CHECK(send_after_sync(a, 100) == -1 && errno == EIO, "%s", strerror(errno));
	ACKED("");
	CHECK(acks_are_owed(a) && syncs.n == 1);
	end(a, fd);
}

static void
test_file_system_without(void)
{
	int fd;
	struct acks *a = begin(&fd, 1, true);

	syncs.fails = EINVAL;
	CHECK(acks_send(a, 100, false) == 0 && send_after_sync(a, 100) == 0);
	ACKED("1");
	end(a, fd);
}

static void
test_leave(void)
{
	int fd, next = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct acks *a = begin(&fd, 2, true);

	CHECK(acks_send(a, 100, false) == 0);
	sem_post(&syncs.go);
	sem_post(&syncs.go);
	CHECK(acks_leave(a, 200) == 0 && syncs.n == 2);
	acks_enter(a, next);
	CHECK(acks_send(a, 0, false) == 0);
	ACKED("1 2");
	close(next);
	end(a, fd);
}

/* The file is closed then: no sync may be at it any more. */
static void
test_free(void)
{
	int fd;
	struct acks *a = begin(&fd, 1, false);

	CHECK(acks_send(a, 100, false) == 0);
	end(a, fd);
	CHECK(syncs.n == 1);
	ACKED("");
}

/* A source may wait for it: the end of a sync, short or long, is seen soon. */
static void
test_pauses(void)
{
	for (int64_t took = CLOCK_MS / 16; took <= 100 * CLOCK_MS; took += took / 8) {
		int64_t pause = 0, seen = 0;

		while (seen < took && !acks_may_wait(pause)) {
			pause = acks_pause(pause);
			seen += pause;
		}
		CHECK(seen <= 3 * took, "%jd ns: seen after %jd", (intmax_t)took, (intmax_t)seen);
	}
}

static void
test_pipe(void)
{
	int fds[2];
	struct acks *a;
	char byte;

	CHECK(pipe2(fds, O_CLOEXEC) == 0 && acks_new(fds[1], false) == NULL && errno == 0);
	a = acks_new(fds[1], true);
	CHECK(a != NULL && write(fds[1], "ab", 2) == 2);
	for (source.n = 1; source.n <= 2; source.n++)
		CHECK(acks_put(a, &source, source.n) == 0);
	for (int i = 0; i < 2; i++) {
		CHECK(acks_send(a, 2, true) == 0);
		ACKED(i == 0 ? "" : "1");
		CHECK(read(fds[0], &byte, 1) == 1);
	}
	CHECK(acks_send(a, 2, false) == 0 && !acks_have_no_reader(a));
	ACKED("2");
	close(fds[0]);
	CHECK(acks_have_no_reader(a));
	end(a, fds[1]);
}

int
main(void)
{
	pid_t self = getpid();

	memcpy(source.to, &self, sizeof(self));
	source.weight = MARK_WHOLE;
	acked = mark_listen(source.to);
	CHECK(acked != -1 && sem_init(&syncs.go, 0, 0) == 0, "%s", strerror(errno));
	alarm(60);
	test_meanwhile();
	test_nothing_written_yet();
	test_wait();
	test_failure(false);
	test_failure(true);
	test_file_system_without();
	test_leave();
	test_free();
	test_pauses();
	test_pipe();
	return t_end();
}
