#include "trace/spanfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#include "t.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define NEWEST "pfanout.4711.0102030405060708090a0b0c0d0e0f10.spans"
#define OLDER NEWEST ".1"

static const unsigned char uuid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static char folder[] = "/tmp/t_spanfile.XXXXXX";
static int dir;

/* An empty folder, in which we are. */
static void
begin(void)
{
	CHECK(system("rm -rf run; mkdir -m 700 run") == 0);
	dir = open("run", O_RDONLY | O_DIRECTORY);
}

static void
end(void)
{
	close(dir);
}

static struct spanfile *
create(void)
{
	struct spanfile *f = spanfile_create(dir, "pfanout", 4711, uuid);

	CHECK(f != NULL, "%m");
	return f;
}

/* Writes a line of this length that begins with the text. */
static int
put(struct spanfile *f, const char *text, size_t len, size_t n, uint64_t *dropped)
{
	char *line = malloc(len);
	int rc;

	memset(line, '.', len);
	memcpy(line, text, strlen(text) < len ? strlen(text) : len);
	line[len - 1] = '\n';
	rc = spanfile_write(f, line, len, n, dropped);
	free(line);
	return rc;
}

/* Size of a file in the folder; -1: there is none. */
static off_t
size_of(const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : -1;
}

/* Runs a shell's condition. */
static bool
holds(const char *command)
{
	return system(command) == 0;
}

static void
test_bounds(void)
{
	struct spanfile *f;
	uint64_t dropped = 9;
	struct stat st;

	begin();
	umask(0);
	f = create();
	umask(022);
	CHECK(fstatat(dir, NEWEST, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(size_of(NEWEST) == 0 && size_of(OLDER) == -1);
	/* As many lines as fit. */
	for (int i = 0; i < 8; i++) {
		CHECK(put(f, "a", SPANFILE_MAX / 8, 10, &dropped) == 0 && dropped == 0, "%d", i);
		CHECK(size_of(OLDER) == -1);
	}
	CHECK(size_of(NEWEST) == SPANFILE_MAX);
	/* One more: the file becomes the older one. */
	CHECK(put(f, "b", 100, 1, &dropped) == 0 && dropped == 0);
	CHECK(size_of(NEWEST) == 100 && size_of(OLDER) == SPANFILE_MAX);
	/* Another file full: that of the first lines has to go. */
	CHECK(put(f, "c", SPANFILE_MAX - 100, 2, &dropped) == 0 && dropped == 0);
	CHECK(put(f, "d", 100, 4, &dropped) == 0 && dropped == 80, "%" PRIu64, dropped);
	CHECK(size_of(NEWEST) == 100 && size_of(OLDER) == SPANFILE_MAX);
	CHECK(holds("head -c 1 run/*.spans.1 | grep -q b && head -c 1 run/*.spans | grep -q d"));
	/* Somebody ships the older file: nothing is lost. */
	CHECK(unlinkat(dir, OLDER, 0) == 0);
	CHECK(put(f, "e", SPANFILE_MAX, 8, &dropped) == 0 && dropped == 0);
	CHECK(size_of(NEWEST) == SPANFILE_MAX && size_of(OLDER) == 100);
	/* A line that is longer than a file has one of its own. */
	CHECK(put(f, "f", 2 * SPANFILE_MAX, 16, &dropped) == 0 && dropped == 4);
	CHECK(put(f, "g", 100, 32, &dropped) == 0 && dropped == 8);
	CHECK(size_of(NEWEST) == 100 && size_of(OLDER) == 2 * SPANFILE_MAX);
	/* The newest was removed: another one is made. */
	CHECK(unlinkat(dir, NEWEST, 0) == 0);
	CHECK(put(f, "h", 50, 64, &dropped) == 0 && dropped == 0);
	CHECK(size_of(NEWEST) == 50 && size_of(OLDER) == 2 * SPANFILE_MAX);
	spanfile_bound(f, 60);
	CHECK(put(f, "i", 50, 128, &dropped) == 0 && dropped == 16);
	CHECK(size_of(OLDER) == 50);
	spanfile_close(f);
	CHECK(size_of(NEWEST) == 50 && holds("[ \"$(ls -A run | wc -l)\" = 2 ]"));
	end();
}

/* Without a line there is no file in the end; links are not followed. */
static void
test_create(void)
{
	struct spanfile *f;
	uint64_t dropped;

	begin();
	spanfile_close(create());
	CHECK(holds("[ -z \"$(ls -A run)\" ]"));
	CHECK(symlink("../victim", "run/" NEWEST) == 0);
	CHECK(symlink("../victim", "run/." NEWEST ".new") == 0);
	CHECK(spanfile_create(dir, "pfanout", 4711, uuid) == NULL && errno == EEXIST);
	CHECK(unlink("run/." NEWEST ".new") == 0);
	f = create();
	CHECK(put(f, "a", 10, 1, &dropped) == 0 && size_of(NEWEST) == 10);
	CHECK(access("victim", F_OK) == -1);
	spanfile_close(f);
	spanfile_close(NULL);
	end();
}

/* Writes a file of a stage that has ended, of this size and age. */
static void
add_ended(const char *name, off_t size, time_t changed)
{
	struct timespec times[2] = {{changed, 0}, {changed, 0}};
	int fd = openat(dir, name, O_WRONLY | O_CREAT, 0600);

	CHECK(fd != -1 && ftruncate(fd, size) == 0 && futimens(fd, times) == 0);
	close(fd);
}

static void
test_list(void)
{
	static const char *const others[] = {"pfanout.1.00000000000000000000000000000001.stat",
	    "pfanout.1.00000000000000000000000000000001.spans.2",
	    "pfanout.1.00000000000000000000000000000001.spansx",
	    "pfanout.1.0000000000000000000000000000000g.spans",
	    "pfanout.1.0000000000000000000000000000000A.spans", "pfanout.1.00.spans",
	    "pfanout.0.00000000000000000000000000000001.spans",
	    "pfanout.99999999999.00000000000000000000000000000001.spans",
	    "pfanout.x.00000000000000000000000000000001.spans",
	    ".1.00000000000000000000000000000001.spans", "spans", "lock",
	    "a-very-long-tool-name.1.00000000000000000000000000000001.spans"};
	struct spanfile_entry *list = NULL;
	uint64_t dropped;
	struct spanfile *f;
	ssize_t n;

	begin();
	CHECK(spanfile_list(dir, &list) == 0);
	free(list);
	for (size_t i = 0; i < LEN(others); i++)
		add_ended(others[i], 5, 5);
	CHECK(mkdir("run/pfanin.3.00000000000000000000000000000003.spans", 0700) == 0);
	add_ended("pfanin.22.00000000000000000000000000000002.spans", 7, 2000);
	add_ended("pmetrics.33.000000000000000000000000000000ab.spans.1", 8, 1000);
	f = create();
	CHECK(put(f, "a", SPANFILE_MAX, 1, &dropped) == 0 && put(f, "b", 9, 1, &dropped) == 0);
	n = spanfile_list(dir, &list);
	if (CHECK(n == 4, "%zd", n))
		return;
	CHECK(strcmp(list[0].name, "pmetrics.33.000000000000000000000000000000ab.spans.1") == 0);
	CHECK(strcmp(list[0].tool, "pmetrics") == 0 && list[0].pid == 33 && list[0].older);
	CHECK(strcmp(list[0].uuid, "000000000000000000000000000000ab") == 0);
	CHECK(list[0].size == 8 && list[0].changed == 1000 * CLOCK_S && !list[0].live);
	CHECK(strcmp(list[1].tool, "pfanin") == 0 && !list[1].older && !list[1].live);
	CHECK(strcmp(list[2].name, OLDER) == 0 && list[2].older && !list[2].live);
	CHECK(strcmp(list[3].name, NEWEST) == 0 && list[3].live && list[3].size == 9);
	CHECK(list[2].ino != list[3].ino && list[3].pid == 4711);
	free(list);
	/* Once it is closed the stage has ended. */
	spanfile_close(f);
	n = spanfile_list(dir, &list);
	CHECK(n == 4 && !list[3].live);
	free(list);
	end();
}

static void
test_retention(void)
{
	struct spanfile *live, *f;
	char name[80];
	uint64_t dropped;

	begin();
	/* Two live files, and ended ones: the oldest two are too much. */
	live = spanfile_create(dir, "pfanin", 1, uuid);
	spanfile_bound(live, 100);
	CHECK(put(live, "a", 90, 1, &dropped) == 0 && put(live, "b", 90, 1, &dropped) == 0);
	for (int i = 1; i <= 5; i++) {
		snprintf(name, sizeof(name), "pfanout.%d.%032x.spans%s", i, i, i % 2 ? ".1" : "");
		add_ended(name, SPANFILE_ALL / 3, 1000 + i);
	}
	f = create();
	CHECK(holds(
	    "ls run | grep -v -e pfanin -e pfanout.4711 | cut -d. -f2 | xargs | grep -qx '3 4 5'"));
	CHECK(holds("[ $(ls run/pfanin.* | wc -l) = 2 ]"), "those of live stages stay");
	spanfile_close(f);
	/* Small files, but too many of them. */
	for (int i = 1; i <= SPANFILE_FILES; i++) {
		snprintf(name, sizeof(name), "pfanout.%d.%032x.spans", 1000 + i, i);
		add_ended(name, 1, 2000 + i);
	}
	f = create();
	CHECK(holds("[ $(ls run/pfanin.* | wc -l) = 2 ]"));
	CHECK(holds("[ $(ls run | grep -v -e pfanin -e pfanout.4711 | wc -l) = 1024 ]"));
	CHECK(size_of("pfanout.3.00000000000000000000000000000003.spans.1") == -1);
	spanfile_close(f);
	spanfile_close(live);
	end();
}

/* A full disk: a part of a line is taken back, and later ones are written. */
static void
test_full_disk(void)
{
	struct spanfile *f, *named;
	uint64_t dropped;

	begin();
	if (mount("none", "run", "tmpfs", 0, "size=256k,nr_inodes=3") == -1) {
		printf("no tmpfs: the disk is never full\n");
		end();
		return;
	}
	end();
	dir = open("run", O_RDONLY | O_DIRECTORY);
	f = create();
	named = spanfile_open("run/named");
	CHECK(put(f, "a", 100000, 1, &dropped) == 0 && put(named, "a", 1000, 1, &dropped) == 0);
	CHECK(put(f, "b", 200000, 2, &dropped) == -1 && errno == ENOSPC && dropped == 2);
	CHECK(size_of(NEWEST) == 100000);
	CHECK(put(named, "b", 200000, 2, &dropped) == -1 && errno == ENOSPC && dropped == 2);
	CHECK(size_of("named") == 1000);
	CHECK(put(f, "c", 1000, 1, &dropped) == 0 && put(named, "c", 1000, 1, &dropped) == 0);
	CHECK(holds("tail -n 1 run/*.spans | grep -q '^c' && [ $(cat run/*.spans | wc -l) = 2 ]"));
	CHECK(holds("tail -n 1 run/named | grep -q '^c' && [ $(wc -l <run/named) = 2 ]"));
	/* There is no room for another file: the line is lost, no other one. */
	spanfile_bound(f, 1000);
	CHECK(put(f, "d", 10, 4, &dropped) == -1 && errno == ENOSPC && dropped == 4);
	CHECK(size_of(NEWEST) == 101000 && size_of(OLDER) == -1);
	spanfile_close(f);
	spanfile_close(named);
	end();
	CHECK(umount2("run", MNT_DETACH) == 0);
}

/* The file of --trace-file: appended to, and not glued to what is there. */
static void
test_named(void)
{
	struct spanfile *f, *g;
	uint64_t dropped;
	struct stat st;

	begin();
	CHECK(spanfile_open("run/none/x") == NULL && errno == ENOENT);
	CHECK(spanfile_open("run") == NULL && errno == EISDIR);
	f = spanfile_open("run/x");
	CHECK(stat("run/x", &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(put(f, "a", 20, 1, &dropped) == 0 && dropped == 0);
	spanfile_close(f);
	/* A line that has no end. */
	CHECK(holds("printf half >>run/x"));
	f = spanfile_open("run/x");
	g = spanfile_open("run/x");
	CHECK(put(f, "b", 20, 1, &dropped) == 0 && put(g, "c", 20, 1, &dropped) == 0);
	CHECK(put(f, "d", 2 * SPANFILE_MAX, 1, &dropped) == 0 && put(f, "e", 9, 1, &dropped) == 0);
	CHECK(holds("cut -c 1-4 run/x | xargs | grep -qx 'a... half b... c... d... e...'"));
	spanfile_close(f);
	spanfile_close(g);
	/* A line in an empty file is kept when it is closed; so is the file. */
	spanfile_close(spanfile_open("run/empty"));
	CHECK(size_of("empty") == 0);
	end();
}

/* Several processes append to one file: each line is whole. */
static void
test_shared(void)
{
	enum { WRITERS = 3, LINES = 150 };

	begin();
	for (int i = 0; i < WRITERS; i++) {
		if (fork() != 0)
			continue;
		for (int j = 0, bad = 0; j <= LINES; j++) {
			struct spanfile *f = spanfile_open("run/x");
			char text[20] = {(char)('a' + i)};
			uint64_t dropped;

			if (j == LINES)
				_exit(bad);
			bad |= put(f, text, 3000 + 977 * (size_t)(j % 30), 1, &dropped) != 0;
			spanfile_close(f);
		}
	}
	for (int status, i = 0; i < WRITERS; i++)
		CHECK(wait(&status) > 0 && status == 0, "%d", status);
	CHECK(holds("[ $(grep -c '^[abc][.]*$' run/x) = 450 ] && [ $(wc -l <run/x) = 450 ]"));
	end();
}

/* Another writer holds the lock: the line is lost after a second. */
static void
test_lock(void)
{
	struct spanfile *f;
	uint64_t dropped;
	int64_t begun;
	int fd;

	begin();
	f = spanfile_open("run/x");
	fd = open("run/x", O_RDONLY);
	CHECK(flock(fd, LOCK_EX) == 0);
	begun = clock_now();
	CHECK(put(f, "a", 10, 3, &dropped) == -1 && errno == EAGAIN && dropped == 3);
	CHECK(clock_now() - begun >= CLOCK_S);
	/* In a hurry it does not even wait for that. */
	spanfile_hurry(f, clock_now());
	begun = clock_now();
	CHECK(put(f, "b", 10, 3, &dropped) == -1 && errno == EAGAIN);
	CHECK(clock_now() - begun < CLOCK_S);
	close(fd);
	CHECK(put(f, "c", 10, 3, &dropped) == 0 && size_of("x") == 10);
	spanfile_close(f);
	end();
}

struct hurry {
	struct spanfile *file;
	int reader;
};

/* Hurries when the pipe is full. */
static void *
hurry_main(void *arg)
{
	const struct hurry *h = arg;
	struct pollfd p = {.fd = h->reader, .events = POLLIN};

	(void)poll(&p, 1, -1);
	spanfile_hurry(h->file, clock_now() + CLOCK_MS);
	return NULL;
}

static void
test_fifo(void)
{
	char bytes[100] = "";
	pthread_t thread;
	struct spanfile *f;
	uint64_t dropped;
	int reader;

	begin();
	CHECK(mkfifo("run/p", 0600) == 0);
	CHECK(spanfile_open("run/p") == NULL && errno == ENXIO, "nobody reads");
	reader = open("run/p", O_RDONLY | O_NONBLOCK);
	f = spanfile_open("run/p");
	if (CHECK(f != NULL))
		return;
	CHECK(put(f, "a", 50, 1, &dropped) == 0 && read(reader, bytes, 100) == 50);
	CHECK(bytes[0] == 'a' && bytes[49] == '\n');
	/* A reader that does not read is not waited for once we hurry. */
	CHECK(pthread_create(&thread, NULL, hurry_main, &(struct hurry){f, reader}) == 0);
	CHECK(put(f, "b", SPANFILE_MAX, 7, &dropped) == -1 && errno == ETIMEDOUT && dropped == 7);
	CHECK(pthread_join(thread, NULL) == 0);
	/* What comes after the part of a line is a line of its own. */
	while (read(reader, bytes, 100) > 0)
		continue;
	CHECK(put(f, "c", 50, 1, &dropped) == 0 && read(reader, bytes, 100) == 51);
	CHECK(bytes[0] == '\n' && bytes[1] == 'c' && bytes[50] == '\n');
	/* The reader leaves. */
	close(reader);
	CHECK(put(f, "d", 50, 5, &dropped) == -1 && errno == EPIPE && dropped == 5);
	spanfile_close(f);
	end();
}

/* Standard error that is a pipe, or a file with a position of its own. */
static void
test_descriptor(void)
{
	char bytes[100] = "";
	int ends[2], saved = dup(STDERR_FILENO), fd;
	struct spanfile *f;
	uint64_t dropped;
	bool all;

	begin();
	CHECK(pipe(ends) == 0);
	f = spanfile_to(ends[1]);
	CHECK(put(f, "a", 50, 1, &dropped) == 0 && read(ends[0], bytes, 100) == 50);
	CHECK((fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0, "others have that descriptor, too");
	spanfile_close(f);
	CHECK(fcntl(ends[1], F_GETFD) != -1);
	/* What others write to a file through this descriptor stays. */
	fd = open("run/err", O_WRONLY | O_CREAT, 0600);
	dup2(fd, STDERR_FILENO);
	f = spanfile_open("/dev/stderr");
	all = write(STDERR_FILENO, "one\n", 4) == 4 && put(f, "two", 4, 1, &dropped) == 0 &&
	    write(STDERR_FILENO, "three\n", 6) == 6 && put(f, "four", 5, 1, &dropped) == 0;
	dup2(saved, STDERR_FILENO);
	CHECK(all && holds("xargs <run/err | grep -qx 'one two three four'"));
	spanfile_close(f);
	close(fd);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	end();
}

int
main(void)
{
	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	test_bounds();
	test_create();
	test_list();
	test_retention();
	test_full_disk();
	test_named();
	test_shared();
	test_lock();
	test_fifo();
	test_descriptor();
	CHECK(chdir("/") == 0 && rmdir(folder) == -1);
	{
		char command[64];

		snprintf(command, sizeof(command), "rm -rf %s", folder);
		CHECK(holds(command));
	}
	return t_end();
}
