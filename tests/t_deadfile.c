#include "deadfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"

#define WRITERS 3
#define BATCHES 100

static char dir[] = "/tmp/t_deadfile.XXXXXX";
static char path[64], other[64];

static void
write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static char *
read_file(const char *name)
{
	static char text[1 << 20];
	FILE *f = fopen(name, "r");
	size_t n = f == NULL ? 0 : fread(text, 1, sizeof(text) - 1, f);

	if (f != NULL)
		fclose(f);
	text[n] = '\0';
	return text;
}

#define HOLDS(name, want) \
	CHECK(strcmp(read_file(name), want) == 0, "it holds \"%s\"", read_file(name))

static int
put(struct deadfile *d, const char *line)
{
	return deadfile_put(d, line, strlen(line));
}

static void
test_append(void)
{
	struct deadfile *d;
	struct stat st;

	umask(022);
	d = deadfile_open(path);
	CHECK(d != NULL && strcmp(deadfile_path(d), path) == 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0644 && st.st_size == 0);
	CHECK(deadfile_commit(d) == 0, "an empty batch");
	CHECK(put(d, "one\n") == 0 && put(d, "two\n") == 0);
	HOLDS(path, "");
	CHECK(deadfile_commit(d) == 0);
	HOLDS(path, "one\ntwo\n");
	CHECK(deadfile_commit(d) == 0);
	HOLDS(path, "one\ntwo\n");
	deadfile_close(d);

	d = deadfile_open(path);
	for (int i = 0; i < 1000; i++)
		CHECK(put(d, "x\n") == 0);
	CHECK(deadfile_commit(d) == 0);
	CHECK(strlen(read_file(path)) == 2008 &&
	    strncmp(read_file(path), "one\ntwo\nx\nx\n", 12) == 0);
	deadfile_close(d);
	deadfile_close(NULL);
	unlink(path);
}

static void
test_errors(void)
{
	CHECK(deadfile_open(dir) == NULL && errno == EISDIR, "%s", strerror(errno));
	CHECK(deadfile_open("/nonexistent/file") == NULL && errno == ENOENT, "%s", strerror(errno));
	CHECK(deadfile_open("/proc/self/status/file") == NULL && errno == ENOTDIR, "%s",
	    strerror(errno));
}

/* What somebody left unfinished stays a line of its own. */
static void
test_torn_tail(void)
{
	struct deadfile *d;

	write_file(path, "whole\ntor");
	d = deadfile_open(path);
	CHECK(put(d, "mine\n") == 0 && deadfile_commit(d) == 0);
	HOLDS(path, "whole\ntor\nmine\n");
	write_file(path, "whole\n"); /* another process wrote and was killed meanwhile */
	CHECK(put(d, "mine\n") == 0 && deadfile_commit(d) == 0);
	HOLDS(path, "whole\nmine\n");
	write_file(path, "x");
	CHECK(put(d, "mine\n") == 0 && deadfile_commit(d) == 0);
	HOLDS(path, "x\nmine\n");
	deadfile_close(d);
	unlink(path);
}

static void
limit_files(rlim_t size)
{
	struct rlimit rl;

	getrlimit(RLIMIT_FSIZE, &rl);
	rl.rlim_cur = size < rl.rlim_max ? size : rl.rlim_max;
	setrlimit(RLIMIT_FSIZE, &rl);
}

/* A file that gets full at each byte of the batch: all of it or nothing. */
static void
test_full(const char *before)
{
	size_t len = strlen(before), torn = len > 0 && before[len - 1] != '\n';
	char want[64];
	struct deadfile *d;
	int error;

	snprintf(want, sizeof(want), "%s%salpha\nbeta\n", before, torn ? "\n" : "");
	for (size_t limit = len; limit <= strlen(want); limit++) {
		write_file(path, before);
		d = deadfile_open(path);
		CHECK(put(d, "alpha\n") == 0 && put(d, "beta\n") == 0);
		limit_files(limit);
		error = deadfile_commit(d) == -1 ? errno : 0;
		limit_files(RLIM_INFINITY);
		CHECK(error == (limit < strlen(want) ? EFBIG : 0), "limit %zu: %s", limit,
		    strerror(error));
		HOLDS(path, error == 0 ? want : before);
		/* It is not tried again, and does not come with the next one. */
		CHECK(deadfile_commit(d) == 0);
		HOLDS(path, error == 0 ? want : before);
		CHECK(put(d, "later\n") == 0 && deadfile_commit(d) == 0);
		CHECK(strstr(read_file(path), "\nlater\n") != NULL ||
		    strcmp(read_file(path), "later\n") == 0);
		CHECK((strstr(read_file(path), "alpha") != NULL) == (error == 0));
		deadfile_close(d);
		unlink(path);
	}
}

static void
test_reopen(void)
{
	struct deadfile *d = deadfile_open(path);
	char gone[80];

	CHECK(put(d, "one\n") == 0 && deadfile_commit(d) == 0);
	CHECK(rename(path, other) == 0);
	CHECK(put(d, "two\n") == 0 && deadfile_commit(d) == 0);
	HOLDS(other, "one\ntwo\n");
	CHECK(put(d, "three\n") == 0);
	deadfile_reopen(d);
	CHECK(deadfile_commit(d) == 0);
	HOLDS(other, "one\ntwo\n");
	HOLDS(path, "three\n");
	deadfile_close(d);
	unlink(other);
	unlink(path);

	/* It can't be opened anew: then nothing of the batch is kept, now or later. */
	snprintf(gone, sizeof(gone), "%s/sub", dir);
	CHECK(mkdir(gone, 0700) == 0);
	snprintf(gone, sizeof(gone), "%s/sub/file", dir);
	d = deadfile_open(gone);
	CHECK(unlink(gone) == 0);
	*strrchr(gone, '/') = '\0';
	CHECK(rmdir(gone) == 0);
	CHECK(put(d, "lost\n") == 0);
	deadfile_reopen(d);
	CHECK(deadfile_commit(d) == -1 && errno == ENOENT);
	CHECK(mkdir(gone, 0700) == 0);
	deadfile_reopen(d);
	CHECK(put(d, "kept\n") == 0 && deadfile_commit(d) == 0);
	strcat(gone, "/file");
	HOLDS(gone, "kept\n");
	deadfile_close(d);
	unlink(gone);
	*strrchr(gone, '/') = '\0';
	rmdir(gone);
}

/* Each batch of each process stands together, and nothing is lost or torn. */
static void
test_many_writers(void)
{
	char line[64], want[64];
	char *text;
	int next[WRITERS] = {0}, status, wrong = 0, n, who, i;
	size_t lines = 0;

	for (int w = 0; w < WRITERS; w++) {
		if (fork() != 0)
			continue;
		struct deadfile *d = deadfile_open(path);

		for (int b = 0; b < BATCHES; b++) {
			snprintf(line, sizeof(line), "%d %d\n", w, b);
			for (int k = 0; k < 3; k++)
				wrong += put(d, line) != 0;
			wrong += deadfile_commit(d) != 0;
		}
		deadfile_close(d);
		_exit(wrong != 0);
	}
	for (int w = 0; w < WRITERS; w++)
		CHECK(wait(&status) > 0 && status == 0);
	text = read_file(path);
	for (char *at = text; *at != '\0'; lines++) {
		if (sscanf(at, "%d %d\n%n", &who, &i, &n) != 2 || who >= WRITERS ||
		    i != next[who]) {
			wrong++;
			break;
		}
		snprintf(want, sizeof(want), "%d %d\n%d %d\n%d %d\n", who, i, who, i, who, i);
		wrong += strncmp(at, want, strlen(want)) != 0;
		next[who]++;
		at += strlen(want);
	}
	CHECK(wrong == 0 && lines == WRITERS * BATCHES, "%zu batches, %d wrong", lines, wrong);
	unlink(path);
}

/* A FIFO whose reader has gone does not keep anything: that must be an error. */
static void
test_fifo(void)
{
	struct deadfile *d;
	char text[16];
	int fd;

	CHECK(mkfifo(path, 0600) == 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	d = deadfile_open(path);
	CHECK(d != NULL && put(d, "one\n") == 0 && deadfile_commit(d) == 0);
	CHECK(read(fd, text, sizeof(text)) == 4);
	close(fd);
	CHECK(put(d, "two\n") == 0);
	CHECK(deadfile_commit(d) == -1 && errno == EPIPE, "nobody will ever read it");
	deadfile_close(d);
	unlink(path);
}

static void
test_devices(void)
{
	struct deadfile *d = deadfile_open("/dev/null");

	CHECK(d != NULL && put(d, "one\n") == 0 && deadfile_commit(d) == 0);
	deadfile_close(d);
	d = deadfile_open("/dev/full");
	CHECK(d != NULL && put(d, "one\n") == 0);
	CHECK(deadfile_commit(d) == -1 && errno == ENOSPC);
	deadfile_close(d);
}

int
main(void)
{
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/dead", dir);
	snprintf(other, sizeof(other), "%s/dead.1", dir);
	test_append();
	test_errors();
	test_torn_tail();
	test_full("");
	test_full("before\n");
	test_full("torn");
	test_reopen();
	test_many_writers();
	test_fifo();
	test_devices();
	CHECK(rmdir(dir) == 0);
	return t_end();
}
