#include "proc/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "t.h"

#define TEXT_MAX 65536

/* ThreadSanitizer turns vfork(2) into fork(2), which hides errors of exec. */
#if defined(__SANITIZE_THREAD__)
#define EXEC_ERRORS 0
#elif defined(__has_feature)
#define EXEC_ERRORS (!__has_feature(thread_sanitizer))
#else
#define EXEC_ERRORS 1
#endif

static char dir[] = "/tmp/t_child.XXXXXX";

/* Makes a file in dir with this content. */
static const char *
make_file(const char *name, const char *text, mode_t mode)
{
	static char path[4][64];
	static int i;
	int fd;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	fd = open(path[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd != -1 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
	    fchmod(fd, mode) == 0);
	close(fd);
	return path[i];
}

static bool
start(struct child *c, const char *script)
{
	char sh[] = "sh", option[] = "-c", *copy = strdup(script),
	     *argv[] = {sh, option, copy, NULL};
	int error = child_spawn(c, "/bin/sh", argv, NULL);

	free(copy);
	return !CHECK(error == 0, "%s: %s", script, strerror(errno));
}

/* Reads from a nonblocking fd to its end, or up to an LF, into a string. */
static char *
read_text(int fd, bool line)
{
	static char text[TEXT_MAX + 1];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;
	ssize_t n;

	while (len < TEXT_MAX && poll(&p, 1, 20000) == 1 &&
	    (n = read(fd, text + len, TEXT_MAX - len)) > 0) {
		len += (size_t)n;
		if (line && text[len - 1] == '\n')
			break;
	}
	text[len] = '\0';
	return text;
}

/* Returns what the script prints. */
static char *
output_of(const char *script)
{
	static char none[1] = "";
	struct child c;
	char *text;

	if (!start(&c, script))
		return none;
	child_close_in(&c);
	text = read_text(c.out, false);
	child_reap(&c);
	child_close(&c);
	return text;
}

/* Returns how many files are open. */
static size_t
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = (size_t)-3; /* ".", ".." and the directory itself */

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Sends our stderr, and the children's, into a file.  Returns the old one. */
static int
catch_stderr(int *file)
{
	int old = dup(STDERR_FILENO);

	fflush(stderr);
	*file = memfd_create("stderr", MFD_CLOEXEC);
	dup2(*file, STDERR_FILENO);
	return old;
}

static void
give_stderr_back(int old)
{
	dup2(old, STDERR_FILENO);
	close(old);
}

static void
test_talk(void)
{
	struct child c;

	CHECK(start(&c, "while read x; do echo \"<$x>\"; done; exit 7"));
	CHECK(c.pid > 0 && (!EXEC_ERRORS || getpgid(c.pid) == c.pid), "a process group of its own");
	CHECK((fcntl(c.in, F_GETFL) & O_NONBLOCK) && (fcntl(c.out, F_GETFL) & O_NONBLOCK) &&
	    (fcntl(c.err, F_GETFL) & O_NONBLOCK));
	CHECK((fcntl(c.in, F_GETFD) & FD_CLOEXEC) && (fcntl(c.out, F_GETFD) & FD_CLOEXEC) &&
	    (fcntl(c.err, F_GETFD) & FD_CLOEXEC) && (fcntl(c.pidfd, F_GETFD) & FD_CLOEXEC));
	CHECK(write(c.in, "a\n", 2) == 2);
	CHECK(strcmp(read_text(c.out, true), "<a>\n") == 0);
	CHECK(write(c.in, "b\n", 2) == 2);
	child_close_in(&c);
	CHECK(c.in == -1);
	child_close_in(&c);
	child_reap(&c);
	CHECK(c.pid == 0 && WIFEXITED(c.status) && WEXITSTATUS(c.status) == 7);
	CHECK(c.in == -1 && c.err == -1 && c.pidfd == -1 && c.out != -1);
	CHECK(strcmp(read_text(c.out, false), "<b>\n") == 0, "answers are still there");
	child_reap(&c);
	child_stop(&c);
	child_close(&c);
	CHECK(c.out == -1);
	child_close(&c);
}

/* With nothing running every function is harmless, and may be called twice. */
static void
use_nothing(struct child *c)
{
	for (int i = 0; i < 2; i++) {
		child_close_in(c);
		CHECK(!child_read_log(c));
		child_stop(c);
		child_reap(c);
		child_close(c);
		CHECK(c->pid == 0 && c->in == -1 && c->out == -1 && c->err == -1 && c->pidfd == -1);
	}
}

static void
test_nothing(void)
{
	static char name[] = "x", *argv[] = {name, NULL};
	size_t fds = count_fds();
	struct child c;

	memset(&c, 0xff, sizeof(c));
	child_init(&c);
	CHECK(c.status == CHILD_UNKNOWN && !WIFEXITED(c.status) && !WIFSIGNALED(c.status));
	CHECK(c.log_len == 0);
	use_nothing(&c);
	if (EXEC_ERRORS) {
		CHECK(child_spawn(&c, "/nonexistent", argv, NULL) == -1);
		use_nothing(&c);
	}
	if (start(&c, "exit 0")) {
		child_reap(&c);
		child_close(&c);
		use_nothing(&c);
	}
	CHECK(count_fds() == fds, "%zu fds, there were %zu", count_fds(), fds);
}

/* It inherits neither our blocked and ignored signals nor our files. */
static void
test_environment(void)
{
	unsigned long long blocked = 1, ignored = 1;
	sigset_t all, old;
	char *text;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	text = output_of("grep -E '^Sig(Blk|Ign)' /proc/self/status");
	CHECK(sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored) == 2);
	/* 32 and 33 are the C library's: signal(2) cannot ignore them. */
	CHECK(blocked == 0 && (ignored & ~0x180000000ULL) == 0, "%s", text);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	text = output_of("echo /proc/self/fd/*");
	/* 3: the shell's own, while it looks */
	CHECK(
	    strcmp(text, "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3\n") == 0,
	    "%s", text);
}

/* Sends the signal to our group all the time, until our parent is gone. */
static void
pound(int sig)
{
	if (fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (pid_t parent = getppid(); getppid() == parent;)
		kill(0, sig);
	_exit(0);
}

/* In a group where nobody acts on the signal.  Returns 0: all went well. */
static int
spawn_in_pounded_group(int sig)
{
	static char name[] = "true", *argv[] = {name, NULL};
	int failed = 0;
	sigset_t set;
	struct child c;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pound(sig);
	for (int i = 0; i < 200 && failed == 0; i++) {
		failed = child_spawn(&c, "/bin/true", argv, NULL) == -1 ||
		    poll(&(struct pollfd){.fd = c.pidfd, .events = POLLIN}, 1, 10000) != 1;
		child_reap(&c);
		child_close(&c);
		failed = failed || !WIFEXITED(c.status) || WEXITSTATUS(c.status) != 0;
	}
	return failed;
}

/*
 * A signal for our group is none for a child that is starting.  If SIGTSTP
 * stopped it before exec, child_spawn() would not return.
 */
static void
test_signal_at_start(int sig)
{
	int status = -1;
	bool ended = false;
	pid_t pid = fork();

	if (pid == 0)
		_exit(spawn_in_pounded_group(sig));
	for (int i = 0; i < 2000 && !ended; i++) {
		ended = waitpid(pid, &status, WNOHANG) == pid;
		if (!ended)
			poll(NULL, 0, 10);
	}
	if (!ended) {
		kill(pid, SIGKILL); /* the rest of the group follows */
		waitpid(pid, NULL, 0);
	}
	CHECK(ended && status == 0, "signal %d: ended %d, status %#x", sig, ended, status);
}

/* Errors of exec are reported, and nothing is left behind. */
static void
test_errors(void)
{
	static char name[] = "x", *argv[] = {name, NULL};
	size_t fds = count_fds();
	struct rlimit old, few;
	struct child c;

	CHECK(child_spawn(&c, "/nonexistent", argv, NULL) == -1 && errno == ENOENT);
	CHECK(
	    child_spawn(&c, make_file("plain", "text", 0600), argv, NULL) == -1 && errno == EACCES);
	CHECK(child_spawn(&c, dir, argv, NULL) == -1 && errno == EACCES);
	CHECK(child_spawn(&c, make_file("badinterp", "#!/nonexistent\n", 0700), argv, NULL) == -1 &&
	    errno == ENOENT);
	CHECK(c.pid == 0 && c.in == -1 && c.out == -1 && c.err == -1 && c.pidfd == -1);
	getrlimit(RLIMIT_NOFILE, &old);
	for (rlim_t more = 0; more < 7; more++) {
		few = old;
		few.rlim_cur = fds + more;
		setrlimit(RLIMIT_NOFILE, &few);
		CHECK(child_spawn(&c, "/bin/true", argv, NULL) == -1 && errno == EMFILE, "%ju fds",
		    (uintmax_t)more);
		setrlimit(RLIMIT_NOFILE, &old);
		CHECK(c.pid == 0 && c.in == -1 && c.out == -1 && c.err == -1 && c.pidfd == -1);
	}
	CHECK(count_fds() == fds, "%zu fds, there were %zu", count_fds(), fds);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "a zombie was left");
}

static void
test_script_without_interpreter(void)
{
	char name[] = "name", one[] = "one", two[] = "two words", *argv[100] = {name, one, two};
	const char *path = make_file("script", "echo \"$0 $# $2\"\n", 0700);
	struct child c;
	char want[100];

	CHECK(child_spawn(&c, path, argv, NULL) == 0);
	snprintf(want, sizeof(want), "%s 2 two words\n", path);
	CHECK(strcmp(read_text(c.out, false), want) == 0);
	child_stop(&c);
	child_close(&c);
	for (size_t i = 3; i < 99; i++)
		argv[i] = two;
	if (CHECK(child_spawn(&c, path, argv, NULL) == 0, "with 98 arguments: %s", strerror(errno)))
		return;
	snprintf(want, sizeof(want), "%s 98 two words\n", path);
	CHECK(strcmp(read_text(c.out, false), want) == 0);
	child_stop(&c);
	child_close(&c);
}

static void
test_find(void)
{
	char path[256], *found;

	make_file("here", "#!/bin/sh\n", 0700);
	make_file("notme", "#!/bin/sh\n", 0600);
	snprintf(path, sizeof(path), "/nonexistent:%s/plain:%s:/bin", dir, dir);
	setenv("PATH", path, 1);
	snprintf(path, sizeof(path), "%s/here", dir);
	CHECK((found = child_find("here")) != NULL && strcmp(found, path) == 0);
	free(found);
	CHECK((found = child_find(path)) != NULL && strcmp(found, path) == 0);
	free(found);
	CHECK((found = child_find("sh")) != NULL && strcmp(found, "/bin/sh") == 0);
	free(found);
	CHECK(child_find("notme") == NULL && errno == EACCES);
	CHECK(child_find("nowhere") == NULL && errno == ENOENT);
	CHECK(child_find("") == NULL && errno == ENOENT);
	CHECK(child_find("/bin") == NULL && errno == EACCES, "a directory");
	CHECK(child_find("/bin/sh/x") == NULL && errno == ENOENT);
	CHECK(chdir(dir) == 0);
	setenv("PATH", "/nonexistent:", 1);
	CHECK((found = child_find("here")) != NULL && strcmp(found, "here") == 0,
	    "an empty directory is this one");
	free(found);
	unsetenv("PATH");
	CHECK((found = child_find("sh")) != NULL);
	free(found);
	setenv("PATH", "/usr/bin:/bin", 1);
}

/* All of its stderr is passed on, and the end is kept. */
static void
test_log(void)
{
	static const char script[] =
	    "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done";
	static char want[TEXT_MAX], got[TEXT_MAX];
	struct child c;
	size_t len = 0;
	int file, old;
	bool ended = false;

	for (int i = 0; i < 3000; i++)
		len += (size_t)snprintf(want + len, sizeof(want) - len, "line %d\n", i);
	old = catch_stderr(&file);
	if (start(&c, script)) {
		while (
		    !ended && poll(&(struct pollfd){.fd = c.err, .events = POLLIN}, 1, 20000) == 1)
			ended = !child_read_log(&c);
		child_reap(&c);
	}
	give_stderr_back(old);
	CHECK(ended && !child_read_log(&c));
	CHECK(pread(file, got, sizeof(got), 0) == (ssize_t)len && memcmp(got, want, len) == 0);
	CHECK(c.log_len == CHILD_LOG && memcmp(c.log, want + len - CHILD_LOG, CHILD_LOG) == 0);
	child_close(&c);
	close(file);

	old = catch_stderr(&file);
	if (start(&c, "echo last words >&2; kill -9 $$"))
		child_reap(&c);
	give_stderr_back(old);
	CHECK(c.log_len == 11 && memcmp(c.log, "last words\n", 11) == 0, "reap reads the rest");
	CHECK(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGKILL);
	child_close(&c);
	close(file);
}

static volatile sig_atomic_t flooding; /* the pid */

static void
stop_flood(int sig)
{
	(void)sig;
	kill(-flooding, SIGKILL);
	flooding = 0;
}

/* A child that never stops writing must not keep the caller. */
static void
test_flood(void)
{
	struct sigaction sa = {.sa_handler = stop_flood};
	struct itimerval soon = {.it_value.tv_usec = 200000}, never = {.it_value.tv_usec = 0};
	int file, old = catch_stderr(&file), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct child c;
	bool returned = false;

	dup2(null, STDERR_FILENO);
	sigaction(SIGPROF, &sa, NULL);
	if (start(&c, "exec yes >&2")) {
		flooding = c.pid;
		for (int n = 0; n < 65536 && ioctl(c.err, FIONREAD, &n) == 0;)
			continue; /* the pipe gets full */
		setitimer(ITIMER_PROF, &soon, NULL);
		for (int i = 0; i < 100 && flooding; i++)
			child_read_log(&c);
		returned = flooding != 0;
		setitimer(ITIMER_PROF, &never, NULL);
		kill(-c.pid, SIGKILL);
		child_reap(&c);
		child_close(&c);
	}
	give_stderr_back(old);
	CHECK(returned, "100 calls took 200 ms, and would have gone on");
	close(null);
	close(file);
}

/* The exit of a child by itself leaves its descendants alone. */
static void
test_left_behind(void)
{
	struct child c;
	pid_t left;

	if (!start(&c, "sleep 1000 & echo $!"))
		return;
	left = (pid_t)strtol(read_text(c.out, true), NULL, 10);
	child_reap(&c);
	CHECK(WIFEXITED(c.status) && WEXITSTATUS(c.status) == 0);
	CHECK(poll(&(struct pollfd){.fd = c.out, .events = POLLIN}, 1, 0) == 0, "it is gone");
	CHECK(left > 0 && kill(left, SIGKILL) == 0);
	child_close(&c);
}

/* A child that has left its process group is stopped, and so is the group. */
static void
test_outside_group(void)
{
	static const char script[] =
	    "sleep 1000 & exec perl -e "
	    "'setpgrp(0, getpgrp(getppid)); $| = 1; print \"ready\\n\"; sleep 1000'";
	struct child c;

	if (!start(&c, script))
		return;
	CHECK(strcmp(read_text(c.out, true), "ready\n") == 0);
	child_stop(&c);
	CHECK(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGTERM, "status %#x", c.status);
	CHECK(*read_text(c.out, false) == '\0' && poll(&(struct pollfd){.fd = c.out}, 1, 0) == 1,
	    "a descendant lives on");
	child_close(&c);
}

/* Its descendants, which hold its stdout, are gone too: reading ends. */
static void
test_group(void (*end)(struct child *), const char *script, int want)
{
	struct child c;

	if (!start(&c, script))
		return;
	CHECK(strcmp(read_text(c.out, true), "ready\n") == 0);
	end(&c);
	CHECK(WIFSIGNALED(c.status) ? WTERMSIG(c.status) == want : want == 0, "%s: status %#x",
	    script, c.status);
	CHECK(*read_text(c.out, false) == '\0' && poll(&(struct pollfd){.fd = c.out}, 1, 0) == 1,
	    "%s: a descendant lives on", script);
	child_close(&c);
}

static void
kill_and_reap(struct child *c)
{
	kill(-c->pid, SIGKILL);
	child_reap(c);
}

static void
test_ends(void)
{
	test_group(kill_and_reap, "sleep 1000 & echo ready; wait", SIGKILL);
	test_group(child_stop, "sleep 1000 & echo ready; wait", SIGTERM);
	test_group(child_stop,
	    "exec 2>/dev/null; trap '' TERM; sleep 1000 & echo ready; while :; do wait; done",
	    SIGKILL);
	test_group(child_stop, "echo ready; kill -STOP $$", SIGTERM);
	test_group(child_stop, "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done", 0);
}

/* We raise our limit of open files; it gets the one that we were given. */
static void
test_limit(void)
{
	struct rlimit old, rl;
	size_t most = 0;
	char want[32];

	getrlimit(RLIMIT_NOFILE, &old);
	rl = old;
	rl.rlim_cur = 200;
	CHECK(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	snprintf(want, sizeof(want), "200\n");
	CHECK(child_raise_limit(100, &most) == 0);
	getrlimit(RLIMIT_NOFILE, &rl);
	CHECK(rl.rlim_cur == 200, "there was no need");
	CHECK(child_raise_limit((size_t)rl.rlim_max, &most) == -1 && errno == EMFILE &&
	    most == rl.rlim_max - 32);
	CHECK(strcmp(output_of("ulimit -n"), want) == 0);
	CHECK(child_raise_limit(300, &most) == 0);
	getrlimit(RLIMIT_NOFILE, &rl);
	CHECK(rl.rlim_cur >= 332);
	CHECK(strcmp(output_of("ulimit -n"), want) == 0, "the child has the old one");
	setrlimit(RLIMIT_NOFILE, &old);
}

int
main(void)
{
	size_t fds;
	char command[64];

	alarm(60);
	close_range(3, ~0U, 0); /* what we were given */
	CHECK(mkdtemp(dir) != NULL);
	test_talk();
	fds = count_fds();
	test_nothing();
	test_environment();
	test_signal_at_start(SIGTERM);
	test_signal_at_start(SIGTSTP);
	if (EXEC_ERRORS)
		test_errors();
	if (EXEC_ERRORS)
		test_script_without_interpreter();
	test_find();
	test_log();
	test_flood();
	test_ends();
	test_left_behind();
	test_outside_group();
	test_limit();
	CHECK(count_fds() == fds, "%zu fds, there were %zu", count_fds(), fds);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	CHECK(system(command) == 0);
	return t_end();
}
