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

static int removed;

/* It can be read to the end, and has lost its name. */
static void
count_removed(void *arg, const char *path, int fd)
{
	char c;

	CHECK(arg == NULL && read(fd, &c, 1) == 1 && access(path, F_OK) == -1, "%s", path);
	removed++;
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

static const struct {
	const char *suffix;
	enum rotate_kind kind;
} suffixes[] = {
    {"", ROTATE_NONE},
    {".", ROTATE_NONE},
    {"-", ROTATE_NONE},
    {".1", ROTATE_NUMBERED},
    {".10", ROTATE_NUMBERED},
    {".9999999", ROTATE_NUMBERED},
    {".0", ROTATE_DATED},
    {".01", ROTATE_NONE},
    {".1x", ROTATE_NONE},
    {".x1", ROTATE_NONE},
    {".1.2", ROTATE_NONE},
    {".cursor", ROTATE_NONE},
    {".new", ROTATE_NONE},
    {"1", ROTATE_NONE},
    {"-1", ROTATE_NONE},
    {"-20261125", ROTATE_DATED},
    {".20261125", ROTATE_DATED},
    {"-2026-11-25", ROTATE_DATED},
    {"-2026112515", ROTATE_DATED},
    {"-20261125-1795446245", ROTATE_DATED},
    {".1795446245", ROTATE_DATED},
    {".99999999999999999999", ROTATE_DATED},
    {"-20261125-", ROTATE_NONE},
    {"--20261125", ROTATE_NONE},
    {"-2026", ROTATE_NONE},
    {".2026-11", ROTATE_NONE},
    {".1.gz", ROTATE_COMPRESSED},
    {".0.gz", ROTATE_COMPRESSED},
    {"-20261125.xz", ROTATE_COMPRESSED},
    {".2.zst", ROTATE_COMPRESSED},
    {".2.bz2", ROTATE_COMPRESSED},
    {".gz", ROTATE_NONE},
    {".1gz", ROTATE_NONE},
    {".1.zip", ROTATE_NONE},
    {".1.gz.gz", ROTATE_NONE},
};

static void
test_suffixes(void)
{
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		CHECK(rotate_suffix(suffixes[i].suffix) == suffixes[i].kind, "\"%s\"",
		    suffixes[i].suffix);
}

/* What the list says of a file; NONE if it does not name the file. */
static enum rotate_kind
listed(const char *path, const char *suffix)
{
	enum rotate_kind kind = ROTATE_NONE;
	struct rotated *list;
	char name[128];
	size_t n;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	CHECK(rotate_list(path, &list, &n) == 0);
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].path, name) == 0)
			kind = list[i].kind;
	rotate_free(list, n);
	return kind;
}

static void
test_list(const char *path)
{
	struct rotated *list;
	size_t n;

	CHECK(rotate_list(path, &list, &n) == 0 && n == 0);
	rotate_free(list, n);
	touch("f");
	touch("f.10");
	touch("f.2");
	touch("f.1");
	touch("f.01");
	touch("f.1x");
	touch("f.3.gz");
	touch("f.cursor");
	touch("ff.4");
	touch("f.20261125");
	touch("f-20261125");
	CHECK(rotate_list(path, &list, &n) == 0 && n == 6, "%zu", n);
	rotate_free(list, n);
	CHECK(listed(path, ".10") == ROTATE_NUMBERED && listed(path, ".1") == ROTATE_NUMBERED);
	CHECK(listed(path, "-20261125") == ROTATE_DATED &&
	    listed(path, ".3.gz") == ROTATE_COMPRESSED);
	CHECK(mkdir("f.6", 0700) == 0 && symlink("f.1", "f.7") == 0 && mkfifo("f.8", 0600) == 0);
	for (const char *const *s = (const char *const[]){".6", ".7", ".8", NULL}; *s != NULL; s++)
		CHECK(listed(path, *s) == ROTATE_IRREGULAR, "%s", *s);
	touch("f.9");
	touch("f.9.cursor");
	CHECK(listed(path, ".9") == ROTATE_NUMBERED, "a cursor claims nothing");
	touch("f.9.series");
	CHECK(listed(path, ".9") == ROTATE_CLAIMED);
	CHECK(rmdir("f.6") == 0 && unlink("f.7") == 0 && unlink("f.8") == 0 && unlink("f.9") == 0 &&
	    unlink("f.9.cursor") == 0 && unlink("f.9.series") == 0);
}

/* A name that could be that of a rotated file is claimed, once. */
static void
test_claim(void)
{
	static const struct {
		const char *path, *series;
		int claimed;
	} claims[] = {{"q", "q.series", 0}, {"q.log", "q.log.series", 0}, {"q.5", "q.5.series", 1},
	    {"q-20261125", "q-20261125.series", 1},
	    {"./a-b.c-2026-11-25", "a-b.c-2026-11-25.series", 1}, {"q-5", "q-5.series", 0}};

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		CHECK(rotate_claim(claims[i].path) == 0 && rotate_claim(claims[i].path) == 0);
		CHECK((access(claims[i].series, F_OK) == 0) == claims[i].claimed &&
			rotate_is_claimed(claims[i].path) == claims[i].claimed,
		    "%s", claims[i].path);
		unlink(claims[i].series);
	}
	CHECK(rotate_claim("none/q.5") == -1 && errno == ENOENT);
}

static void
test_rotate(const char *path)
{
	CHECK(rotate_file(path, 100, count_removed, NULL) == 0);
	CHECK(access("f", F_OK) == -1);
	WAS("f.1", "f");
	WAS("f.2", "f.1");
	WAS("f.3", "f.2");
	WAS("f.10", "f.10"); /* after a gap: stays where it is */
	touch("f");
	CHECK(rotate_file(path, 3, count_removed, NULL) == 0);
	WAS("f.2", "f");
	WAS("f.3", "f.1");
	CHECK(access("f.4", F_OK) == -1, "three are kept");
	/* Files that no rotation here has made, or could have made. */
	WAS("f.10", "f.10");
	WAS("f.20261125", "f.20261125");
	WAS("f-20261125", "f-20261125");
	WAS("f.01", "f.01");
	CHECK(rotate_file(path, 3, count_removed, NULL) == -1 && errno == ENOENT,
	    "there is none to rotate");
	/* FILE.1 is free: FILE.2 counts again when the run has no gap. */
	touch("f");
	CHECK(rotate_file(path, 1, count_removed, NULL) == 0 && access("f.2", F_OK) == 0);
	touch("f");
	CHECK(rotate_file(path, 1, count_removed, NULL) == 0 && access("f.2", F_OK) == -1,
	    "one is kept");
	WAS("f.1", "f");
}

/* The FILE of another series, and a link, keep their numbers. */
static void
test_pass_over(void)
{
	int before;

	touch("g.1");
	touch("g.1.series");
	CHECK(symlink("g.1", "g.3") == 0);
	before = removed;
	for (int i = 0; i < 4; i++) {
		touch("g");
		CHECK(rotate_file("g", 2, count_removed, NULL) == 0);
	}
	WAS("g.1", "g.1");
	WAS("g.2", "g");
	WAS("g.3", "g.1");
	WAS("g.4", "g");
	CHECK(removed == before + 2, "%d were removed", removed - before);
	CHECK(access("g.5", F_OK) == -1 && access("g", F_OK) == -1);
}

/* The mode of a file that rotate_create() makes. */
static unsigned
created(const char *path, const struct stat *like, uid_t *owner)
{
	struct stat st = {0};
	int fd = rotate_create(path, O_RDWR, like);

	CHECK(fd != -1 && fstat(fd, &st) == 0);
	close(fd);
	*owner = st.st_uid;
	return st.st_mode & 07777;
}

static void
test_create(void)
{
	struct stat st = {.st_mode = 04755, .st_uid = getuid(), .st_gid = getgid()};
	uid_t owner;

	CHECK(created("c", NULL, &owner) == 0600, "letters hold payloads");
	CHECK(created("c", &st, &owner) == 0600, "it is there already");
	CHECK(chmod("c", 0640) == 0 && rotate_file("c", 9, count_removed, NULL) == 0);
	CHECK(created("c", NULL, &owner) == 0640, "as the one before");
	CHECK(chmod("c", 0664) == 0 && rotate_file("c", 9, count_removed, NULL) == 0);
	CHECK(created("c", NULL, &owner) == 0664, "as the newest one");
	CHECK(unlink("c") == 0 && created("c", &st, &owner) == 0644, "no set-ID bit");
	CHECK(unlink("c") == 0 && chmod("c.1", 04755) == 0);
	CHECK(created("c", NULL, &owner) == 0644, "no set-ID bit");
	/* A link to it, and a second name, are somebody's trick. */
	CHECK(unlink("c") == 0 && link("c.1", "other") == 0);
	CHECK(created("c", NULL, &owner) == 0640, "as c.2");
	CHECK(unlink("c") == 0 && unlink("c.1") == 0 && symlink("other", "c.1") == 0);
	CHECK(created("c", NULL, &owner) == 0640, "as c.2");
	CHECK(unlink("c.1") == 0 && unlink("other") == 0);
	/* Another user's file counts only in his own folder. */
	if (getuid() == 0) {
		touch("c.1");
		CHECK(
		    unlink("c") == 0 && chown("c.1", 65534, 65534) == 0 && chmod("c.1", 0666) == 0);
		CHECK(created("c", NULL, &owner) == 0640 && owner == 0, "not nobody's");
		CHECK(unlink("c") == 0 && chown(".", 65534, 65534) == 0);
		CHECK(created("c", NULL, &owner) == 0666 && owner == 65534, "in nobody's folder");
		CHECK(chown(".", 0, 0) == 0 && unlink("c.1") == 0);
	}
	CHECK(rotate_create("none/c", O_RDWR, NULL) == -1 && errno == ENOENT);
	/* The target of a link is not created. */
	CHECK(symlink("target", "dangling") == 0 && rotate_create("dangling", O_RDWR, NULL) == -1 &&
	    errno == ELOOP);
	CHECK(strstr(rotate_explain("dangling", ELOOP), "does not exist") != NULL);
	CHECK(access("target", F_OK) == -1 && unlink("dangling") == 0);
	CHECK(strcmp(rotate_explain("dangling", EACCES), strerror(EACCES)) == 0);
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
	struct rotated *list;
	size_t n;

	CHECK(rotate_list("none/f", &list, &n) == -1 && errno == ENOENT && n == 0);
	rotate_free(list, n);
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
	test_suffixes();
	test_list("f");
	test_rotate("f");
	CHECK(mkdir("sub", 0700) == 0 && chdir("sub") == 0);
	snprintf(path, sizeof(path), "%s/sub/f", dir);
	test_list(path);
	test_rotate(path);
	test_pass_over();
	test_claim();
	test_create();
	test_resolve();
	test_same();
	test_lock();
	test_errors();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	CHECK(system(command) == 0);
	return t_end();
}
