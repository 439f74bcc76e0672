#include "metrics/link.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t.h"

static struct metrics_links links;
static struct metrics_link seen;

/* Which kind a descriptor is; it is closed. */
static int
kind_of(int fd)
{
	struct metrics_link *l;
	struct stat st;

	memset(&links, 0, sizeof(links));
	l = link_open(&links, LINK_IN, fd, "name");
	CHECK(fstat(fd, &st) == 0 && link_read(l, &seen));
	CHECK(seen.dev == st.st_dev && seen.ino == st.st_ino, "another file");
	close(fd);
	return seen.kind;
}

static void
test_kinds(void)
{
	char dir[] = "/tmp/t_link.XXXXXX", path[64];
	int fds[2];

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	CHECK(mkfifo(path, 0600) == 0);
	CHECK(kind_of(open(path, O_PATH | O_CLOEXEC)) == LINK_FIFO, "one that nobody reads");
	CHECK(kind_of(open(path, O_RDWR | O_CLOEXEC)) == LINK_FIFO);
	unlink(path);
	CHECK(kind_of(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) == LINK_FILE);
	unlink(path);
	CHECK(kind_of(open(dir, O_PATH | O_CLOEXEC)) == LINK_FILE, "a folder");
	rmdir(dir);
	CHECK(kind_of(open("/dev/null", O_RDWR | O_CLOEXEC)) == LINK_NULL);
	CHECK(kind_of(open("/dev/zero", O_RDWR | O_CLOEXEC)) == LINK_OTHER);
	CHECK(kind_of(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)) == LINK_TERMINAL);
	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	CHECK(kind_of(fds[0]) == LINK_PIPE);
	close(fds[1]);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(kind_of(fds[0]) == LINK_SOCKET);
	close(fds[1]);
}

static void
test_engine(void)
{
	struct metrics_link *l;

	memset(&links, 0, sizeof(links));
	l = link_open_engine(&links, LINK_IN, "kafka://me@h:1/orders?group=secret");
	CHECK(l != NULL && link_read(l, &seen) && seen.kind == LINK_ENGINE && seen.ino == 0);
	CHECK(strcmp(seen.name, "kafka h:1/orders") == 0, "%s", seen.name);
	CHECK(link_number(&links, l) == 0 && link_number(&links, NULL) == LINKS);
}

static void
test_places(void)
{
	struct metrics_link *out, *first, *last = NULL;

	memset(&links, 0, sizeof(links));
	CHECK(!link_read(&links.link[0], &seen), "an unused one is shown");
	out = link_open(&links, LINK_OUT, STDOUT_FILENO, "-");
	CHECK(out == &links.link[1], "the standard output has place 1");
	first = link_open(&links, LINK_IN, -1, "first");
	CHECK(first == &links.link[0], "the first input has place 0");
	for (unsigned i = 2; i < LINKS; i++)
		last = link_open(&links, LINK_IN, -1, "more");
	CHECK(last == &links.link[LINKS - 1]);
	CHECK(link_open(&links, LINK_IN, -1, "none") == NULL && links.more == 1);

	link_add(first, 3, 30);
	link_start(first, 5);
	link_close(first);
	CHECK(link_read(first, &seen) && (seen.state & 3) == LINK_CLOSED);
	CHECK(seen.records == 3 && seen.bytes == 30 && !stopwatch_runs(&seen.wait));
	CHECK(link_open(&links, LINK_OUT, -1, "none") == NULL && links.more == 2, "an output");
	CHECK(link_open(&links, LINK_IN, -1, "again") == first);
	CHECK(link_read(first, &seen) && (seen.state & 3) == LINK_OPEN && (seen.state >> 2) == 2);
	CHECK(seen.records == 0 && seen.bytes == 0 && stopwatch_read(&seen.wait, 9) == 0);
	CHECK(strcmp(seen.name, "again") == 0, "%s", seen.name);
	CHECK(seen.kind == LINK_OTHER && seen.dev == 0 && seen.direction == LINK_IN);
}

static void
test_names(void)
{
	static const char *const names[][2] = {
	    {"", ""},
	    {"-", "-"},
	    {"123456789012345678901234567890123456789", "123456789012345678901234567890123456789"},
	    {"/a/b/123456789012345678901234567890/c.ndjson",
		"/123456789012345678901234567890/c.ndjson"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *name = names[i][1];
		size_t len = strlen(name);

		memset(&links, 0, sizeof(links));
		CHECK(link_read(link_open(&links, LINK_IN, -1, names[i][0]), &seen));
		if (len >= LINK_NAME_SIZE)
			name += len - (LINK_NAME_SIZE - 1);
		CHECK(strcmp(seen.name, name) == 0, "%s: %s", name, seen.name);
	}
}

static void
test_waits(void)
{
	struct metrics_link *l;

	memset(&links, 0, sizeof(links));
	l = link_open(&links, LINK_IN, -1, "-");
	link_start(l, 10);
	link_start(l, 15);
	CHECK(link_read(l, &seen) && stopwatch_read(&seen.wait, 20) == 10, "while it waits");
	link_stop(l, 30);
	link_stop(l, 40);
	link_identify(l, STDOUT_FILENO);
	CHECK(link_read(l, &seen) && stopwatch_read(&seen.wait, 99) == 20);
	CHECK(seen.ino != 0 && (seen.state & 3) == LINK_OPEN, "it was identified");

	/* Without a place nothing happens. */
	link_identify(NULL, STDOUT_FILENO);
	link_start(NULL, 1);
	link_stop(NULL, 2);
	link_add(NULL, 1, 1);
	link_close(NULL);
}

static _Atomic bool over;

/* Uses one place for one link after another. */
static void *
change(void *arg)
{
	struct metrics_link *l = arg;

	for (int i = 0; i < 20000; i++) {
		char letter = (char)('a' + i % 2);
		char name[] = {letter, letter, letter, letter, letter, '\0'};

		link_close(l);
		l = link_open(&links, i % 2 == 0 ? LINK_IN : LINK_OUT, -1, name);
		link_add(l, (uint64_t)i % 2, 0);
	}
	over = true;
	return NULL;
}

/* Whoever reads sees the fields of one link. */
static void
test_reading(void)
{
	pthread_t thread;
	unsigned bad = 0, reads = 0;

	memset(&links, 0, sizeof(links));
	for (unsigned i = 0; i < LINKS; i++)
		(void)link_open(&links, LINK_IN, -1, "x");
	CHECK(pthread_create(&thread, NULL, change, &links.link[5]) == 0);
	while (!over) {
		if (!link_read(&links.link[5], &seen) || seen.name[0] == 'x')
			continue;
		reads++;
		for (unsigned i = 1; i < 5; i++)
			bad += seen.name[i] != seen.name[0];
		bad += (seen.direction == LINK_IN) != (seen.name[0] == 'a');
	}
	pthread_join(thread, NULL);
	CHECK(bad == 0, "%u of %u reads were of two links", bad, reads);
}

int
main(void)
{
	test_kinds();
	test_engine();
	test_places();
	test_names();
	test_waits();
	test_reading();
	return t_end();
}
