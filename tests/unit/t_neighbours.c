#include "pmetrics/neighbours.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pmetrics/process.h"
#include "t.h"

#define CHILDREN 8

static pid_t children[CHILDREN];
static size_t n_children;

/* A pipe that no child inherits unless it is told to. */
static void
make_pipe(int p[2])
{
	CHECK(pipe2(p, O_CLOEXEC) == 0);
}

/* Waits until the child runs the command. */
static void
wait_for(pid_t pid, const char *name)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	char is[MODEL_NAME_SIZE] = "";

	for (int i = 0; i < 20000 && strcmp(is, name) != 0; i++) {
		process_name(pid, is, sizeof(is));
		nanosleep(&pause, NULL);
	}
	CHECK(strcmp(is, name) == 0, "%s, not %s", is, name);
}

/*
 * Starts a command with these descriptors: to, from, to, from, ..., -1.  The
 * standard ones are /dev/null otherwise.
 */
static pid_t
start(const char *name, char *const argv[], const int *fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		setpgid(0, 0);
		for (int i = 0; i <= STDERR_FILENO; i++)
			dup2(null, i);
		for (; *fd != -1; fd += 2)
			dup2(fd[1], fd[0]);
		execvp(argv[0], argv);
		_exit(127);
	}
	children[n_children++] = pid;
	wait_for(pid, name);
	return pid;
}

static void
end_all(void)
{
	while (n_children > 0) {
		pid_t pid = children[--n_children];

		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* What a stage has. */
static struct pipe_end
own(int fd, bool writes)
{
	struct stat st;

	CHECK(fstat(fd, &st) == 0);
	return (struct pipe_end){.dev = st.st_dev, .ino = st.st_ino, .writes = writes};
}

/* Whether the program was found to hold this end. */
static bool
has(const struct neighbours *f, pid_t pid, struct pipe_end end)
{
	for (size_t i = 0; i < f->n_ends; i++)
		if (f->end[i].ino == end.ino && f->end[i].dev == end.dev &&
		    f->end[i].writes == end.writes && f->program[f->end[i].who].pid == pid)
			return true;
	return false;
}

#define SLEEP(seconds)                                     \
	"sleep " seconds, (char *[])                       \
	{                                                  \
		(char[]){"sleep"}, (char[]){seconds}, NULL \
	}

/* One holds the end as its output, another one has inherited it. */
static void
test_output(void)
{
	int p[2];
	struct neighbours f;
	struct pipe_end end;
	pid_t pid;

	make_pipe(p);
	start(SLEEP("1001"), (int[]){29, p[1], -1});
	pid = start(SLEEP("1002"), (int[]){STDOUT_FILENO, p[1], -1});
	end = own(p[0], false);
	CHECK(neighbours_find(&f, 1, &end, 0, NULL) == 0);
	CHECK(f.n == 1 && f.program[0].pid == pid && strcmp(f.program[0].name, "sleep 1002") == 0);
	CHECK(f.n_ends == 1 && has(&f, pid, own(p[0], true)));
	neighbours_free(&f);

	/* It is a stage itself: the other one is left. */
	CHECK(neighbours_find(&f, 1, &end, 1, &pid) == 0);
	CHECK(f.n == 1 && strcmp(f.program[0].name, "sleep 1001") == 0, "%zu %s", f.n,
	    f.n ? f.program[0].name : "");
	neighbours_free(&f);
	end_all();
	CHECK(neighbours_find(&f, 1, &end, 0, NULL) == 0 && f.n == 0);
	neighbours_free(&f);
	close(p[0]);
	close(p[1]);
}

/* A shell and its child have the same output: it is the shell's. */
static void
test_shell(void)
{
	static const char name[] = "sh -c sleep 1003; :";
	struct neighbours f;
	struct pipe_end end;
	pid_t pid;
	int p[2];

	make_pipe(p);
	pid =
	    start(name, (char *[]){(char[]){"sh"}, (char[]){"-c"}, (char[]){"sleep 1003; :"}, NULL},
		(int[]){STDOUT_FILENO, p[1], -1});
	end = own(p[0], false);
	CHECK(neighbours_find(&f, 1, &end, 0, NULL) == 0);
	CHECK(f.n == 1 && f.program[0].pid == pid && strcmp(f.program[0].name, name) == 0);
	neighbours_free(&f);
	end_all();
	close(p[0]);
	close(p[1]);
}

/* stage | b | c, and c is no neighbour of a stage. */
static void
test_chain(void)
{
	int p[2], q[2];
	struct neighbours f;
	struct pipe_end end;
	pid_t b, c;

	make_pipe(p);
	make_pipe(q);
	b = start(SLEEP("1004"), (int[]){STDIN_FILENO, p[0], STDOUT_FILENO, q[1], -1});
	c = start(SLEEP("1005"), (int[]){STDIN_FILENO, q[0], -1});
	end = own(p[1], true);
	CHECK(neighbours_find(&f, 1, &end, 0, NULL) == 0);
	CHECK(f.n == 2 && f.n_ends == 3, "%zu %zu", f.n, f.n_ends);
	CHECK(has(&f, b, own(p[0], false)) && has(&f, b, own(q[0], true)));
	CHECK(has(&f, c, own(q[0], false)));
	neighbours_free(&f);
	end_all();
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(q[i]);
	}
}

/* As tee: its outputs have any descriptors. */
static void
test_tee(void)
{
	int p[2], q[2], r[2];
	struct neighbours f;
	struct pipe_end end[2];
	pid_t pid, other;

	make_pipe(p);
	make_pipe(q);
	make_pipe(r);
	pid = start(SLEEP("1006"), (int[]){STDIN_FILENO, p[0], 27, q[1], 28, r[1], -1});
	other = start(SLEEP("1007"), (int[]){STDIN_FILENO, r[0], -1});
	end[0] = own(p[1], true);
	end[1] = own(q[0], false);
	CHECK(neighbours_find(&f, 2, end, 0, NULL) == 0);
	CHECK(f.n == 2, "%zu", f.n);
	CHECK(has(&f, pid, own(p[0], false)) && has(&f, pid, own(q[0], true)));
	CHECK(has(&f, pid, own(r[0], true)) && has(&f, other, own(r[0], false)));
	neighbours_free(&f);
	end_all();
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(q[i]);
		close(r[i]);
	}
}

/* Both ends are stages': nobody is searched for. */
static void
test_none(void)
{
	int p[2];
	struct pipe_end end[2];
	struct neighbours f;

	make_pipe(p);
	end[0] = own(p[0], false);
	end[1] = own(p[1], true);
	start(SLEEP("1008"), (int[]){STDOUT_FILENO, p[1], -1});
	CHECK(neighbours_find(&f, 2, end, 0, NULL) == 0 && f.n == 0 && f.n_ends == 0);
	neighbours_free(&f);
	end_all();
	close(p[0]);
	close(p[1]);
}

static void
test_process(void)
{
	char name[MODEL_NAME_SIZE],
	    script[] = "sleep 1009; : \033[31m "
		       "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff more";
	int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	struct process_stat stat;
	pid_t pid;

	CHECK(process_stat(getpid(), &stat) && stat.parent == getppid() && stat.begun > 0);
	CHECK(stat.cpu >= 0 && stat.cpu < 60, "%f", stat.cpu);
	process_file(getpid(), file, name, sizeof(name));
	CHECK(strcmp(name, "status") == 0, "%s", name);
	close(file);

	/* Bytes that would control a terminal, and an argument that is long. */
	start("sh -c sleep 1009; : ?[31m ??????????????",
	    (char *[]){(char[]){"/bin/sh"}, (char[]){"-c"}, script, NULL}, (int[]){-1});
	end_all();
	start("tail -f /dev/null",
	    (char *[]){(char[]){"tail"}, (char[]){"-f"}, (char[]){"/dev/null"}, NULL}, (int[]){-1});
	end_all();
	pid = start("sh -c sleep 1010; :",
	    (char *[]){(char[]){"/bin/sh"}, (char[]){"-c"}, (char[]){"sleep 1010; :"}, NULL},
	    (int[]){-1});
	process_name(pid, name, 8);
	CHECK(strcmp(name, "sh -c s") == 0, "%s", name);
	end_all();
	CHECK(!process_stat(pid, &stat));
	process_name(pid, name, sizeof(name));
	CHECK(name[0] == '\0');
}

int
main(void)
{
	test_output();
	test_shell();
	test_chain();
	test_tee();
	test_none();
	test_process();
	return t_end();
}
