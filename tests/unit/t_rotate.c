#include "record/rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t.h"

static void
touch(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT, 0600);

	CHECK(fd != -1 && write(fd, name, strlen(name)) == (ssize_t)strlen(name));
	close(fd);
}

/* A file contains the name that it was created with. */
static const char *
origin(const char *name)
{
	static char text[64];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd == -1 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd != -1)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

#define WAS(name, want) CHECK(strcmp(origin(name), want) == 0, "it was \"%s\"", origin(name))

static void
test_names(void)
{
	char *name = rotate_name("a/f", 0);

	CHECK(strcmp(name, "a/f") == 0);
	free(name);
	name = rotate_name("a/f", 12);
	CHECK(strcmp(name, "a/f.12") == 0);
	free(name);
}

static void
test_list(const char *path)
{
	unsigned *n;
	size_t len;

	CHECK(rotate_list(path, &n, &len) == 0 && len == 0);
	free(n);
	touch("f");
	touch("f.10");
	touch("f.2");
	touch("f.1");
	touch("f.01");
	touch("f.0");
	touch("f.1x");
	touch("f.3.gz");
	touch("f.cursor");
	touch("ff.4");
	touch("f.99999999999999999999");
	CHECK(rotate_list(path, &n, &len) == 0 && len == 3 && n[0] == 10 && n[1] == 2 && n[2] == 1);
	free(n);
}

static void
test_rotate(const char *path)
{
	CHECK(rotate_file(path, 100) == 0);
	CHECK(access("f", F_OK) == -1);
	WAS("f.1", "f");
	WAS("f.2", "f.1");
	WAS("f.3", "f.2");
	WAS("f.10", "f.10"); /* after a gap: stays where it is */
	touch("f");
	CHECK(rotate_file(path, 3) == 0);
	WAS("f.2", "f");
	WAS("f.3", "f.1");
	CHECK(access("f.4", F_OK) == -1 && access("f.10", F_OK) == -1, "three are kept");
	WAS("f.01", "f.01");
	CHECK(rotate_file(path, 3) == -1 && errno == ENOENT, "there is none to rotate");
}

static void
test_create(void)
{
	struct stat st;
	int fd;

	fd = rotate_create("c", O_RDWR);
	CHECK(fd != -1 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0644);
	close(fd);
	CHECK(chmod("c", 0640) == 0 && rotate_file("c", 9) == 0);
	fd = rotate_create("c", O_RDWR);
	CHECK(fd != -1 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0640, "as the one before");
	close(fd);
	CHECK(chmod("c", 0600) == 0 && rotate_file("c", 9) == 0);
	if (getuid() == 0)
		CHECK(chown("c.1", 65534, 65534) == 0);
	fd = rotate_create("c", O_RDWR);
	CHECK(fd != -1 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK(getuid() != 0 || (st.st_uid == 65534 && st.st_gid == 65534), "of the same owner");
	close(fd);
	CHECK(rotate_create("none/c", O_RDWR) == -1 && errno == ENOENT);
}

static void
test_resolve(void)
{
	static const char *const same[] = {"c", "none", "dangling", "folder"};
	char *path;

	CHECK(symlink("c", "link") == 0 && symlink("none", "dangling") == 0 &&
	    symlink("..", "folder") == 0);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		path = rotate_resolve(same[i]);
		CHECK(strcmp(path, same[i]) == 0, "%s", path);
		free(path);
	}
	path = rotate_resolve("link");
	CHECK(path[0] == '/' && strcmp(strrchr(path, '/'), "/c") == 0, "%s", path);
	free(path);
}

static void
test_same(void)
{
	int fd;

	touch("s");
	fd = open("s", O_RDONLY);
	CHECK(rotate_is_same("s", fd));
	CHECK(rename("s", "s.1") == 0 && !rotate_is_same("s", fd) && rotate_is_same("s.1", fd));
	touch("s");
	CHECK(!rotate_is_same("s", fd));
	close(fd);
}

static void
test_lock(void)
{
	int a = open("s", O_RDONLY), b = open("s", O_RDONLY);

	CHECK(rotate_lock(a, LOCK_EX) == 0);
	CHECK(rotate_lock(b, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK);
	CHECK(rotate_lock(a, LOCK_UN) == 0 && rotate_lock(b, LOCK_EX | LOCK_NB) == 0);
	close(a);
	close(b);
}

static void
test_errors(void)
{
	unsigned *n;
	size_t len;

	CHECK(rotate_list("none/f", &n, &len) == -1 && errno == ENOENT && len == 0);
	CHECK(rotate_sync("none/f") == -1 && errno == ENOENT);
	CHECK(rotate_sync("f") == 0 && rotate_sync("./f") == 0 && rotate_sync("/tmp/f") == 0);
	CHECK(!rotate_is_same("none/f", 0));
}

int
main(void)
{
	char dir[] = "/tmp/t_series.XXXXXX", path[64], command[64];

	CHECK(mkdtemp(dir) != NULL && chdir(dir) == 0);
	snprintf(path, sizeof(path), "%s/f", dir);
	test_names();
	test_list("f");
	test_rotate("f");
	CHECK(mkdir("sub", 0700) == 0 && chdir("sub") == 0);
	snprintf(path, sizeof(path), "%s/sub/f", dir);
	test_list(path);
	test_rotate(path);
	test_create();
	test_resolve();
	test_same();
	test_lock();
	test_errors();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	CHECK(system(command) == 0);
	return t_end();
}
