#include "metrics/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "t.h"

/* The variables, and the list that they make; "UID" is replaced by ours. */
static const struct {
	const char *metrics, *named, *runtime;
	const char *list; /* with a blank behind each */
} lists[] = {
    {NULL, NULL, NULL, "/run/user/UID/pchan ROOT/dev/shm/pchan-UID "},
    {"", "", "", "/run/user/UID/pchan ROOT/dev/shm/pchan-UID "},
    {"on", NULL, "/x", "/x/pchan /run/user/UID/pchan ROOT/dev/shm/pchan-UID "},
    {NULL, NULL, "x", "/run/user/UID/pchan ROOT/dev/shm/pchan-UID "},
    {NULL, NULL, "/run/user/UID", "/run/user/UID/pchan ROOT/dev/shm/pchan-UID "},
    {NULL, "/a/b", "/x", "/a/b "},
    {NULL, "a", NULL, "a "},
    {"off", "/a/b", "/x", ""},
    {"off", NULL, NULL, ""},
};

/* The text with our numbers in it; the caller frees it. */
static char *
fill_in(const char *text)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	for (const char *at = text; *at != '\0'; at++) {
		if (strncmp(at, "UID", 3) == 0) {
			fprintf(f, "%u", geteuid());
			at += 2;
		} else if (strncmp(at, "ROOT", 4) == 0) {
			fputs(geteuid() == 0 ? "/run/pchan " : "", f);
			at += 3;
		} else
			fputc(*at, f);
	}
	fclose(f);
	return out;
}

static void
set(const char *name, const char *value)
{
	char *text;

	if (value == NULL) {
		unsetenv(name);
		return;
	}
	text = fill_in(value);
	setenv(name, text, 1);
	free(text);
}

static void
test_list(void)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct rundir_list list;
		char text[512] = "", *want = fill_in(lists[i].list);

		set("PCHAN_METRICS", lists[i].metrics);
		set("PCHAN_RUN_DIR", lists[i].named);
		set("XDG_RUNTIME_DIR", lists[i].runtime);
		CHECK(rundir_list(&list) == 0, "%zu", i);
		for (size_t k = 0; k < list.n; k++) {
			strlcat(text, list.path[k], sizeof(text));
			strlcat(text, " ", sizeof(text));
		}
		CHECK(strcmp(text, want) == 0, "%zu: %s not %s", i, text, want);
		CHECK(list.off == (lists[i].metrics != NULL && !strcmp(lists[i].metrics, "off")),
		    "%zu", i);
		CHECK(list.named == (lists[i].named != NULL && *lists[i].named != '\0'), "%zu", i);
		rundir_list_free(&list);
		free(want);
	}
}

/* What opening a directory gives, and its mode afterwards; "" is no fault. */
static void
opens(const char *path, bool make, const char *why, int error)
{
	char text[RUNDIR_WHY_SIZE] = "", want[RUNDIR_WHY_SIZE];
	int fd;

	errno = 0;
	fd = rundir_open(path, make, false, text);
	snprintf(want, sizeof(want), "%s: %s", path, why);
	if (*why == '\0') {
		struct stat st;

		CHECK(fd != -1, "%s", text);
		CHECK(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0700, "%o", st.st_mode);
		close(fd);
		return;
	}
	CHECK(fd == -1 && strcmp(text, want) == 0, "%s not %s", text, want);
	CHECK(errno == error, "%s: %d not %d", path, errno, error);
}

static void
test_open(void)
{
	static const mode_t masks[] = {0, 022, 077, 0777};

	opens("none", false, "No such file or directory", ENOENT);
	opens("no/parent", true, "No such file or directory", ENOENT);
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		mode_t old = umask(masks[i]);

		opens("made", true, "", 0);
		opens("made", false, "", 0);
		opens("made/", true, "", 0);
		umask(old);
		CHECK(rmdir("made") == 0);
	}
	CHECK(mkdir("dir", 0700) == 0 && symlink("dir", "link") == 0 &&
	    symlink("x", "dangling") == 0);
	opens("link", true, "is a symbolic link", ENOTDIR);
	opens("link/", true, "is a symbolic link", ENOTDIR);
	opens("dangling", true, "is a symbolic link", ENOTDIR);
	fclose(fopen("file", "w"));
	opens("file", true, "Not a directory", ENOTDIR);
	CHECK(mkfifo("fifo", 0600) == 0);
	opens("fifo", true, "Not a directory", ENOTDIR);
	for (mode_t bit = 1; bit <= 040; bit <<= 1) {
		CHECK(chmod("dir", 0700 | bit) == 0);
		opens("dir", true, "other users may enter it (chmod 700)", EPERM);
	}
	CHECK(chmod("dir", 0700) == 0);
	if (geteuid() == 0) {
		CHECK(chown("dir", 65534, 65534) == 0);
		opens("dir", true, "belongs to another user", EPERM);
	}
}

/* Whether the working directory is on a tmpfs. */
static bool
on_tmpfs(void)
{
	struct statfs fs;

	return statfs(".", &fs) == 0 && fs.f_type == 0x01021994;
}

/* A directory that nobody has named: its parent counts. */
static void
test_unnamed(void)
{
	char why[RUNDIR_WHY_SIZE];
	struct stat st;
	int fd;

	/* On a disk it is not even made. */
	if (!on_tmpfs()) {
		CHECK(rundir_open("new", true, true, why) == -1);
		CHECK(strcmp(why, "new: is not on a tmpfs") == 0, "%s", why);
		CHECK(stat("new", &st) == -1 && errno == ENOENT);
		CHECK(mkdir("old", 0700) == 0 && rundir_open("old", true, true, why) == -1);
		CHECK(strcmp(why, "old: is not on a tmpfs") == 0, "%s", why);
		return;
	}
	CHECK(mkdir("parent", 0700) == 0);
	CHECK((fd = rundir_open("parent/new", true, true, why)) != -1, "%s", why);
	CHECK(!rundir_may_have(fd, 0) && mkdirat(fd, "a", 0700) == 0 && rundir_may_have(fd, 0) &&
	    !rundir_may_have(fd, 1));
	close(fd);
	CHECK(unlinkat(AT_FDCWD, "parent/new/a", AT_REMOVEDIR) == 0 && rmdir("parent/new") == 0);
	CHECK(chmod("parent", 0777) == 0 && rundir_open("parent/new", true, true, why) == -1);
	CHECK(strcmp(why, "parent/new: anybody may rename what is in its folder") == 0, "%s", why);
	CHECK(chmod("parent", 01777) == 0);
	CHECK((fd = rundir_open("parent/new", true, true, why)) != -1, "%s", why);
	close(fd);
	CHECK(rmdir("parent/new") == 0);
	if (geteuid() == 0) {
		CHECK(chown("parent", 65534, 65534) == 0);
		CHECK(rundir_open("parent/new", true, true, why) == -1);
		CHECK(
		    strcmp(why,
			"parent/new: the folder that it would be in belongs to another user") == 0,
		    "%s", why);
	}
}

/* In a directory of its own below `base`, which it leaves empty. */
static void
run_in(const char *base, void (*test)(void))
{
	char dir[64], command[128];

	snprintf(dir, sizeof(dir), "%s/t_rundir.XXXXXX", base);
	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		return;
	test();
	CHECK(chdir("/") == 0);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	CHECK(system(command) == 0);
}

/* A file system with sizes of its own, where root may mount one. */
static void
test_sizes(void)
{
	int fd;

	CHECK(mkdir("queues", 0700) == 0);
	if (unshare(CLONE_NEWNS) == -1 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", "queues", "mqueue", 0, NULL) == -1)
		return;
	CHECK((fd = open("queues", O_RDONLY)) != -1 && rundir_may_have(fd, 100));
	close(fd);
	CHECK(umount("queues") == 0);
}

int
main(void)
{
	test_list();
	run_in("/tmp", test_open);
	run_in("/tmp", test_unnamed);
	run_in("/dev/shm", test_unnamed);
	run_in("/tmp", test_sizes);
	return t_end();
}
