#include "record/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sync/ctx.h"
#include "t.h"
#include "t_limit.h"

#define MEGA (1 << 20)

static struct ctx *root;

static struct writer *
writer_of(int fd)
{
	struct writer *w = writer_new(fd);

	CHECK(w != NULL);
	return w;
}

/* Whether the file holds exactly these bytes. */
static bool
holds(int fd, const char *want, size_t len)
{
	char *got = malloc(len + 2);
	ssize_t n = pread(fd, got, len + 2, 0);
	bool same = n == (ssize_t)len && memcmp(got, want, len) == 0;

	free(got);
	return same;
}

/*
 * Neighbours become one iovec, so that any number of them fits the queue; each
 * of the others takes an iovec.
 */
static void
test_pieces(void)
{
	int fd = memfd_create("out", 0);
	size_t n = 3 * IOV_MAX, len = 10 * n;
	char *data = malloc(len), *want = malloc(len);
	struct writer *w = writer_of(fd);
	uint64_t before;

	for (size_t i = 0; i < len; i++)
		data[i] = i % 10 == 9 ? '\n' : (char)('a' + i / 10 % 26);
	for (size_t i = 0; i < n; i++)
		CHECK(writer_put(w, root, data + 10 * i, 10) == 0);
	CHECK(writer_bytes(w) == 0, "a queue of one piece was flushed");
	CHECK(writer_flush(w, root) == 0 && writer_bytes(w) == len && holds(fd, data, len));
	CHECK(writer_flush(w, root) == 0 && writer_bytes(w) == len, "nothing to do");

	CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	for (size_t i = 0; i < n; i++) {
		before = writer_bytes(w);
		CHECK(writer_put(w, root, data + 10 * (n - 1 - i), 10) == 0);
		CHECK(writer_bytes(w) == before || i % IOV_MAX == 0, "flushed before it was full");
		memcpy(want + 10 * i, data + 10 * (n - 1 - i), 10);
	}
	CHECK(writer_bytes(w) == len + 20 * IOV_MAX);
	CHECK(writer_flush(w, root) == 0 && writer_bytes(w) == 2 * len && holds(fd, want, len));
	writer_free(w);
	writer_free(NULL);
	free(want);
	free(data);
	close(fd);
}

/* A reader in a thread of its own, which checks what comes. */
struct drain {
	pthread_t thread;
	int fd;
	const char *want;
	size_t len, wrong, chunk;
};

static void *
drain_main(void *arg)
{
	struct drain *d = arg;
	char buf[65536];
	ssize_t n;

	while ((n = read(d->fd, buf, d->chunk)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			d->wrong += buf[i] != d->want[(d->len + (size_t)i) % MEGA];
		d->len += (size_t)n;
	}
	return NULL;
}

static void
tick(int sig)
{
	(void)sig;
}

/* Signals come all the time, so that writes return short or fail with EINTR. */
static void
storm(int64_t us)
{
	struct sigaction sa = {.sa_handler = tick};
	struct itimerval it = {.it_interval.tv_usec = us, .it_value.tv_usec = us};

	sigaction(SIGPROF, &sa, NULL);
	setitimer(ITIMER_PROF, &it, NULL);
}

/*
 * 4 MiB through a pipe, in pieces of all sizes, every second of which is the
 * next one's neighbour.
 */
static void
through_pipe(int flags, size_t chunk, bool interrupted)
{
	char *data = malloc(MEGA + 1);
	struct drain d = {.want = data, .chunk = chunk};
	struct writer *w;
	sigset_t prof;
	int fds[2], wrong = 0;

	for (size_t i = 0; i < MEGA; i++)
		data[i] = (char)(i * 31 + i / 997);
	CHECK(pipe(fds) == 0);
	fcntl(fds[1], F_SETFL, flags);
	d.fd = fds[0];
	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	pthread_sigmask(SIG_BLOCK, &prof, NULL);
	CHECK(pthread_create(&d.thread, NULL, drain_main, &d) == 0);
	pthread_sigmask(SIG_UNBLOCK, &prof, NULL);
	if (interrupted)
		storm(200);
	w = writer_of(fds[1]);
	for (int round = 0; round < 4; round++)
		for (size_t at = 0, n; at < MEGA; at += n) {
			n = 1 + (at * 2654435761U >> 9) % 3000;
			if (n > MEGA - at)
				n = MEGA - at;
			wrong += writer_put(w, root, data + at, n) != 0;
			if (n % 64 == 0)
				wrong += writer_flush(w, root) != 0;
		}
	wrong += writer_flush(w, root) != 0;
	storm(0);
	CHECK(wrong == 0 && writer_bytes(w) == 4 * MEGA);
	close(fds[1]);
	pthread_join(d.thread, NULL);
	CHECK(d.len == 4 * MEGA && d.wrong == 0, "%zu bytes, %zu wrong", d.len, d.wrong);
	writer_free(w);
	close(fds[0]);
	free(data);
}

/* A pipe without a reader, and one whose reader does not read. */
static void
test_pipe_errors(void)
{
	struct ctx *done = ctx_new(root, CLOCK_NEVER),
		   *late = ctx_new(root, clock_now() + CLOCK_MS);
	char *data = calloc(1, MEGA);
	struct writer *w;
	int fds[2];

	CHECK(pipe2(fds, O_NONBLOCK) == 0);
	w = writer_of(fds[1]);
	ctx_cancel(done);
	CHECK(writer_put(w, done, data, MEGA) == 0);
	CHECK(writer_flush(w, done) == -1 && errno == ECANCELED);
	CHECK(writer_bytes(w) > 0 && writer_bytes(w) < MEGA, "what the pipe could take");
	CHECK(writer_is_torn(w), "a line in a pipe stays torn");
	CHECK(writer_flush(w, root) == 0, "a failed batch is forgotten");
	CHECK(writer_put(w, late, data, MEGA) == 0);
	CHECK(writer_flush(w, late) == -1 && errno == ECANCELED);
	close(fds[0]);
	CHECK(writer_put(w, root, data, 1) == 0);
	CHECK(writer_flush(w, root) == -1 && errno == EPIPE);
	close(fds[1]);
	CHECK(writer_put(w, root, data, 1) == 0);
	CHECK(writer_flush(w, root) == -1 && errno == EBADF);
	writer_free(w);
	ctx_free(late);
	ctx_free(done);
	free(data);
}

static void *
cancel_main(void *arg)
{
	ctx_cancel(arg);
	return NULL;
}

static void
test_cancel_while_blocked(void)
{
	struct ctx *ctx = ctx_new(root, CLOCK_NEVER);
	char *data = calloc(1, MEGA);
	pthread_t thread;
	struct writer *w;
	int fds[2];

	CHECK(pipe2(fds, O_NONBLOCK) == 0);
	w = writer_of(fds[1]);
	CHECK(writer_put(w, ctx, data, MEGA) == 0);
	CHECK(pthread_create(&thread, NULL, cancel_main, ctx) == 0);
	CHECK(writer_flush(w, ctx) == -1 && errno == ECANCELED);
	pthread_join(thread, NULL);
	writer_free(w);
	ctx_free(ctx);
	free(data);
	close(fds[0]);
	close(fds[1]);
}

/* Starts a process that has the lock on the pipe until it is killed. */
static pid_t
lock_in_child(int fds[2])
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int ready[2];
	char byte;
	pid_t pid;

	CHECK(pipe(ready) == 0);
	if ((pid = fork()) == 0) {
		alarm(60);
		close(fds[0]);
		if (fcntl(fds[1], F_SETLK, &lock) == 0 && write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	return pid;
}

/* Another process has the lock: one that is stopped, say. */
static void
test_locked(void)
{
	struct ctx *done = ctx_new(root, CLOCK_NEVER),
		   *late = ctx_new(root, clock_now() + CLOCK_MS);
	struct writer *w;
	int fds[2];
	char got[8];
	pid_t pid;

	CHECK(pipe(fds) == 0);
	w = writer_of(fds[1]);
	pid = lock_in_child(fds);
	ctx_cancel(done);
	CHECK(writer_put(w, done, "a\n", 2) == 0);
	CHECK(writer_flush(w, done) == -1 && errno == ECANCELED);
	CHECK(writer_put(w, late, "b\n", 2) == 0);
	CHECK(writer_flush(w, late) == -1 && errno == ECANCELED);
	CHECK(writer_bytes(w) == 0 && !writer_is_torn(w));

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK(writer_put(w, root, "c\n", 2) == 0);
	CHECK(writer_flush(w, root) == 0);
	CHECK(read(fds[0], got, sizeof(got)) == 2 && got[0] == 'c');

	/* The reader has left as well. */
	pid = lock_in_child(fds);
	close(fds[0]);
	CHECK(writer_put(w, root, "d\n", 2) == 0);
	CHECK(writer_flush(w, root) == -1 && errno == EPIPE);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	writer_free(w);
	close(fds[1]);
	ctx_free(late);
	ctx_free(done);
}

/* The length of the whole lines of text that a file of limit bytes can hold. */
static size_t
whole_lines(const char *text, size_t limit)
{
	const char *lf = memrchr(text, '\n', limit);

	return lf == NULL ? 0 : (size_t)(lf - text) + 1;
}

/*
 * The disk is full at each byte of the file.  Some pieces are neighbours and
 * some are not; one has several lines; the file can hold something already.
 */
static void
test_full_file(int flags, size_t held)
{
	static const char lines[] = "alpha\nb\n\ngamma delta\nepsilon\nz\neta eta eta\ntheta\n";
	static const unsigned char ends[] = {6, 8, 9, 29, 31, 43, 49};
	char copies[2][sizeof(lines)], want[sizeof(lines) + 3] = "old";
	size_t whole, len = sizeof(lines) - 1 + held;
	struct writer *w;
	int fd, error;

	memcpy(copies[0], lines, sizeof(lines));
	memcpy(copies[1], lines, sizeof(lines));
	memcpy(want + held, lines, sizeof(lines));
	for (size_t limit = held; limit <= len; limit++) {
		char path[] = "/tmp/t_writer.XXXXXX";

		if (CHECK((fd = mkstemp(path)) != -1))
			return;
		unlink(path);
		CHECK(write(fd, want, held) == (ssize_t)held);
		fcntl(fd, F_SETFL, flags);
		w = writer_of(fd);
		for (size_t i = 0, from = 0; i < sizeof(ends); from = ends[i++])
			writer_put(w, root, copies[i / 2 % 2] + from, ends[i] - from);
		limit_files(limit);
		error = writer_flush(w, root) == -1 ? errno : 0;
		limit_files(RLIM_INFINITY);
		whole = limit == len ? len : held + whole_lines(lines, limit - held);
		CHECK(error == (limit == len ? 0 : EFBIG), "limit %zu: %s", limit, strerror(error));
		CHECK(writer_bytes(w) == whole - held && !writer_is_torn(w));
		CHECK(holds(fd, want, whole), "limit %zu, %zu held before: want %zu bytes", limit,
		    held, whole);
		CHECK(write(fd, "X\n", 2) == 2 && lseek(fd, 0, SEEK_CUR) == (off_t)whole + 2,
		    "who writes next goes on behind the last line");
		writer_free(w);
		close(fd);
	}
}

/* What a write takes that does not wait: 5 us, and 0.6 ns a byte. */
static void
test_copying(void)
{
	static char a[100000], b[50000];
	int fd = memfd_create("copying", MFD_CLOEXEC);
	struct writer *w = writer_of(fd);

	CHECK(writer_copying(w) == 5000, "%lld", (long long)writer_copying(w));
	CHECK(writer_put(w, root, a, 60000) == 0 && writer_put(w, root, a + 60000, 40000) == 0);
	CHECK(writer_copying(w) == 65000, "%lld", (long long)writer_copying(w));
	CHECK(writer_put(w, root, b, sizeof(b)) == 0);
	CHECK(writer_copying(w) == 95000, "%lld", (long long)writer_copying(w));
	CHECK(writer_flush(w, root) == 0 && writer_copying(w) == 5000);
	writer_free(w);
	close(fd);
}

/* Only of a pipe is it known, and only up to PIPE_BUF bytes. */
static void
test_claim(void)
{
	static char data[PIPE_BUF];
	int fds[2], file = memfd_create("out", 0);
	struct writer *w = writer_of(file);

	CHECK(!writer_claim(w, 1), "a disk can be slow");
	writer_free(w);
	close(file);
	CHECK(pipe(fds) == 0 && fcntl(fds[1], F_SETPIPE_SZ, PIPE_BUF) == PIPE_BUF);
	w = writer_of(fds[1]);
	CHECK(writer_claim(w, PIPE_BUF) && !writer_claim(w, PIPE_BUF + 1));
	CHECK(write(fds[1], data, 1) == 1 && !writer_claim(w, PIPE_BUF));
	CHECK(read(fds[0], data, 1) == 1 && writer_claim(w, PIPE_BUF));
	close(fds[0]);
	CHECK(!writer_claim(w, 1), "its reader has gone");
	writer_free(w);
	close(fds[1]);
}

/* Whether another process can take the lock on the pipe. */
static bool
is_free(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fcntl(fd, F_SETLK, &lock) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status) == 1;
}

/*
 * The writer has the lock until it has written: another one that had it would
 * have to be waited for.
 */
static void
test_claim_locks(void)
{
	char data[PIPE_BUF] = "a\n";
	struct writer *w;
	int fds[2];
	pid_t pid;

	CHECK(pipe(fds) == 0 && fcntl(fds[1], F_SETPIPE_SZ, PIPE_BUF) == PIPE_BUF);
	w = writer_of(fds[1]);
	pid = lock_in_child(fds);
	CHECK(!writer_claim(w, 2), "another process has the lock");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);

	CHECK(writer_claim(w, 2) && !is_free(fds[1]));
	CHECK(writer_put(w, root, data, 2) == 0 && writer_flush(w, root) == 0);
	CHECK(is_free(fds[1]), "it is written");
	CHECK(!writer_claim(w, 2) && is_free(fds[1]), "there is no room");
	CHECK(read(fds[0], data, sizeof(data)) == 2);
	CHECK(writer_claim(w, 2) && writer_flush(w, root) == 0 && is_free(fds[1]), "nothing came");
	writer_free(w);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	root = ctx_new(NULL, CLOCK_NEVER);
	test_pieces();
	test_copying();
	test_claim();
	test_claim_locks();
	through_pipe(0, 65536, false);
	through_pipe(O_NONBLOCK, 65536, false);
	through_pipe(O_NONBLOCK, 1000, false);
	through_pipe(0, 4096, true);
	through_pipe(O_NONBLOCK, 4096, true);
	test_pipe_errors();
	test_cancel_while_blocked();
	test_locked();
	test_full_file(0, 0);
	test_full_file(0, 3);
	test_full_file(O_APPEND, 3);
	ctx_free(root);
	return t_end();
}
