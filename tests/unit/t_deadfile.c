#include "record/deadfile.h"

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
#include "t_limit.h"

#define WRITERS 3
#define BATCHES 100

static char dir[] = "/tmp/t_deadfile.XXXXXX";
static char path[64], other[64];
static struct deadfile_how how;
static size_t kept;

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
	d = deadfile_open(path, &how);
	CHECK(d != NULL && strcmp(deadfile_path(d), path) == 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 0);
	CHECK(deadfile_commit(d, &kept) == 0, "an empty batch");
	CHECK(put(d, "one\n") == 0 && put(d, "two\n") == 0);
	HOLDS(path, "");
	CHECK(deadfile_commit(d, &kept) == 0);
	HOLDS(path, "one\ntwo\n");
	CHECK(deadfile_commit(d, &kept) == 0);
	HOLDS(path, "one\ntwo\n");
	deadfile_close(d);

	d = deadfile_open(path, &how);
	for (int i = 0; i < 1000; i++)
		CHECK(put(d, "x\n") == 0);
	CHECK(deadfile_commit(d, &kept) == 0);
	CHECK(strlen(read_file(path)) == 2008 &&
	    strncmp(read_file(path), "one\ntwo\nx\nx\n", 12) == 0);
	deadfile_close(d);
	deadfile_close(NULL);
	unlink(path);
}

static void
test_errors(void)
{
	CHECK(deadfile_open(dir, &how) == NULL && errno == EISDIR, "%s", strerror(errno));
	CHECK(deadfile_open("/nonexistent/file", &how) == NULL && errno == ENOENT, "%s",
	    strerror(errno));
	CHECK(deadfile_open("/proc/self/status/file", &how) == NULL && errno == ENOTDIR, "%s",
	    strerror(errno));
}

/* An unfinished line of another process stays a line of its own. */
static void
test_torn_tail(void)
{
	struct deadfile *d;

	write_file(path, "whole\ntor");
	d = deadfile_open(path, &how);
	CHECK(put(d, "mine\n") == 0 && deadfile_commit(d, &kept) == 0);
	HOLDS(path, "whole\ntor\nmine\n");
	/* Another process was killed while it wrote. */
	write_file(path, "whole\n");
	CHECK(put(d, "mine\n") == 0 && deadfile_commit(d, &kept) == 0);
	HOLDS(path, "whole\nmine\n");
	write_file(path, "x");
	CHECK(put(d, "mine\n") == 0 && deadfile_commit(d, &kept) == 0);
	HOLDS(path, "x\nmine\n");
	deadfile_close(d);
	unlink(path);
}

/*
 * The disk is full at each byte of the batch: all of the batch is kept, or
 * nothing.
 */
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
		d = deadfile_open(path, &how);
		CHECK(put(d, "alpha\n") == 0 && put(d, "beta\n") == 0);
		limit_files(limit);
		error = deadfile_commit(d, &kept) == -1 ? errno : 0;
		limit_files(RLIM_INFINITY);
		CHECK(error == (limit < strlen(want) ? EFBIG : 0), "limit %zu: %s", limit,
		    strerror(error));
		HOLDS(path, error == 0 ? want : before);
		/*
		 * A batch that failed is not tried again, nor written with the
		 * next one.
		 */
		CHECK(deadfile_commit(d, &kept) == 0);
		HOLDS(path, error == 0 ? want : before);
		CHECK(put(d, "later\n") == 0 && deadfile_commit(d, &kept) == 0);
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
	struct deadfile *d = deadfile_open(path, &how);
	char gone[80];

	CHECK(put(d, "one\n") == 0 && deadfile_commit(d, &kept) == 0);
	CHECK(rename(path, other) == 0);
	CHECK(put(d, "two\n") == 0 && deadfile_commit(d, &kept) == 0);
	HOLDS(other, "one\n");
	HOLDS(path, "two\n");
	CHECK(unlink(path) == 0);
	CHECK(put(d, "three\n") == 0 && deadfile_commit(d, &kept) == 0);
	HOLDS(path, "three\n");
	deadfile_reopen(d);
	CHECK(put(d, "four\n") == 0 && deadfile_commit(d, &kept) == 0);
	HOLDS(path, "three\nfour\n");
	deadfile_close(d);
	unlink(other);
	unlink(path);

	/*
	 * The file cannot be opened again: nothing of the batch is kept, now or
	 * later.
	 */
	snprintf(gone, sizeof(gone), "%s/sub", dir);
	CHECK(mkdir(gone, 0700) == 0);
	snprintf(gone, sizeof(gone), "%s/sub/file", dir);
	d = deadfile_open(gone, &how);
	CHECK(unlink(gone) == 0);
	*strrchr(gone, '/') = '\0';
	CHECK(rmdir(gone) == 0);
	CHECK(put(d, "lost\n") == 0);
	deadfile_reopen(d);
	CHECK(deadfile_commit(d, &kept) == -1 && errno == ENOENT);
	CHECK(mkdir(gone, 0700) == 0);
	deadfile_reopen(d);
	CHECK(put(d, "kept\n") == 0 && deadfile_commit(d, &kept) == 0);
	strcat(gone, "/file");
	HOLDS(gone, "kept\n");
	deadfile_close(d);
	unlink(gone);
	*strrchr(gone, '/') = '\0';
	rmdir(gone);
}

/*
 * The batches of several processes stay together, and nothing is lost or torn.
 */
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
		struct deadfile *d = deadfile_open(path, &how);

		for (int b = 0; b < BATCHES; b++) {
			snprintf(line, sizeof(line), "%d %d\n", w, b);
			for (int k = 0; k < 3; k++)
				wrong += put(d, line) != 0;
			wrong += deadfile_commit(d, &kept) != 0;
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

static const char *
rotated(unsigned n)
{
	static char name[80];

	snprintf(name, sizeof(name), "%s.%u", path, n);
	return name;
}

/* A batch of n lines from the i-th letter on: "aaaa\n", "bbbb\n", ... */
static void
put_letters(struct deadfile *d, int i, int n)
{
	static char lines[26][8];

	for (int k = i; k < i + n; k++) {
		memset(lines[k], 'a' + k, 4);
		strcpy(lines[k] + 4, "\n");
		CHECK(put(d, lines[k]) == 0);
	}
}

/*
 * A file has room for two lines of 5 bytes; the files are in the order of the
 * lines.
 */
static void
test_rotation(unsigned keep)
{
	struct deadfile_how small = {.max_size = 12, .keep = keep};
	struct deadfile *d = deadfile_open(path, &small);
	struct stat st;

	CHECK(chmod(path, 0640) == 0);
	put_letters(d, 0, 2);
	CHECK(deadfile_commit(d, &kept) == 0 && kept == 2);
	CHECK(access(rotated(1), F_OK) == -1, "it is not full yet");
	put_letters(d, 2, 5);
	CHECK(deadfile_commit(d, &kept) == 0 && kept == 5);
	HOLDS(path, "gggg\n");
	HOLDS(rotated(1), "eeee\nffff\n");
	if (keep == 1)
		CHECK(access(rotated(2), F_OK) == -1, "one is to be kept");
	else
		HOLDS(rotated(2), "cccc\ndddd\n");
	CHECK(access(rotated(4), F_OK) == -1);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640, "as private as the old one");
	CHECK(put(d, "longer than all that fits\n") == 0 && deadfile_commit(d, &kept) == 0);
	HOLDS(path, "longer than all that fits\n");
	put_letters(d, 7, 1);
	CHECK(deadfile_commit(d, &kept) == 0);
	HOLDS(path, "hhhh\n");
	deadfile_close(d);
	unlink(path);
	for (unsigned i = 1; i < 8; i++)
		unlink(rotated(i));
}

static int told;

static void
tell(const char *line)
{
	told++;
	CHECK(strstr(line, path) != NULL, "%s", line);
}

/*
 * A line cut at any byte, or ended by the NULs of a power cut, is closed off
 * and reported once.
 */
static void
test_torn_told(void)
{
	static const char whole[] = "{\"pchan\":\"dead-letter/1\"}\n{\"pchan\":\"dead\"}\n";
	struct deadfile_how loud = {.say = tell};
	struct deadfile *d;
	char want[128];

	for (size_t cut = strlen(whole) - 16; cut <= strlen(whole); cut++) {
		bool torn = whole[cut - 1] != '\n';

		snprintf(want, sizeof(want), "%.*s", (int)cut, whole);
		write_file(path, want);
		d = deadfile_open(path, &loud);
		told = 0;
		CHECK(put(d, "mine\n") == 0 && deadfile_commit(d, &kept) == 0);
		CHECK(put(d, "mine\n") == 0 && deadfile_commit(d, &kept) == 0);
		CHECK(told == torn, "cut at %zu: told %d times", cut, told);
		strcat(strcat(want, torn ? "\n" : ""), "mine\nmine\n");
		HOLDS(path, want);
		deadfile_close(d);
	}
	write_file(path, "one\n");
	CHECK(truncate(path, 100) == 0);
	d = deadfile_open(path, &loud);
	told = 0;
	CHECK(put(d, "mine\n") == 0 && deadfile_commit(d, &kept) == 0 && told == 1);
	CHECK(memcmp(read_file(path) + 99, "\0\nmine\n", 7) == 0);
	deadfile_close(d);
	unlink(path);
}

/*
 * Line by line: the lines before the one that does not fit stay, and are
 * counted.
 */
static void
test_sync_record(void)
{
	struct deadfile_how each = {.sync = DEADFILE_RECORD};
	struct deadfile *d = deadfile_open(path, &each);

	put_letters(d, 0, 5);
	limit_files(17);
	CHECK(deadfile_commit(d, &kept) == -1 && errno == EFBIG && kept == 3, "%zu kept", kept);
	limit_files(RLIM_INFINITY);
	HOLDS(path, "aaaa\nbbbb\ncccc\n");
	deadfile_close(d);
	unlink(path);
}

/*
 * Several processes rotate the same file: each line is there once, in one
 * piece.
 */
static void
test_rotating_writers(void)
{
	struct deadfile_how small = {.max_size = 500, .sync = DEADFILE_NONE};
	char seen[WRITERS][BATCHES] = {0}, line[64];
	int status, wrong = 0, who, i;
	size_t lines = 0;

	for (int w = 0; w < WRITERS; w++) {
		if (fork() != 0)
			continue;
		struct deadfile *d = deadfile_open(path, &small);

		for (int b = 0; b < BATCHES; b++) {
			snprintf(line, sizeof(line), "%d %d\n", w, b);
			wrong += put(d, line) != 0 || deadfile_commit(d, &kept) != 0;
		}
		deadfile_close(d);
		_exit(wrong != 0);
	}
	for (int w = 0; w < WRITERS; w++)
		CHECK(wait(&status) > 0 && status == 0);
	for (unsigned f = 0; f < 100; f++) {
		for (char *at = read_file(f == 0 ? path : rotated(f)); *at != '\0'; lines++) {
			if (sscanf(at, "%d %d\n", &who, &i) != 2 || seen[who][i]++ != 0)
				wrong++;
			at = strchr(at, '\n') + 1;
		}
		unlink(f == 0 ? path : rotated(f));
	}
	CHECK(wrong == 0 && lines == WRITERS * BATCHES, "%zu lines, %d wrong", lines, wrong);
}

static void
test_on(void)
{
	struct deadfile *d;
	char text[16];
	int fds[2];

	CHECK(pipe(fds) == 0);
	d = deadfile_on(fds[1], "standard error");
	close(fds[1]);
	CHECK(strcmp(deadfile_path(d), "standard error") == 0);
	CHECK(put(d, "one\n") == 0 && deadfile_commit(d, &kept) == 0 && kept == 1);
	CHECK(read(fds[0], text, sizeof(text)) == 4 && memcmp(text, "one\n", 4) == 0);
	deadfile_close(d);
	CHECK(read(fds[0], text, sizeof(text)) == 0, "it had a descriptor of its own");
	close(fds[0]);
}

/* A FIFO whose reader is gone keeps nothing: that must be an error. */
static void
test_fifo(void)
{
	struct deadfile *d;
	char text[16];
	int fd;

	CHECK(mkfifo(path, 0600) == 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	d = deadfile_open(path, &how);
	CHECK(d != NULL && put(d, "one\n") == 0 && deadfile_commit(d, &kept) == 0);
	CHECK(read(fd, text, sizeof(text)) == 4);
	close(fd);
	CHECK(put(d, "two\n") == 0);
	CHECK(deadfile_commit(d, &kept) == -1 && errno == EPIPE, "nobody will ever read it");
	deadfile_close(d);
	unlink(path);
}

static void
test_devices(void)
{
	struct deadfile *d = deadfile_open("/dev/null", &how);

	CHECK(d != NULL && put(d, "one\n") == 0 && deadfile_commit(d, &kept) == 0);
	deadfile_close(d);
	d = deadfile_open("/dev/full", &how);
	CHECK(d != NULL && put(d, "one\n") == 0);
	CHECK(deadfile_commit(d, &kept) == -1 && errno == ENOSPC);
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
	test_rotation(0);
	test_rotation(1);
	test_torn_told();
	test_sync_record();
	test_rotating_writers();
	test_on();
	test_fifo();
	test_devices();
	CHECK(rmdir(dir) == 0);
	return t_end();
}
