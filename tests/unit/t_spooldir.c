#include "pmetrics/spooldir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t.h"

#define NAME "pfanout.7.0123456789abcdef0123456789abcdef.spans"

static char path[] = "/tmp/t_spooldir.XXXXXX";
static int dir;

static void
make(const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	CHECK(fd != -1 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", name);
	close(fd);
}

static bool
is_there(const char *name)
{
	return faccessat(dir, name, F_OK, 0) == 0;
}

static void
list(struct spooldir *d, size_t n)
{
	CHECK(spooldir_list(d), "no list");
	CHECK(d->n == n, "%zu files", d->n);
}

static void
test_remove(struct spooldir *d)
{
	make(NAME ".1", "older\n");
	make(NAME, "newest\n");
	list(d, 2);
	for (size_t i = 0; i < 2; i++) {
		CHECK(spooldir_is_complete(&d->entry[i]), "%zu", i);
		spooldir_remove(d, &d->entry[i]);
	}
	CHECK(!is_there(NAME) && !is_there(NAME ".1"), "they are there");
	list(d, 0);
}

/* Between the list and the removal a stage puts another file there. */
static void
test_replaced(struct spooldir *d)
{
	ino_t ino;

	make(NAME ".1", "first\n");
	list(d, 1);
	make("other", "second\n");
	CHECK(renameat(dir, "other", dir, NAME ".1") == 0, "?");
	spooldir_remove(d, &d->entry[0]);
	/* And once more, before it is put back. */
	make(NAME ".1", "third\n");
	list(d, 1);
	ino = d->entry[0].ino;
	spooldir_remove(d, &d->entry[0]);
	list(d, 1);
	CHECK(d->entry[0].ino != ino && d->entry[0].size == strlen("second\n") && d->entry[0].older,
	    "%s", d->entry[0].name);
	spooldir_remove(d, &d->entry[0]);
	list(d, 0);
	CHECK(!is_there(NAME ".1"), "it is there");
}

/* What is taken of a file counts only if it is still this file. */
static void
test_place(struct spooldir *d)
{
	struct shipped_file place;
	int fd;

	make(NAME, "first line\nsecond\n");
	list(d, 1);
	CHECK(spooldir_is_due(d, &d->entry[0]), "not due");
	fd = spooldir_open_file(d, &d->entry[0], &place);
	CHECK(fd != -1 && place.offset == 0, "%d", (int)place.offset);
	place.offset = 11;
	place.check = shipped_check(fd, 11);
	CHECK(shipped_set(&d->memory, &place) == 0, "?");
	close(fd);
	spooldir_save(d);
	fd = spooldir_open_file(d, &d->entry[0], &place);
	CHECK(place.offset == 11 && lseek(fd, 0, SEEK_CUR) == 11, "%d", (int)place.offset);
	close(fd);
	/* The same inode, other bytes. */
	fd = openat(dir, NAME, O_WRONLY);
	CHECK(pwrite(fd, "F", 1, 0) == 1, "?");
	close(fd);
	fd = spooldir_open_file(d, &d->entry[0], &place);
	CHECK(place.offset == 0 && lseek(fd, 0, SEEK_CUR) == 0, "%d", (int)place.offset);
	close(fd);
	CHECK(unlinkat(dir, NAME, 0) == 0, "?");
	CHECK(spooldir_open_file(d, &d->entry[0], &place) == -1, "it is gone");
	list(d, 0);
	CHECK(d->memory.files == 0, "%zu are remembered", d->memory.files);
}

static void
test_totals(struct spooldir *d)
{
	struct shipped again;

	CHECK(shipped_count(&d->memory, "a", "t", "p", 3, 1) == 0, "?");
	CHECK(shipped_count(&d->memory, "a", "t", "", 5, 0) == 0, "?");
	CHECK(shipped_count(&d->memory, "a", "t", "p", 2, 2) == 0, "?");
	spooldir_save(d);
	CHECK(shipped_read(&again, dir) == 0 && again.n == 2 && again.files == 0, "%zu", again.n);
	CHECK(again.total[0].sent == 5 && again.total[0].rejected == 3 &&
		strcmp(again.total[0].pipeline, "p") == 0,
	    "%d", (int)again.total[0].sent);
	shipped_free(&again);
	/* The number of stages is bounded. */
	for (int i = 0; i < SHIPPED_MOST + 10; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s%d", i);
		CHECK(shipped_count(&d->memory, name, "t", "", 1, 0) == 0, "?");
	}
	CHECK(d->memory.n == SHIPPED_MOST + 1 &&
		strcmp(d->memory.total[SHIPPED_MOST].stage, "other") == 0 &&
		d->memory.total[SHIPPED_MOST].sent == 12,
	    "%zu", d->memory.n);
}

int
main(void)
{
	struct spooldir d;
	char command[64];

	CHECK(mkdtemp(path) != NULL && (dir = open(path, O_RDONLY | O_DIRECTORY)) != -1, "?");
	CHECK(spooldir_open(&d, path, dup(dir)) == 0, "?");
	test_remove(&d);
	test_replaced(&d);
	test_place(&d);
	test_totals(&d);
	spooldir_close(&d);
	snprintf(command, sizeof(command), "rm -r %s", path);
	CHECK(system(command) == 0, "?");
	return t_end();
}
