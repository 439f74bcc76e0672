/*
 * Standard error is a pipe or a terminal of the test's own while the log is in
 * use; what has come out is checked afterwards.
 */

#include "sync/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "t.h"

#define TEXT_MAX (4 * 1024 * 1024)

static char got[TEXT_MAX];

/* The pipe that is standard error, and the old standard error. */
struct capture {
	int old, read_end;
};

static void
begin(struct capture *c)
{
	int fds[2];

	fflush(stderr);
	if (pipe2(fds, O_CLOEXEC) == -1)
		abort();
	c->read_end = fds[0];
	c->old = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
}

/* Reads to the end of the file, which has a last byte that nobody sees. */
static size_t
read_all(int fd)
{
	size_t len = 0;
	ssize_t n;

	while (len < TEXT_MAX - 1 && (n = read(fd, got + len, TEXT_MAX - 1 - len)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			break; /* EIO: the terminal is closed */
	}
	got[len] = '\0';
	return len;
}

/* Gives standard error back; got is what was written. */
static size_t
end(struct capture *c)
{
	size_t len;

	dup2(c->old, STDERR_FILENO);
	close(c->old);
	len = read_all(c->read_end);
	close(c->read_end);
	return len;
}

static void
pass(struct log_writer *w, const char *s)
{
	log_pass(w, s, strlen(s));
}

/* What two writers and a message come to, step by step. */
static void
use_two_writers(void)
{
	struct log_writer a = {0}, b = {0};

	pass(&a, "a1\na2 ");
	pass(&b, "b1 ");
	pass(&a, "more\na3");
	log_say("message");
	pass(&b, "more\n");
	log_leave(&a);
	pass(&a, "again\n"); /* the next child of the same worker */
	pass(&b, "b2");
	log_leave(&b);
}

static void
test_lines(void)
{
	static const char held[] = "a1\na2 more\nmessage\nb1 more\na3\nagain\nb2",
			  at_once[] = "a1\na2 \nb1 \nmore\na3\nmessage\nmore\nagain\nb2";
	struct capture c;
	bool all;

	begin(&c);
	log_start(true);
	use_two_writers();
	all = log_stop(CLOCK_NEVER);
	end(&c);
	CHECK(all && strcmp(got, held) == 0, "%s", got);

	begin(&c);
	log_say("on a new line");
	log_start(false);
	use_two_writers();
	all = log_stop(CLOCK_NEVER);
	end(&c);
	CHECK(all && strncmp(got, "\non a new line\n", 15) == 0 && strcmp(got + 15, at_once) == 0,
	    "%s", got);

	/* Without a thread, too. */
	begin(&c);
	log_say("x");
	use_two_writers();
	end(&c);
	CHECK(strncmp(got, "\nx\n", 3) == 0 && strstr(got, "b2") != NULL, "%s", got);
}

/* A line that is too long to be held back is passed on in pieces. */
static void
test_long_line(void)
{
	static char half[40 * 1024];
	struct log_writer a = {0}, b = {0};
	struct capture c;
	size_t len;
	const char *at;

	memset(half, 'x', sizeof(half));
	begin(&c);
	log_start(true);
	log_pass(&a, half, sizeof(half) / 2);
	pass(&b, "b\n");
	log_pass(&a, half, sizeof(half)); /* not yet too long */
	fcntl(STDERR_FILENO, F_SETPIPE_SZ, 256 * 1024);
	log_pass(&a, half, sizeof(half) / 4);
	pass(&a, "end\n");
	pass(&b, "c\n");
	log_leave(&a);
	log_leave(&b);
	log_stop(CLOCK_NEVER);
	len = end(&c);
	at = strchr(got, 'x');
	CHECK(len == sizeof(half) / 4 * 7 + 9 && at != NULL, "%zu", len);
	CHECK(strncmp(got, "\nb\n", 3) == 0 && strstr(got, "xend\nc\n") != NULL);

	begin(&c);
	log_start(true);
	fcntl(STDERR_FILENO, F_SETPIPE_SZ, 256 * 1024);
	log_pass(&a, half, sizeof(half));
	log_pass(&a, half, sizeof(half));
	pass(&b, "b\n");
	pass(&a, "end\n");
	log_leave(&a);
	log_leave(&b);
	log_stop(CLOCK_NEVER);
	len = end(&c);
	CHECK(len == 2 * sizeof(half) + 7, "%zu", len);
	CHECK(strstr(got, "x\nb\nend\n") != NULL, "another line has come in between");
}

/* The pipe is full before the log writes. */
static void
fill_pipe(void)
{
	static char chunk[4096];

	memset(chunk, '\n', sizeof(chunk));
	fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
	while (write(STDERR_FILENO, chunk, sizeof(chunk)) > 0)
		continue;
	fcntl(STDERR_FILENO, F_SETFL, 0);
}

/* Nobody reads: what does not fit is dropped and counted, and nothing waits. */
static void
test_unread(void)
{
	static char chunk[4096];
	struct log_writer w = {0};
	struct capture c;
	const char *note;
	size_t len, passed = 0, taken, lines = 0;
	uintmax_t dropped = 0;
	bool full, full_again, early;
	int64_t took = clock_now(), waited;

	memset(chunk, 'x', sizeof(chunk));
	chunk[sizeof(chunk) - 1] = '\n';
	begin(&c);
	fill_pipe();
	log_start(true);
	full = log_is_full();
	for (; !full && passed < TEXT_MAX / 2; passed += sizeof(chunk)) {
		log_pass(&w, chunk, sizeof(chunk));
		full = log_is_full();
	}
	taken = passed;
	for (waited = clock_now(); log_is_full();)
		poll(NULL, 0, 1);
	waited = clock_now() - waited;
	for (; passed < TEXT_MAX / 2; passed += sizeof(chunk))
		log_pass(&w, chunk, sizeof(chunk));
	full_again = log_is_full();
	log_leave(&w);
	log_say("a message");
	early = log_stop(clock_after(clock_now(), CLOCK_MS));
	took = clock_now() - took;

	/* Now there is room for all of it. */
	fcntl(STDERR_FILENO, F_SETPIPE_SZ, 1024 * 1024);
	log_stop(CLOCK_NEVER);
	len = end(&c);
	CHECK(full && taken >= 256 * 1024 && taken < 512 * 1024, "%zu", taken);
	CHECK(!full_again, "who drops does not wait");
	CHECK(!early && waited > CLOCK_S / 2 && took < 10 * CLOCK_S, "%jd ns, %jd ns",
	    (intmax_t)waited, (intmax_t)took);
	CHECK(strstr(got, "\na message\n") != NULL);
	note = strstr(got, ": ");
	CHECK(note != NULL &&
	    sscanf(note, ": %ju bytes of standard error were dropped", &dropped) == 1);
	for (const char *at = got; (at = strchr(at, 'x')) != NULL; lines++)
		at = strchr(at, '\n');
	CHECK(lines >= 64 && lines * sizeof(chunk) + dropped == passed,
	    "%zu lines of %zu, %ju, %zu", lines, len, dropped, passed);
}

/* Text that nobody can leave where it is: never waits, and half of it fits. */
static void
test_no_wait(void)
{
	static char chunk[4096];
	struct log_writer w = {0};
	struct capture c;
	size_t len, passed = 0;
	int64_t took;

	memset(chunk, '\n', sizeof(chunk));
	begin(&c);
	fill_pipe();
	log_start(true);
	took = clock_now();
	for (; passed < 1024 * 1024; passed += sizeof(chunk))
		log_pass(&w, chunk, sizeof(chunk));
	took = clock_now() - took;
	log_leave(&w);
	fcntl(STDERR_FILENO, F_SETPIPE_SZ, 1024 * 1024);
	log_stop(CLOCK_NEVER);
	len = end(&c);
	CHECK(took < CLOCK_S / 2, "%jd ns", (intmax_t)took);
	CHECK(len >= 512 * 1024 && len < 768 * 1024, "%zu", len);
}

/* A reader that is merely slow gets everything from writers that wait. */
static void *
read_slowly(void *arg)
{
	static char buf[65536];
	size_t len = 0;
	ssize_t n;

	while ((n = read(*(int *)arg, buf, sizeof(buf))) > 0) {
		len += (size_t)n;
		poll(NULL, 0, 2);
	}
	return (void *)len;
}

static void
test_slow_reader(void)
{
	static char chunk[4096];
	struct log_writer w = {0};
	struct capture c;
	pthread_t thread;
	void *len;

	memset(chunk, '\n', sizeof(chunk));
	begin(&c);
	pthread_create(&thread, NULL, read_slowly, &c.read_end);
	log_start(true);
	for (size_t i = 0; i < 1000; i++) {
		while (log_is_full())
			poll(NULL, 0, 1);
		log_pass(&w, chunk, sizeof(chunk));
	}
	log_leave(&w);
	log_stop(CLOCK_NEVER);
	dup2(c.old, STDERR_FILENO);
	pthread_join(thread, &len);
	close(c.old);
	close(c.read_end);
	CHECK((size_t)len == 1000 * sizeof(chunk), "%zu", (size_t)len);
}

/* The reader has left: no signal, no wait. */
static void
test_reader_gone(void)
{
	struct log_writer w = {0};
	struct capture c;
	bool all;

	begin(&c);
	close(c.read_end);
	c.read_end = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log_start(true);
	for (size_t i = 0; i < 100000; i++)
		pass(&w, "xxxxxxxxxxxxxxx\n");
	log_leave(&w);
	all = log_stop(CLOCK_NEVER);
	end(&c);
	CHECK(all);
}

/* Waits until the screen is up to date. */
static void
settle(void)
{
	log_stop(CLOCK_NEVER);
	log_start(true);
}

/* What is shown at a terminal with 20 columns. */
static void
use_terminal(void)
{
	struct log_writer w = {0};

	log_start(true);
	log_progress("0123456789 0123456789");
	settle();
	log_say("first");
	settle();
	pass(&w, "half");
	log_leave(&w);
	settle();
	log_progress("\xe4\xb8\xad\x1b\xc2\x9b!");
	settle();
	log_progress("");
	log_stop(CLOCK_NEVER);
}

/* Runs use_terminal() with a controlling terminal, maybe in the background. */
static size_t
run_at_terminal(bool background)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	struct winsize size = {.ws_row = 5, .ws_col = 20};
	size_t len;
	pid_t pid;

	grantpt(terminal);
	unlockpt(terminal);
	fflush(NULL);
	if ((pid = fork()) == 0) {
		setsid();
		slave = open(ptsname(terminal), O_RDWR);
		ioctl(slave, TIOCSCTTY, 0);
		ioctl(slave, TIOCSWINSZ, &size);
		dup2(slave, STDERR_FILENO);
		close(slave);
		if (background && (pid = fork()) != 0) {
			waitpid(pid, NULL, 0);
			_exit(0);
		}
		if (background)
			setpgid(0, 0);
		use_terminal();
		_exit(0);
	}
	len = read_all(terminal);
	waitpid(pid, NULL, 0);
	close(terminal);
	return len;
}

static void
test_terminal(void)
{
	run_at_terminal(false);
	CHECK(strcmp(got,
		  "\r\033[K0123456789 01234567" /* 19 columns */
		  "\r\033[Kfirst\r\n"           /* in its place */
		  "\r\033[K0123456789 01234567"
		  "\r\033[Khalf"
		  "\r\n\r\033[K0123456789 01234567"
		  "\r\033[K\xe4\xb8\xad?\?\?!"
		  "\r\033[K") == 0,
	    "%s", got);
	run_at_terminal(true);
	CHECK(strcmp(got, "first\r\nhalf") == 0, "%s", got);
}

int
main(void)
{
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	test_lines();
	test_long_line();
	test_unread();
	test_no_wait();
	test_slow_reader();
	test_reader_gone();
	test_terminal();
	return t_end();
}
