#include "trace/spanfile.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "trace/append.h"

#define ENDING ".spans"
#define OLDER ".1"
#define UUID 16

struct spanfile {
	struct append out;
	/* In the run directory; else -1. */
	int dir;
	char name[sizeof(((struct spanfile_entry *)NULL)->name) - sizeof(OLDER)];
	uint64_t max;            /* bytes */
	uint64_t newest, before; /* spans in both files */
};

/* Reading. */

/* Whether it is the name of such a file, and what the name says. */
static bool
read_name(const char *name, struct spanfile_entry *e)
{
	const char *number = strchr(name, '.'), *id;
	unsigned char uuid[UUID];
	char *end;
	long pid;

	if (strlen(name) >= sizeof(e->name) || number == NULL || number == name ||
	    (size_t)(number - name) >= sizeof(e->tool) || !isdigit((unsigned char)*++number))
		return false;
	errno = 0;
	pid = strtol(number, &end, 10);
	id = end + 1;
	if (errno != 0 || pid <= 0 || pid > INT32_MAX || *end != '.' ||
	    strnlen(id, (size_t)2 * UUID) < (size_t)2 * UUID ||
	    !hex_read(id, (size_t)2 * UUID, uuid, UUID))
		return false;
	end = (char *)(uintptr_t)id + (size_t)2 * UUID;
	*e = (struct spanfile_entry){.pid = (int32_t)pid, .older = strcmp(end, ENDING OLDER) == 0};
	snprintf(e->name, sizeof(e->name), "%s", name);
	snprintf(e->tool, sizeof(e->tool), "%.*s", (int)(number - 1 - name), name);
	snprintf(e->uuid, sizeof(e->uuid), "%.*s", 2 * UUID, id);
	return e->older || strcmp(end, ENDING) == 0;
}

/* Looks at the file, but not at its lock.  False: there is none. */
static bool
look_at(int dir, struct spanfile_entry *e)
{
	struct stat st;

	if (fstatat(dir, e->name, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(st.st_mode))
		return false;
	e->size = (uint64_t)st.st_size;
	e->ino = st.st_ino;
	e->changed = st.st_mtim.tv_sec * CLOCK_S + st.st_mtim.tv_nsec;
	return true;
}

/* Where it is not known whether a process has the lock, one may have it. */
static bool
is_locked(int dir, const char *name)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	bool locked;

	if (fd == -1)
		return errno != ENOENT;
	locked = fcntl(fd, F_OFD_GETLK, &lock) == -1 || lock.l_type != F_UNLCK;
	close(fd);
	return locked;
}

/* Of files that were written at the same time the older one comes first. */
static int
compare_entries(const void *p, const void *q)
{
	const struct spanfile_entry *a = p, *b = q;

	if (a->changed != b->changed)
		return a->changed < b->changed ? -1 : 1;
	return a->older != b->older ? b->older - a->older : strcmp(a->name, b->name);
}

/* Lists them as spanfile_list(), but does not say which of them are live. */
static ssize_t
list_files(int dir, struct spanfile_entry **list)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	size_t n = 0, room = 0;

	*list = NULL;
	if (d == NULL) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	while ((entry = readdir(d)) != NULL) {
		struct spanfile_entry e, *more;

		if (!read_name(entry->d_name, &e) || !look_at(dir, &e))
			continue;
		if (n == room) {
			room = room == 0 ? 16 : 2 * room;
			if ((more = reallocarray(*list, room, sizeof(e))) == NULL)
				break;
			*list = more;
		}
		(*list)[n++] = e;
	}
	closedir(d);
	if (entry != NULL) {
		free(*list);
		*list = NULL;
		errno = ENOMEM;
		return -1;
	}
	if (n > 1)
		qsort(*list, n, sizeof(**list), compare_entries);
	return (ssize_t)n;
}

ssize_t
spanfile_list(int dir, struct spanfile_entry **list)
{
	ssize_t n = list_files(dir, list);

	for (ssize_t i = 0; i < n; i++)
		(*list)[i].live = !(*list)[i].older && is_locked(dir, (*list)[i].name);
	return n;
}

/* Writing. */

/* Whether the stage that has written the file lives. */
static bool
stage_lives(int dir, const struct spanfile_entry *e)
{
	char newest[sizeof(e->name)];

	snprintf(newest, sizeof(newest), "%.*s",
	    (int)(strlen(e->name) - (e->older ? strlen(OLDER) : 0)), e->name);
	return is_locked(dir, newest);
}

/* Takes the files of live stages out of the list; returns how many are left. */
static ssize_t
keep_ended(int dir, struct spanfile_entry *list, ssize_t n)
{
	ssize_t kept = 0;

	for (ssize_t i = 0; i < n; i++)
		if (!stage_lives(dir, &list[i]))
			list[kept++] = list[i];
	return kept;
}

static uint64_t
bytes_of(const struct spanfile_entry *list, ssize_t n)
{
	uint64_t bytes = 0;

	for (ssize_t i = 0; i < n; i++)
		bytes += list[i].size;
	return bytes;
}

static bool
is_too_much(uint64_t bytes, ssize_t files)
{
	return bytes > SPANFILE_ALL || files > SPANFILE_FILES;
}

/* Removes files of stages that have ended, if there are too many. */
static void
clear_directory(int dir)
{
	struct spanfile_entry *list;
	ssize_t n = list_files(dir, &list), gone = 0;
	uint64_t bytes = bytes_of(list, n);

	/* Whether a stage lives costs more to find out. */
	if (is_too_much(bytes, n)) {
		n = keep_ended(dir, list, n);
		bytes = bytes_of(list, n);
	}
	for (; is_too_much(bytes, n - gone); gone++) {
		(void)unlinkat(dir, list[gone].name, 0);
		bytes -= list[gone].size;
	}
	free(list);
}

/* Creates a file, locked, under a name for now.  The descriptor, or -1. */
static int
create_file(int dir, const char *name)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd =
	    openat(dir, name, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int saved;

	/* The mode whatever the umask is. */
	if (fd == -1 || (fcntl(fd, F_OFD_SETLK, &lock) == 0 && fchmod(fd, 0600) == 0))
		return fd;
	saved = errno;
	close(fd);
	unlinkat(dir, name, 0);
	errno = saved;
	return -1;
}

/* The newest file takes the place of the one before.  -1 with errno. */
static int
move_newest(struct spanfile *f, uint64_t *dropped)
{
	char older[sizeof(f->name) + sizeof(OLDER)];

	snprintf(older, sizeof(older), "%s" OLDER, f->name);
	/* If a shipper has removed the one before, nothing is lost. */
	if (unlinkat(f->dir, older, 0) == 0)
		*dropped += f->before;
	f->before = 0;
	if (renameat(f->dir, f->name, f->dir, older) == -1)
		return errno == ENOENT ? 0 : -1; /* it had moved before */
	f->before = f->newest;
	f->newest = 0;
	return 0;
}

/*
 * Begins a new file, before which the one that there is moves.  Nobody sees a
 * new one that is not locked.  -1 with errno.
 */
static int
begin_file(struct spanfile *f, bool move, uint64_t *dropped)
{
	char unfinished[sizeof(f->name) + 8];
	int fd, saved;

	snprintf(unfinished, sizeof(unfinished), ".%s.new", f->name);
	if ((fd = create_file(f->dir, unfinished)) == -1)
		return -1;
	if ((move && move_newest(f, dropped) == -1) ||
	    renameat(f->dir, unfinished, f->dir, f->name) == -1) {
		saved = errno;
		close(fd);
		unlinkat(f->dir, unfinished, 0);
		errno = saved;
		return -1;
	}
	append_close(&f->out);
	append_own(&f->out, fd);
	return 0;
}

static struct spanfile *
new_spanfile(int dir)
{
	struct spanfile *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	append_own(&f->out, -1);
	f->dir = dir;
	f->max = SPANFILE_MAX;
	return f;
}

/* What was opened, or NULL with errno. */
static struct spanfile *
opened(struct spanfile *f, int rc)
{
	if (rc == 0)
		return f;
	free(f);
	return NULL;
}

struct spanfile *
spanfile_create(int dir, const char *tool, int32_t pid, const unsigned char uuid[16])
{
	struct spanfile *f = new_spanfile(dir);
	char id[2 * UUID + 1];
	uint64_t none = 0;

	if (f == NULL)
		return NULL;
	hex_print(uuid, UUID, id);
	snprintf(f->name, sizeof(f->name), "%.15s.%d.%s" ENDING, tool, pid, id);
	clear_directory(dir);
	return opened(f, begin_file(f, false, &none));
}

struct spanfile *
spanfile_open(const char *path)
{
	struct spanfile *f = new_spanfile(-1);

	return f == NULL ? NULL : opened(f, append_open(&f->out, path));
}

struct spanfile *
spanfile_to(int fd)
{
	struct spanfile *f = new_spanfile(-1);

	return f == NULL ? NULL : opened(f, append_to(&f->out, fd));
}

void
spanfile_bound(struct spanfile *f, uint64_t max)
{
	f->max = max;
}

/* Sees to a newest file that has room for the line.  -1 with errno. */
static int
make_room(struct spanfile *f, size_t len, uint64_t *dropped)
{
	struct stat st;

	if (fstat(f->out.fd, &st) == -1)
		return -1;
	if (st.st_nlink > 0 && (st.st_size == 0 || (uint64_t)st.st_size + len <= f->max))
		return 0;
	/* Whoever removed the file has its spans. */
	if (st.st_nlink == 0)
		f->newest = 0;
	return begin_file(f, st.st_nlink > 0, dropped);
}

int
spanfile_write(struct spanfile *f, const char *line, size_t len, size_t n, uint64_t *dropped)
{
	*dropped = 0;
	if ((f->dir == -1 || make_room(f, len, dropped) == 0) &&
	    append_line(&f->out, line, len) == 0) {
		f->newest += n;
		return 0;
	}
	*dropped += n;
	return -1;
}

void
spanfile_hurry(struct spanfile *f, int64_t until)
{
	if (f->dir == -1)
		append_hurry(&f->out, until);
}

void
spanfile_close(struct spanfile *f)
{
	struct stat st;

	if (f == NULL)
		return;
	if (f->dir != -1 && fstat(f->out.fd, &st) == 0 && st.st_size == 0)
		(void)unlinkat(f->dir, f->name, 0);
	append_close(&f->out);
	free(f);
}
