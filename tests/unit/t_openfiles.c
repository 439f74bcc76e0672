#include "pfanout/openfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t.h"
#include "t_random.h"

#define ROWS(rows) (sizeof(rows) / sizeof(rows[0]))

static char ended[200]; /* names of the files that were ended, in order */
static int n_ended;

/* The data is a text, which is written at the end. */
static void
end(struct openfile *file, void *arg)
{
	CHECK(arg == ended);
	n_ended++;
	if (strlen(ended) + strlen(file->name) + 2 < sizeof(ended))
		strcat(strcat(ended, file->name), " ");
	if (file->data != NULL) {
		const char *text = file->data;

		CHECK(write(file->fd, text, strlen(text)) == (ssize_t)strlen(text));
	}
	CHECK(close(file->fd) == 0);
}

static struct openfiles *
start(size_t most)
{
	ended[0] = '\0';
	n_ended = 0;
	return openfiles_new("files", most, end, ended);
}

static void
check_content(const char *path, const char *want)
{
	char text[100];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);

	CHECK(n >= 0, "%s", path);
	text[n > 0 ? n : 0] = '\0';
	CHECK(strcmp(text, want) == 0, "%s: %s", path, text);
	close(fd);
}

/*
 * Names are asked for one after the other, with two open at most: those that
 * are opened and those that are ended.
 */
static void
test_least_recently_used(void)
{
	static const struct {
		const char *name;
		int opened;
		const char *ended; /* so far */
	} rows[] = {
	    {"a", 1, ""},
	    {"a", 0, ""},
	    {"b", 1, ""},
	    {"a", 0, ""},
	    {"c", 1, "b "},
	    {"a", 0, "b "},
	    {"b", 1, "b c "},
	    {"c", 1, "b c a "},
	    {"c", 0, "b c a "},
	};
	static char text[] = "x\n";
	struct openfiles *o = start(2);
	struct openfile *file;

	for (size_t i = 0; i < ROWS(rows); i++) {
		file = openfiles_get(o, rows[i].name);
		CHECK(file != NULL && strcmp(file->name, rows[i].name) == 0, "row %zu", i);
		CHECK((file->data == NULL) == rows[i].opened, "row %zu", i);
		CHECK(strcmp(ended, rows[i].ended) == 0, "row %zu: %s", i, ended);
		CHECK(fcntl(file->fd, F_GETFD) == FD_CLOEXEC);
		file->data = text;
	}
	/* The last used first. */
	file = openfiles_next(o, NULL);
	CHECK(strcmp(file->name, "c") == 0);
	file = openfiles_next(o, file);
	CHECK(strcmp(file->name, "b") == 0 && openfiles_next(o, file) == NULL);
	openfiles_close(o, file);
	CHECK(strcmp(ended, "b c a b ") == 0, "%s", ended);
	file = openfiles_next(o, NULL);
	CHECK(strcmp(file->name, "c") == 0 && openfiles_next(o, file) == NULL);
	/* After all are closed they are opened again. */
	openfiles_close_all(o);
	CHECK(strcmp(ended, "b c a b c ") == 0 && openfiles_next(o, NULL) == NULL);
	CHECK(openfiles_get(o, "c")->data == NULL);
	openfiles_free(o);
	openfiles_free(NULL);
	CHECK(strcmp(ended, "b c a b c c ") == 0, "%s", ended);
	check_content("files/a", "x\n");
	check_content("files/b", "x\nx\n");
	check_content("files/c", "x\nx\n");
}

static void
test_refused(void)
{
	static const struct {
		const char *name;
		int error;
	} rows[] = {
	    {"folder", EISDIR},
	    {"link", ELOOP},
	    {"dangling", ELOOP},
	    {"fifo", EINVAL},
	    {"read-fifo", EINVAL},
	    {"null", EINVAL},
	};
	struct openfiles *o = start(10);
	int reader;

	CHECK(mkdir("files/folder", 0700) == 0 && mkfifo("files/fifo", 0600) == 0);
	CHECK(mkfifo("files/read-fifo", 0600) == 0 && symlink("../target", "files/link") == 0);
	CHECK(symlink("../nowhere", "files/dangling") == 0);
	CHECK((reader = open("files/read-fifo", O_RDONLY | O_NONBLOCK)) != -1);
	CHECK(close(open("target", O_WRONLY | O_CREAT, 0600)) == 0);
	/* Where devices cannot be made, a FIFO stands for one. */
	if (mknod("files/null", S_IFCHR | 0600, 0x103) == -1)
		CHECK(mkfifo("files/null", 0600) == 0);
	for (size_t i = 0; i < ROWS(rows); i++) {
		errno = 0;
		CHECK(openfiles_get(o, rows[i].name) == NULL && errno == rows[i].error, "%s: %s",
		    rows[i].name, strerror(errno));
	}
	CHECK(access("nowhere", F_OK) == -1 && n_ended == 0);
	close(reader);
	openfiles_free(o);
	errno = 0;
	CHECK(openfiles_new("nowhere", 1, end, NULL) == NULL && errno == ENOENT);
	CHECK(openfiles_new("target", 1, end, NULL) == NULL && errno == ENOTDIR);
}

/* Without descriptors, files are closed, in the end all but the new one. */
static void
test_no_descriptors(void)
{
	struct rlimit before, few;
	struct openfiles *o = start(1000);
	char name[20];
	int lowest = dup(0);

	close(lowest);
	CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
	few = before;
	few.rlim_cur = (rlim_t)lowest + 5;
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "few-%d", i);
		CHECK(openfiles_get(o, name) != NULL, "%s", strerror(errno));
	}
	/* Descriptors that the test was started with may be among the five. */
	CHECK(n_ended >= 15 && n_ended < 20, "%d", n_ended);
	/* None left even so. */
	openfiles_close_all(o);
	few.rlim_cur = (rlim_t)lowest;
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	errno = 0;
	CHECK(openfiles_get(o, "few-0") == NULL && errno == EMFILE);
	CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
	CHECK(openfiles_get(o, "few-0") != NULL);
	openfiles_free(o);
	CHECK(n_ended == 21, "%d", n_ended);
}

/* Many names: each file gets what was meant for it. */
static void
test_random(void)
{
	enum { NAMES = 50 };
	struct openfiles *o = start(7);
	int given[NAMES] = {0};

	for (int i = 0; i < 5000; i++) {
		int k = (int)(next_random() % NAMES);
		char name[20];
		struct openfile *file;

		snprintf(name, sizeof(name), "random-%d", k);
		file = openfiles_get(o, name);
		CHECK(file != NULL && write(file->fd, "x", 1) == 1);
		given[k]++;
	}
	openfiles_free(o);
	for (int k = 0; k < NAMES; k++) {
		char path[40];
		struct stat st;

		snprintf(path, sizeof(path), "files/random-%d", k);
		CHECK(stat(path, &st) == 0 && st.st_size == given[k], "%s", path);
	}
}

int
main(void)
{
	char dir[] = "/tmp/t_openfiles.XXXXXX", command[64];

	CHECK(mkdtemp(dir) != NULL && chdir(dir) == 0 && mkdir("files", 0700) == 0);
	test_least_recently_used();
	test_refused();
	test_no_descriptors();
	test_random();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	CHECK(system(command) == 0);
	return t_end();
}
