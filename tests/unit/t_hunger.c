/* Children of all kinds: do they look hungry when they wait, and at work? */

#include "proc/hunger.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "proc/child.h"
#include "t.h"

#define LIMIT (5 * CLOCK_S)

static const char *const names[] = {
    [HUNGER_NONE] = "NONE", [HUNGER_SURE] = "SURE", [HUNGER_UNKNOWN] = "UNKNOWN"};

/* Looks as pfanout does. */
static enum hunger
look(const struct probe *p, int in)
{
	enum hunger h = hunger_look(p, in);

	return h == HUNGER_UNKNOWN ? hunger_search(p, in) : h;
}

/* Waits until it looks like this: it needs time to start and to read. */
static bool
becomes(const struct probe *p, int in, enum hunger want, const char *name)
{
	int64_t limit = clock_now() + LIMIT;
	enum hunger h;

	while ((h = look(p, in)) != want && clock_now() < limit)
		poll(NULL, 0, 1);
	return !CHECK(h == want, "%s: is %s, never %s", name, names[h], names[want]);
}

static bool
start(struct child *c, struct probe *p, const char *const argv[])
{
	char *path = child_find(argv[0]), *copy[8] = {NULL};
	int error;

	for (size_t i = 0; argv[i] != NULL; i++)
		copy[i] = strdup(argv[i]);
	error = child_spawn(c, path, copy, NULL);
	for (size_t i = 0; copy[i] != NULL; i++)
		free(copy[i]);
	free(path);
	if (CHECK(error == 0, "%s", argv[0]))
		return false;
	/*
	 * Under ThreadSanitizer vfork(2) does not wait for exec: the child may
	 * not have made its group yet.
	 */
	while (getpgid(c->pid) != c->pid)
		poll(NULL, 0, 1);
	hunger_open(p, c->pid, c->in);
	return true;
}

static void
end(struct child *c, struct probe *p)
{
	hunger_close(p);
	kill(-c->pid, SIGKILL);
	child_reap(c);
	child_close(c);
}

#define PYTHON "/usr/bin/python3", "-c"

/* These read a line and wait for the next one, answered or not. */
static const struct {
	const char *name;
	const char *argv[5];
	enum hunger waits;
} waiters[] = {
    {"cat", {"cat"}, HUNGER_SURE},
    {"sh -c cat", {"sh", "-c", "cat; :"}, HUNGER_SURE},
    {"sh in sh in sh", {"sh", "-c", "sh -c 'sh -c \"cat; :\"; :'; :"}, HUNGER_SURE},
    {"a pipeline", {"sh", "-c", "cat | cat | cat; :"}, HUNGER_SURE},
    {"read in sh", {"sh", "-c", "while read x; do echo $x; done"}, HUNGER_SURE},
    {"sed", {"sed", "s/a/b/"}, HUNGER_SURE},
    {"python, block-buffered", {PYTHON, "import sys\nfor x in sys.stdin: print(x)"}, HUNGER_SURE},
    {"stdin under another number",
	{PYTHON, "import os\nf = os.fdopen(os.dup(0))\nos.close(0)\nfor x in f: print(x)"},
	HUNGER_SURE},
    {"readv, as musl's stdio does",
	{PYTHON, "import os\nwhile os.readv(0, [bytearray(9)]): print('x')"}, HUNGER_SURE},
    {"a thread that reads",
	{PYTHON,
	    "import os, threading\n"
	    "t = threading.Thread(target=lambda: [x for x in iter(lambda: os.read(0, 99), b'')])\n"
	    "t.start()\nt.join()"},
	HUNGER_UNKNOWN},
    /* Where one waits for input and another is blocked, nobody can tell. */
    {"a process that sleeps in the background", {"sh", "-c", "sleep 1000 & cat; :"},
	HUNGER_UNKNOWN},
    {"poll",
	{PYTHON,
	    "import os, select\np = select.poll()\np.register(0, select.POLLIN)\n"
	    "while p.poll(): os.read(0, 99)"},
	HUNGER_UNKNOWN},
};

static void
test_waiters(void)
{
	struct child c;
	struct probe p;

	for (size_t i = 0; i < sizeof(waiters) / sizeof(waiters[0]); i++) {
		if (!start(&c, &p, waiters[i].argv))
			continue;
		if (becomes(&p, c.in, waiters[i].waits, waiters[i].name)) {
			CHECK(write(c.in, "a line\n", 7) == 7);
			becomes(&p, c.in, waiters[i].waits, waiters[i].name);
		}
		end(&c, &p);
	}
}

/* These read a line, say "ready", and then have something to do. */
static const struct {
	const char *name;
	const char *argv[5];
} workers[] = {
    {"sleep in sh", {"sh", "-c", "read x; echo ready; sleep 1000"}},
    {"a sleeping process",
	{PYTHON, "import time\ninput()\nprint('ready', flush=True)\ntime.sleep(1000)"}},
    {"a busy process", {PYTHON, "input()\nprint('ready', flush=True)\nwhile True: pass"}},
    {"the middle of a pipeline, running",
	{"sh", "-c", "cat | (read x; echo ready; while :; do :; done) | cat; :"}},
    {"a process that waits for the network",
	{PYTHON,
	    "import socket\na, b = socket.socketpair()\ninput()\nprint('ready', flush=True)\n"
	    "a.recv(1)"}},
    {"a thread of one that waits for it",
	{PYTHON,
	    "import threading\n"
	    "def work():\n while True: pass\n"
	    "input()\nprint('ready', flush=True)\n"
	    "t = threading.Thread(target=work)\nt.start()\nt.join()"}},
};

static void
test_workers(void)
{
	struct child c;
	struct probe p;
	char text[16];

	for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++) {
		int sure = 0;

		if (!start(&c, &p, workers[i].argv))
			continue;
		CHECK(write(c.in, "a line\n", 7) == 7);
		CHECK(poll(&(struct pollfd){.fd = c.out, .events = POLLIN}, 1, 10000) == 1 &&
			read(c.out, text, sizeof(text)) == 6,
		    "%s", workers[i].name);
		becomes(&p, c.in, HUNGER_NONE, workers[i].name);
		for (int j = 0; j < 50; j++)
			sure += look(&p, c.in) == HUNGER_SURE;
		CHECK(sure == 0, "%s: %d of 50 looks see hunger", workers[i].name, sure);
		end(&c, &p);
	}
}

/* After SIGSTOP and SIGCONT it looks as it did. */
static void
test_continued(void)
{
	struct child c;
	struct probe p;
	siginfo_t si;

	for (size_t i = 0; i < sizeof(waiters) / sizeof(waiters[0]); i++) {
		const char *name = waiters[i].name;

		if (!start(&c, &p, waiters[i].argv))
			continue;
		CHECK(write(c.in, "a line\n", 7) == 7);
		if (becomes(&p, c.in, waiters[i].waits, name)) {
			kill(-c.pid, SIGSTOP);
			CHECK(waitid(P_PIDFD, (id_t)c.pidfd, &si, WSTOPPED) == 0);
			kill(-c.pid, SIGCONT);
			CHECK(waitid(P_PIDFD, (id_t)c.pidfd, &si, WCONTINUED) == 0);
			becomes(&p, c.in, waiters[i].waits, name);
		}
		end(&c, &p);
	}
}

/*
 * The main thread waits for input, so the quick look is sure.  The search sees
 * what the others do.
 */
static const struct {
	const char *name;
	const char *argv[5];
	enum hunger searched;
} beside[] = {
    {"nothing else", {"cat"}, HUNGER_SURE},
    {"a sleeping process", {"sh", "-c", "sleep 1000 & exec cat"}, HUNGER_UNKNOWN},
    {"a thread that waits for the network",
	{PYTHON,
	    "import socket, sys, threading\na, b = socket.socketpair()\n"
	    "threading.Thread(target=lambda: a.recv(1), daemon=True).start()\n"
	    "for x in sys.stdin: print(x)"},
	HUNGER_UNKNOWN},
    {"a busy process", {"sh", "-c", "while :; do :; done & exec cat"}, HUNGER_NONE},
};

static void
test_beside(void)
{
	struct child c;
	struct probe p;

	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		int64_t limit = clock_now() + LIMIT;
		enum hunger h = HUNGER_NONE;

		if (!start(&c, &p, beside[i].argv))
			continue;
		while (clock_now() < limit &&
		    (hunger_look(&p, c.in) != HUNGER_SURE ||
			(h = hunger_search(&p, c.in)) != beside[i].searched))
			poll(NULL, 0, 1);
		CHECK(h == beside[i].searched, "%s: is %s, not %s", beside[i].name, names[h],
		    names[beside[i].searched]);
		end(&c, &p);
	}
}

/* A child that has not read all it was given is never hungry. */
static void
test_unread(void)
{
	static const char *const argv[] = {"sleep", "1000", NULL};
	struct child c;
	struct probe p;

	if (!start(&c, &p, argv))
		return;
	becomes(&p, c.in, HUNGER_NONE, "sleep");
	CHECK(write(c.in, "x", 1) == 1);
	CHECK(hunger_look(&p, c.in) == HUNGER_NONE && hunger_search(&p, c.in) == HUNGER_NONE);
	end(&c, &p);
}

/* What it has not read is known, even once our end is closed. */
static void
test_unread_bytes(void)
{
	static const char *const argv[] = {"sh", "-c", "read x; exec sleep 1000", NULL};
	int64_t limit = clock_now() + LIMIT;
	struct child c;
	struct probe p;

	if (!start(&c, &p, argv))
		return;
	CHECK(hunger_unread(&p, c.in) == 0);
	CHECK(write(c.in, "one", 3) == 3);
	while (hunger_unread(&p, c.in) != 0 && clock_now() < limit)
		poll(NULL, 0, 1);
	CHECK(write(c.in, "\ntwo\n", 5) == 5);
	while (hunger_unread(&p, c.in) != 4 && clock_now() < limit)
		poll(NULL, 0, 1);
	CHECK(hunger_unread(&p, c.in) == 4);
	child_close_in(&c);
	CHECK(hunger_unread(&p, c.in) == 4, "%zd", hunger_unread(&p, c.in));
	kill(-c.pid, SIGKILL);
	CHECK(poll(&(struct pollfd){.fd = c.pidfd, .events = POLLIN}, 1, 10000) == 1);
	CHECK(hunger_unread(&p, c.in) == -1);
	end(&c, &p);
}

static void
test_let_go(void)
{
	static const char *const closes[] = {"sh", "-c", "exec <&-; exec sleep 1000", NULL};
	static const char *const swaps[] = {
	    "sh", "-c", "exec 3<&0 </dev/null; exec sleep 1000", NULL};
	static const char *const keeps[] = {"sleep", "1000", NULL};
	const char *const *const all[] = {closes, swaps, keeps};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int64_t limit = clock_now() + LIMIT;
		struct child c;
		struct probe p;

		if (!start(&c, &p, all[i]))
			return;
		while (all[i] != keeps && !hunger_has_let_go(&p) && clock_now() < limit)
			poll(NULL, 0, 1);
		CHECK(hunger_has_let_go(&p) == (all[i] != keeps), "child %zu", i);
		end(&c, &p);
	}
}

/* A child that is gone, or cannot be looked at. */
static void
test_gone(void)
{
	static const char *const argv[] = {"cat", NULL};
	struct child c;
	struct probe p;

	if (!start(&c, &p, argv))
		return;
	becomes(&p, c.in, HUNGER_SURE, "cat");
	kill(-c.pid, SIGKILL);
	CHECK(poll(&(struct pollfd){.fd = c.pidfd, .events = POLLIN}, 1, 10000) == 1);
	/* On its way out it may still look as it did. */
	for (int n = 0; n < 10000 && look(&p, c.in) == HUNGER_SURE; n++)
		poll(NULL, 0, 1);
	CHECK(look(&p, c.in) != HUNGER_SURE, "a zombie");
	end(&c, &p);
	hunger_close(&p);
	CHECK(hunger_look(&p, -1) != HUNGER_SURE && hunger_search(&p, -1) != HUNGER_SURE);

	hunger_open(&p, 0x7ffffffe, c.in);
	CHECK(p.syscall_fd == -1);
	CHECK(start(&c, &p, argv));
	hunger_close(&p);
	CHECK(hunger_look(&p, c.in) == HUNGER_UNKNOWN, "a probe that could not be opened");
	end(&c, &p);
}

int
main(void)
{
	alarm(100);
	signal(SIGPIPE, SIG_IGN);
	unsetenv("PYTHONUNBUFFERED");
	test_waiters();
	test_workers();
	test_continued();
	test_beside();
	test_unread();
	test_unread_bytes();
	test_let_go();
	test_gone();
	return t_end();
}
