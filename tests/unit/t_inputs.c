/* How inputs are opened, and who gets which of them when. */

#include "stage/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "metrics/link.h"
#include "record/reader.h"
#include "record/record.h"
#include "sync/ctx.h"
#include "t.h"

#define MAX_LINE 1000

static struct reader_limits limits = {.max = MAX_LINE};

/* A set, with the contexts it is read in, as a stage has them. */
struct set {
	struct inputs *inputs;
	struct ctx *root, *pipes, *files;
};

static void
begin(struct set *s, size_t open_most)
{
	s->inputs = inputs_new(open_most);
	s->root = ctx_new(NULL, CLOCK_NEVER);
	s->pipes = ctx_new(s->root, CLOCK_NEVER);
	s->files = ctx_new(s->pipes, CLOCK_NEVER);
}

static void
end(struct set *s)
{
	inputs_free(s->inputs);
	ctx_free(s->files);
	ctx_free(s->pipes);
	ctx_free(s->root);
}

static struct input *
add(struct set *s, const char *operand)
{
	const char *why;
	struct input *in = inputs_add(s->inputs, operand, &why);

	CHECK(in != NULL, "%s: %s", operand, strerror(errno));
	return in;
}

static void
arm_all(struct set *s)
{
	CHECK(inputs_begin(s->inputs, &limits, s->files, s->pipes) == 0, "%s", strerror(errno));
	for (struct input *in = inputs_first(s->inputs); in != NULL; in = inputs_after(in))
		inputs_arm(s->inputs, in);
}

/* The next input that is ready now, or NULL. */
static struct input *
next(struct set *s)
{
	return inputs_next(s->inputs, s->root, 0);
}

/* The same, but waits. */
static struct input *
wait_next(struct set *s)
{
	return inputs_next(s->inputs, s->root, clock_after(clock_now(), 20 * CLOCK_S));
}

/* A file with this text, or a FIFO (NULL), in our folder. */
static char *
make(char *path, const char *name, const char *text)
{
	FILE *f;

	sprintf(path, "%s", name);
	unlink(path);
	if (text == NULL) {
		CHECK(mkfifo(path, 0600) == 0);
		return path;
	}
	f = fopen(path, "w");
	CHECK(f != NULL && fputs(text, f) != EOF && fclose(f) == 0);
	return path;
}

static void
test_open(void)
{
	static const struct {
		const char *operand;
		int error; /* 0: it opens */
		const char *name;
		int fd; /* -1: any */
		enum input_kind kind;
	} cases[] = {
	    {"file", 0, "file", -1, INPUT_FILE},
	    {"fifo", 0, "fifo", -1, INPUT_PIPE},
	    {"./fifo", 0, "./fifo", -1, INPUT_PIPE},
	    {"-", 0, "-", 0, INPUT_FILE},
	    {"/dev/stdin", 0, "-", 0, INPUT_FILE},
	    {"fd:0", 0, "-", 0, INPUT_FILE},
	    {"/dev/fd/0", 0, "-", 0, INPUT_FILE},
	    {"fd:20", 0, "fd:20", 20, INPUT_PIPE},
	    {"/dev/fd/20", 0, "/dev/fd/20", 20, INPUT_PIPE},
	    {"fd:21", 0, "fd:21", 21, INPUT_PIPE}, /* a socket */
	    {"/dev/null", 0, "/dev/null", -1, INPUT_OTHER},
	    {"fd:22", EISDIR, NULL, -1, 0},
	    {"fd:23", EBADF, NULL, -1, 0}, /* is only written */
	    {"fd:24", EBADF, NULL, -1, 0}, /* is our own */
	    {"fd:25", EBADF, NULL, -1, 0}, /* is closed */
	    {"/dev/fd/25", EBADF, NULL, -1, 0},
	    {"fd:", ENOENT, NULL, -1, 0},
	    {"fd:x", ENOENT, NULL, -1, 0},
	    {"fd:-1", ENOENT, NULL, -1, 0},
	    {"fd:20x", ENOENT, NULL, -1, 0},
	    {"fd:99999999999999999999", ENOENT, NULL, -1, 0},
	    {".", EISDIR, NULL, -1, 0},
	    {"file/x", ENOTDIR, NULL, -1, 0},
	    {"none", ENOENT, NULL, -1, 0},
	    {"", ENOENT, NULL, -1, 0},
	    {"socket", ENXIO, NULL, -1, 0},
	};
	char path[64];
	int pipe_fds[2], sockets[2], bound = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};

	make(path, "fifo", NULL);
	make(path, "file", "1\n");
	CHECK(dup2(open("file", O_RDONLY), 0) == 0);
	CHECK(pipe(pipe_fds) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	CHECK(dup2(pipe_fds[0], 20) == 20 && dup2(sockets[0], 21) == 21);
	CHECK(dup2(open(".", O_RDONLY), 22) == 22 && dup2(pipe_fds[1], 23) == 23);
	CHECK(dup3(open("file", O_RDONLY), 24, O_CLOEXEC) == 24);
	CHECK(bind(bound, (struct sockaddr *)&name, sizeof(name)) == 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct input in;
		int got;

		errno = 0;
		got = input_open(&in, cases[i].operand);
		CHECK((got == 0) == (cases[i].error == 0) && (got == 0 || errno == cases[i].error),
		    "%s: %s", cases[i].operand, strerror(errno));
		if (got == -1 || cases[i].error != 0)
			continue;
		CHECK(strcmp(in.name, cases[i].name) == 0 && in.kind == cases[i].kind &&
			(cases[i].fd == -1 ? in.path == cases[i].operand : in.fd == cases[i].fd),
		    "%s: name %s, fd %d, kind %d", cases[i].operand, in.name, in.fd, in.kind);
		CHECK(in.size == (in.kind == INPUT_FILE ? 2 : 0));
		if (cases[i].fd == -1)
			input_close(&in);
	}
	for (int fd = 20; fd < 25; fd++)
		close(fd);
	close(bound);
}

static void
test_named_twice(void)
{
	static const struct {
		const char *a, *b;
		bool twice;
	} cases[] = {
	    {"file", "file", false},
	    {"file", "-", false},
	    {"-", "-", true}, /* a file, but with one offset */
	    {"-", "/dev/stdin", true},
	    {"fd:0", "/dev/fd/0", true},
	    {"fifo", "fifo", true},
	    {"fifo", "./fifo", true},
	    {"fifo", "fifo2", false},
	    {"fd:20", "fd:20", true},
	    {"fd:20", "/dev/fd/20", true},
	    {"fd:20", "fd:21", true}, /* one pipe, two descriptors */
	    {"fd:20", "/proc/self/fd/20", true},
	    {"fd:22", "fd:22", true},
	    {"fd:22", "fd:23", false}, /* one file, opened twice */
	    {"/dev/null", "/dev/null", false},
	    {"/dev/zero", "/dev/zero", false},
	};
	char path[64];
	int fds[2];

	make(path, "fifo", NULL);
	make(path, "fifo2", NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = NULL;
		struct set s;

		CHECK(pipe(fds) == 0 && dup2(fds[0], 20) == 20 && dup2(fds[0], 21) == 21);
		CHECK(dup2(open("file", O_RDONLY), 22) == 22 &&
		    dup2(open("file", O_RDONLY), 23) == 23);
		begin(&s, 10);
		add(&s, cases[i].a);
		errno = 0;
		CHECK((inputs_add(s.inputs, cases[i].b, &why) == NULL) == cases[i].twice &&
			(why != NULL) == cases[i].twice,
		    "%s %s: %s", cases[i].a, cases[i].b, strerror(errno));
		end(&s);
		close(fds[0]);
		close(fds[1]);
		for (int fd = 20; fd < 24; fd++)
			close(fd);
	}
}

/* Reads all that is there.  Returns the number of whole lines. */
static unsigned
read_lines(struct set *s, struct input *in)
{
	struct record r;
	unsigned n = 0;
	ssize_t got = reader_fill(in->reader);

	while (reader_line(in->reader, &r)) {
		inputs_line_ended(s->inputs, in);
		record_free(&r);
		n++;
	}
	if (got == 0 || (got == -1 && errno != EAGAIN))
		inputs_end(s->inputs, in);
	return n;
}

static void
test_turns(void)
{
	char a[64], b[64], c[64];
	struct input *in[3], *got;
	struct set s;
	int w;

	begin(&s, 10);
	in[0] = add(&s, make(a, "a", "1\n"));
	in[1] = add(&s, make(b, "b", "2\n"));
	in[2] = add(&s, make(c, "c", NULL));
	CHECK(inputs_count(s.inputs) == 3 && inputs_size(s.inputs) == 0);
	CHECK(in[0]->number == 0 && in[2]->number == 2);
	arm_all(&s);
	/* Files are ready, a FIFO that nobody has opened is not. */
	CHECK(next(&s) == in[0] && next(&s) == in[1] && next(&s) == NULL && errno == 0);
	/* The one that was armed first comes first. */
	inputs_arm(s.inputs, in[1]);
	inputs_arm(s.inputs, in[0]);
	CHECK(next(&s) == in[1] && next(&s) == in[0]);
	/* A file that is always ready does not keep the FIFO away. */
	CHECK((w = open("c", O_WRONLY)) != -1 && write(w, "x\n", 2) == 2);
	inputs_arm(s.inputs, in[0]);
	CHECK((got = next(&s)) == in[0]);
	inputs_arm(s.inputs, in[0]);
	CHECK((got = next(&s)) == in[2] || next(&s) == in[2]);
	CHECK(read_lines(&s, in[2]) == 1 && !in[2]->ended);
	inputs_arm(s.inputs, in[2]);
	if (got == in[2])
		CHECK(next(&s) == in[0]);
	CHECK(next(&s) == NULL);
	/* Its writer leaves. */
	close(w);
	CHECK(wait_next(&s) == in[2] && read_lines(&s, in[2]) == 0 && in[2]->ended);
	inputs_end(s.inputs, in[0]);
	inputs_end(s.inputs, in[1]);
	CHECK(wait_next(&s) == NULL && errno == 0);
	end(&s);
}

static void
test_files_only(void)
{
	char a[64], b[64];
	struct set s;

	begin(&s, 10);
	add(&s, make(a, "a", "1\n"));
	add(&s, make(b, "b", "23\n"));
	CHECK(inputs_size(s.inputs) == 5);
	end(&s);
}

/* What is beyond open_most is opened when others have ended. */
static void
test_open_most(void)
{
	char path[5][64];
	struct input *in[5], *got;
	struct set s;

	begin(&s, 2);
	for (int i = 0; i < 5; i++) {
		char name[8];

		snprintf(name, sizeof(name), "f%d", i);
		in[i] = add(&s, make(path[i], name, "1\n2\n"));
		CHECK((in[i]->fd != -1) == (i < 2));
	}
	unlink("f4");
	arm_all(&s);
	for (int i = 0; i < 5; i++) {
		CHECK((got = next(&s)) == in[i], "input %d", i);
		if (got == NULL)
			break;
		if (i == 4) {
			CHECK(got->fd == -1 && errno == ENOENT);
			inputs_end(s.inputs, got);
			break;
		}
		CHECK(got->fd != -1 && read_lines(&s, got) == 2);
		/* Two are open at a time. */
		CHECK(i == 4 || in[i < 3 ? i + 2 : 4]->fd == -1);
		CHECK(read_lines(&s, got) == 0 && got->ended && got->fd == -1);
	}
	CHECK(next(&s) == NULL && errno == 0);
	end(&s);
}

/* A stop has two steps: files, then pipes. */
static void
test_stop(void)
{
	char file[64], fifo[64], silent[64];
	struct input *f, *p, *q, *never, *got;
	struct set s;
	int w, fds[2];

	CHECK(pipe(fds) == 0 && dup2(fds[0], 20) == 20);
	close(fds[0]);
	begin(&s, 10);
	f = add(&s, make(file, "f", "1\n"));
	p = add(&s, make(fifo, "p", NULL));
	q = add(&s, "fd:20");
	never = add(&s, make(silent, "silent", NULL));
	CHECK((w = open("p", O_WRONLY)) != -1);
	arm_all(&s);
	CHECK(next(&s) == f && next(&s) == NULL);
	inputs_arm(s.inputs, f);
	ctx_cancel(s.files);
	/* FIFOs are asked whether they have a writer; the file must stop. */
	for (int i = 0; i < 3; i++) {
		CHECK((got = next(&s)) == f || got == p || got == never, "turn %d: %s", i,
		    got != NULL ? got->name : "none");
		if (got == f) {
			CHECK(inputs_must_stop(s.inputs, f));
			f->stopped = true;
			inputs_end(s.inputs, f);
			continue;
		}
		CHECK(!inputs_must_stop(s.inputs, got));
		read_lines(&s, got);
		CHECK(got->ended == (got == never));
		if (!got->ended)
			inputs_arm(s.inputs, got);
	}
	CHECK(f->ended && never->ended && next(&s) == NULL);
	/* Pipes go on. */
	CHECK(write(w, "x\n", 2) == 2 && write(fds[1], "y\nz", 3) == 3);
	for (int i = 0; i < 2; i++) {
		got = wait_next(&s);
		CHECK((got == p || got == q) && read_lines(&s, got) == 1);
		inputs_arm(s.inputs, got);
	}
	CHECK(next(&s) == NULL && inputs_leave(s.inputs) == 0);
	CHECK(write(fds[1], "more", 4) == 4);
	ctx_cancel(s.pipes);
	for (int i = 0; i < 2; i++) {
		got = wait_next(&s);
		CHECK((got == p || got == q) && inputs_must_stop(s.inputs, got));
		got->stopped = true;
		inputs_end(s.inputs, got);
	}
	CHECK(next(&s) == NULL && inputs_leave(s.inputs) == 4);
	end(&s);
	close(w);
	close(fds[1]);
}

/*
 * A FIFO that is armed only after the stop is asked as well, and one that is
 * armed again is not asked again and again.
 */
static void
test_armed_after_stop(void)
{
	char a[64], b[64];
	struct input *in;
	struct set s;
	int w;

	begin(&s, 10);
	add(&s, make(a, "a", NULL));
	in = add(&s, make(b, "b", NULL));
	CHECK(inputs_begin(s.inputs, &limits, s.files, s.pipes) == 0);
	ctx_cancel(s.files);
	CHECK(next(&s) == NULL);
	CHECK((w = open("b", O_WRONLY)) != -1);
	inputs_arm(s.inputs, in);
	CHECK(next(&s) == in && read_lines(&s, in) == 0 && !in->ended);
	inputs_arm(s.inputs, in);
	CHECK(next(&s) == NULL);
	close(w);
	CHECK(wait_next(&s) == in && read_lines(&s, in) == 0 && in->ended);
	inputs_arm(s.inputs, inputs_first(s.inputs));
	CHECK(next(&s) == inputs_first(s.inputs) && read_lines(&s, inputs_first(s.inputs)) == 0);
	CHECK(inputs_first(s.inputs)->ended && next(&s) == NULL);
	end(&s);
}

static void
test_renew(void)
{
	char a[64], b[64];
	struct input *in;
	struct set s;
	int w;

	begin(&s, 10);
	in = add(&s, make(a, "a", NULL));
	add(&s, make(b, "b", NULL));
	arm_all(&s);
	for (int i = 0; i < 3; i++) {
		CHECK((w = open("a", O_WRONLY)) != -1 && write(w, "x\n", 2) == 2);
		CHECK(wait_next(&s) == in && read_lines(&s, in) == 1);
		close(w);
		CHECK(reader_fill(in->reader) == 0 && inputs_renew(s.inputs, in) == 0);
		inputs_arm(s.inputs, in);
		/* Nobody writes: it is silent, not at its end. */
		CHECK(next(&s) == NULL);
	}
	/* Another writer comes and goes before the FIFO is opened again. */
	CHECK((w = open("a", O_WRONLY)) != -1);
	close(w);
	CHECK(wait_next(&s) == in && reader_fill(in->reader) == 0);
	CHECK((w = open("a", O_WRONLY)) != -1 && write(w, "x\ny\n", 4) == 4);
	close(w);
	CHECK(inputs_renew(s.inputs, in) == 0);
	inputs_arm(s.inputs, in);
	CHECK(wait_next(&s) == in && read_lines(&s, in) == 2);
	/* What stands there now is no FIFO. */
	make(a, "a", "1\n");
	errno = 0;
	CHECK(inputs_renew(s.inputs, in) == -1 && errno == ESTALE);
	unlink("a");
	CHECK(inputs_renew(s.inputs, in) == -1 && errno == ENOENT);
	inputs_end(s.inputs, in);
	end(&s);
}

/*
 * Unfinished lines of several inputs: beyond the bound one of them goes on
 * alone, until its line ends, while an input with short lines is not held up.
 */

#define LONG 4
#define LONG_LIMIT (4 << 20)
#define LONG_LINE (3 << 20)
#define BOUND (INPUTS_BYTES + LONG_LIMIT)

/* One that writes a long line, as far as the pipe takes it. */
struct writer {
	int fd;
	size_t sent; /* of the line and its LF */
};

static void
write_on(struct writer *w)
{
	static char text[4096];
	size_t n;
	ssize_t got;

	memset(text, 'x', sizeof(text));
	for (; w->sent < LONG_LINE; w->sent += (size_t)got) {
		n = LONG_LINE - w->sent < sizeof(text) ? LONG_LINE - w->sent : sizeof(text);
		if ((got = write(w->fd, text, n)) <= 0)
			return;
	}
	if (w->sent == LONG_LINE && write(w->fd, "\n", 1) == 1)
		w->sent++;
}

static size_t
sum_pending(struct set *s)
{
	size_t total = 0;

	for (struct input *in = inputs_first(s->inputs); in != NULL; in = inputs_after(in))
		total += in->ended ? 0 : reader_pending(in->reader);
	return total;
}

static void
test_unfinished(void)
{
	struct reader_limits mine = {.max = LONG_LIMIT};
	struct writer writer[LONG];
	char path[LONG + 1][64];
	struct input *got, *alone = NULL, *brief;
	size_t ended = 0, most = 0, over = 0, short_lines = 0, total;
	struct set s;
	int w;

	begin(&s, 10);
	for (int i = 0; i < LONG; i++) {
		char name[8];

		snprintf(name, sizeof(name), "l%d", i);
		add(&s, make(path[i], name, NULL));
		writer[i] = (struct writer){.fd = open(name, O_WRONLY | O_NONBLOCK)};
		CHECK(writer[i].fd != -1);
	}
	brief = add(&s, make(path[LONG], "brief", NULL));
	CHECK((w = open("brief", O_WRONLY)) != -1);
	CHECK(inputs_begin(s.inputs, &mine, s.files, s.pipes) == 0);
	for (got = inputs_first(s.inputs); got != NULL; got = inputs_after(got))
		inputs_arm(s.inputs, got);

	for (int turn = 0; turn < 4000 && ended < LONG; turn++) {
		for (int i = 0; i < LONG; i++)
			write_on(&writer[i]);
		/* Only the short ones are there at the end of each round. */
		if (turn % 8 == 0)
			CHECK(write(w, "short\n", 6) == 6);
		if ((got = wait_next(&s)) == NULL)
			break;
		total = sum_pending(&s);
		if (got == brief) {
			short_lines += read_lines(&s, got) * (total > BOUND);
			inputs_arm(s.inputs, got);
			continue;
		}
		most = total > most ? total : most;
		/* Each of the others may have had one more turn. */
		if (total > BOUND + LONG * 65536) {
			CHECK(alone == NULL || alone == got, "%s and %s at %zu",
			    alone != NULL ? alone->name : "", got->name, total);
			alone = got;
			over++;
		}
		if (read_lines(&s, got) > 0) {
			alone = NULL;
			ended++;
		}
		inputs_arm(s.inputs, got);
	}
	CHECK(ended == LONG, "%zu lines ended", ended);
	CHECK(over > 0 && most < BOUND + LONG_LINE, "%zu over %d", most, BOUND);
	CHECK(short_lines > 3, "%zu while others were held", short_lines);
	for (int i = 0; i < LONG; i++)
		close(writer[i].fd);
	close(w);
	end(&s);
}

/*
 * The one that goes on alone ends in the middle of its line: another one goes
 * on.
 */
static void
test_held_and_ended(void)
{
	struct reader_limits mine = {.max = LONG_LIMIT};
	struct writer writer[LONG] = {0};
	char path[LONG][64];
	struct input *got, *last = NULL;
	size_t ended = 0, same = 0;
	struct set s;

	begin(&s, 10);
	for (int i = 0; i < LONG; i++) {
		char name[8];

		snprintf(name, sizeof(name), "l%d", i);
		add(&s, make(path[i], name, NULL));
		writer[i].fd = open(name, O_WRONLY | O_NONBLOCK);
	}
	CHECK(inputs_begin(s.inputs, &mine, s.files, s.pipes) == 0);
	for (got = inputs_first(s.inputs); got != NULL; got = inputs_after(got))
		inputs_arm(s.inputs, got);
	for (int turn = 0; turn < 4000 && ended < LONG; turn++) {
		for (int i = 0; i < LONG; i++)
			if (writer[i].fd != -1)
				write_on(&writer[i]);
		if ((got = wait_next(&s)) == NULL)
			break;
		same = got == last ? same + 1 : 0;
		last = got;
		/* It is alone: its writer is killed. */
		if (same == 3 && writer[got->number].fd != -1) {
			close(writer[got->number].fd);
			writer[got->number].fd = -1;
		}
		read_lines(&s, got);
		ended += got->ended || writer[got->number].sent > LONG_LINE;
		if (!got->ended && writer[got->number].sent > LONG_LINE) {
			inputs_end(s.inputs, got);
			close(writer[got->number].fd);
			writer[got->number].fd = -1;
		} else if (!got->ended)
			inputs_arm(s.inputs, got);
	}
	CHECK(ended == LONG && wait_next(&s) == NULL, "%zu ended", ended);
	end(&s);
}

/* Threads that share inputs: all lines come, and each input is one thread's. */

#define THREADS 4
#define FIFOS 8
#define LINES 2000

struct shared {
	struct set *set;
	_Atomic unsigned lines;
	_Atomic int owners[FIFOS];
	_Atomic int bad;
};

static void *
read_shared(void *arg)
{
	struct shared *sh = arg;
	struct input *in;

	while ((in = wait_next(sh->set)) != NULL) {
		if (atomic_fetch_add(&sh->owners[in->number], 1) != 0)
			atomic_store(&sh->bad, 1);
		atomic_fetch_add(&sh->lines, read_lines(sh->set, in));
		atomic_fetch_sub(&sh->owners[in->number], 1);
		if (!in->ended)
			inputs_arm(sh->set->inputs, in);
	}
	return NULL;
}

static void *
write_fifos(void *arg)
{
	int w[FIFOS];

	(void)arg;
	for (int i = 0; i < FIFOS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "t%d", i);
		w[i] = open(name, O_WRONLY);
	}
	for (int n = 0; n < LINES; n++)
		for (int i = 0; i < FIFOS; i++)
			(void)!write(w[i], "line\n", 5);
	for (int i = 0; i < FIFOS; i++)
		close(w[i]);
	return NULL;
}

static void
test_threads(void)
{
	struct set s;
	struct shared sh = {.set = &s};
	char path[FIFOS][64];
	pthread_t reader[THREADS], writer;

	begin(&s, 100);
	for (int i = 0; i < FIFOS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "t%d", i);
		add(&s, make(path[i], name, NULL));
	}
	arm_all(&s);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&reader[i], NULL, read_shared, &sh);
	pthread_create(&writer, NULL, write_fifos, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(reader[i], NULL);
	pthread_join(writer, NULL);
	CHECK(atomic_load(&sh.lines) == LINES * FIFOS, "%u lines", atomic_load(&sh.lines));
	CHECK(atomic_load(&sh.bad) == 0, "two threads had the same input");
	end(&s);
}

struct taker {
	struct set *set;
	struct input *got;
	pthread_t thread;
};

static void *
take_one(void *arg)
{
	struct taker *t = arg;

	t->got = wait_next(t->set);
	return NULL;
}

/*
 * Several inputs are ready at the same time, and a thread that has taken one
 * does not come back: the others get the rest.
 */
static void
test_wakes(void)
{
	for (int round = 0; round < 200; round++) {
		struct taker takers[3];
		char path[3][64];
		int w[3];
		struct set s;

		begin(&s, 10);
		for (int i = 0; i < 3; i++) {
			char name[8];

			snprintf(name, sizeof(name), "w%d", i);
			add(&s, make(path[i], name, NULL));
			CHECK((w[i] = open(name, O_WRONLY)) != -1);
		}
		arm_all(&s);
		for (int i = 0; i < 3; i++) {
			takers[i] = (struct taker){.set = &s};
			pthread_create(&takers[i].thread, NULL, take_one, &takers[i]);
		}
		for (int i = 0; i < 3; i++)
			CHECK(write(w[i], "x\n", 2) == 2);
		for (int i = 0; i < 3; i++) {
			pthread_join(takers[i].thread, NULL);
			CHECK(takers[i].got != NULL, "round %d: thread %d has nothing", round, i);
			close(w[i]);
		}
		CHECK(takers[0].got != takers[1].got && takers[1].got != takers[2].got);
		end(&s);
		if (t_failures > 0)
			return;
	}
}

/* The only input is polled itself. */
static void
test_alone(void)
{
	char a[64];
	struct input *in;
	struct set s;
	int fds[2];

	begin(&s, 1);
	in = add(&s, make(a, "a", "1\n2\n"));
	CHECK(inputs_size(s.inputs) == 4);
	arm_all(&s);
	CHECK(next(&s) == in && next(&s) == NULL && errno == 0);
	CHECK(read_lines(&s, in) == 2);
	inputs_arm(s.inputs, in);
	ctx_cancel(s.files);
	CHECK(wait_next(&s) == in && inputs_must_stop(s.inputs, in));
	inputs_end(s.inputs, in);
	CHECK(wait_next(&s) == NULL && errno == 0);
	end(&s);

	/* The files' context ends after that of the pipes, if both do. */
	begin(&s, 1);
	in = add(&s, make(a, "a", ""));
	arm_all(&s);
	ctx_cancel(s.pipes);
	CHECK(wait_next(&s) == in && inputs_must_stop(s.inputs, in));
	inputs_end(s.inputs, in);
	end(&s);

	CHECK(pipe(fds) == 0 && dup2(fds[0], 20) == 20);
	begin(&s, 1);
	in = add(&s, "fd:20");
	arm_all(&s);
	CHECK(next(&s) == NULL && errno == 0);
	ctx_cancel(s.files);
	CHECK(next(&s) == NULL && errno == 0);
	CHECK(write(fds[1], "x\n", 2) == 2 && wait_next(&s) == in && read_lines(&s, in) == 1);
	inputs_arm(s.inputs, in);
	ctx_cancel(s.pipes);
	CHECK(wait_next(&s) == in && inputs_must_stop(s.inputs, in));
	inputs_end(s.inputs, in);
	end(&s);
	close(fds[0]);
	close(fds[1]);
}

/* Waits until a watch runs, or stands. */
static void
until_runs(const struct stopwatch *w, bool runs)
{
	int64_t limit = clock_now() + 20 * CLOCK_S;

	while (stopwatch_runs(w) != runs && clock_now() < limit)
		sched_yield();
	CHECK(stopwatch_runs(w) == runs);
}

/*
 * The stage waits for input while all threads wait; an input that is armed is
 * waited for while any of them does.
 */
static void
test_waiting(void)
{
	struct metrics_links *links = calloc(1, sizeof(*links));
	struct stopwatch all = {0};
	struct taker takers[2];
	struct input *in[2];
	struct set s;
	char path[2][64];
	int w[2];

	begin(&s, 10);
	for (int i = 0; i < 2; i++) {
		in[i] = add(&s, make(path[i], i == 0 ? "v0" : "v1", NULL));
		CHECK((w[i] = open(path[i], O_WRONLY)) != -1);
		takers[i] = (struct taker){.set = &s};
	}
	inputs_set_links(s.inputs, links);
	inputs_measure(s.inputs, &all, 2);
	CHECK(in[0]->link == &links->link[0] && in[1]->link == &links->link[1]);
	arm_all(&s);
	CHECK(!stopwatch_runs(&in[0]->link->wait), "no thread waits");

	/* One thread waits: for both inputs, but the other one may be busy. */
	pthread_create(&takers[0].thread, NULL, take_one, &takers[0]);
	until_runs(&in[0]->link->wait, true);
	until_runs(&in[1]->link->wait, true);
	CHECK(!stopwatch_runs(&all), "one thread is not all");

	/* Both wait. */
	pthread_create(&takers[1].thread, NULL, take_one, &takers[1]);
	until_runs(&all, true);
	CHECK(next(&s) == NULL && stopwatch_runs(&all), "who only looks does not wait");

	/* One has something: then its thread is busy with it. */
	CHECK(write(w[0], "x\n", 2) == 2);
	until_runs(&all, false);
	until_runs(&in[0]->link->wait, false);
	CHECK(write(w[1], "x\n", 2) == 2);
	for (int i = 0; i < 2; i++)
		pthread_join(takers[i].thread, NULL);
	CHECK(!stopwatch_runs(&all) && !stopwatch_runs(&in[1]->link->wait));
	CHECK(stopwatch_read(&all, clock_now()) > 0);
	for (int i = 0; i < 2; i++)
		close(w[i]);
	end(&s);
	free(links);
}

/* Files that are opened later have a link from then on. */
static void
test_late_links(void)
{
	struct metrics_links *links = calloc(1, sizeof(*links));
	struct set s;
	char path[2][64];
	struct input *a, *b;

	begin(&s, 1);
	a = add(&s, make(path[0], "l0", "x\n"));
	b = add(&s, make(path[1], "l1", "y\n"));
	inputs_set_links(s.inputs, links);
	CHECK(a->link == &links->link[0] && b->link == NULL);
	arm_all(&s);
	CHECK(next(&s) == a && a->fd != -1);
	inputs_end(s.inputs, a);
	CHECK(next(&s) == b && b->link == &links->link[1]);
	CHECK(strcmp(b->link->name, "l1") == 0 && b->link->kind == LINK_FILE);
	inputs_end(s.inputs, b);
	end(&s);
	free(links);
}

int
main(void)
{
	char dir[] = "/tmp/t_inputs.XXXXXX", command[64];

	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		return 2;
	test_open();
	test_named_twice();
	test_turns();
	test_files_only();
	test_open_most();
	test_stop();
	test_armed_after_stop();
	test_renew();
	test_unfinished();
	test_held_and_ended();
	test_threads();
	test_wakes();
	test_alone();
	test_waiting();
	test_late_links();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	CHECK(system(command) == 0);
	return t_end();
}
