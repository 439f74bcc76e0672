#include "metrics/fold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "metrics/retired.h"
#include "metrics/retiredfile.h"
#include "metrics/rundir.h"
#include "metrics/statview.h"
#include "metrics/worktime.h"

#define NAME_BAD "retired.2.bad"
#define NAME_LOCK "lock"

/* With a larger file, a stage that ends leaves its own if there are no more */
#define SIZE_DEAR (64 << 10)
#define FILES_WAIT 64

/* What a process leaves that died while it created a file is removed after s */
#define NEW_AGE 60

/* A lock of this type on the directory's lock file. */
static int
lock_directory(int dir, short type)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET};
	int fd = openat(dir, NAME_LOCK,
	    O_RDWR | O_CREAT | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
	int error;

	if (fd == -1)
		return -1;
	(void)fchmod(fd, 0600); /* whatever the umask */
	if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
		return fd;
	error = errno == EACCES ? EAGAIN : errno;
	close(fd);
	errno = error;
	return -1;
}

int
fold_lock(int dir)
{
	return lock_directory(dir, F_RDLCK);
}

/* What one fold does. */
struct fold {
	int dir;
	const struct fold_own *own;
	bool all;
	struct statview_now now;
	struct retired r;
	/* The files that are in the new entries: their names ... */
	size_t n, room;
	char (*name)[STATVIEW_NAME_SIZE];
	/* ... and their uuids, with those of files that can't be removed. */
	struct retiredfile_in in;
	struct look_stage stage; /* the file that is read */
};

/* Makes room for one more file. */
static int
make_room_for_file(struct fold *f)
{
	size_t room = f->room > 0 ? 2 * f->room : 8;
	void *more;

	if (f->in.n < f->room)
		return 0;
	if ((more = reallocarray(f->name, room, sizeof(*f->name))) == NULL)
		return -1;
	f->name = more;
	if ((more = reallocarray(f->in.uuid, room, sizeof(*f->in.uuid))) == NULL)
		return -1;
	f->in.uuid = more;
	f->room = room;
	return 0;
}

/* Adds the numbers of a stage that has ended to its entry. */
static int
add_stage(struct fold *f, const char *name, const struct statfile_header *h,
    const struct metrics *m, int64_t until)
{
	struct retired_entry *e;

	if (make_room_for_file(f) == -1 ||
	    (e = retired_entry(&f->r, h->tool, h->name, h->pipeline)) == NULL)
		return -1;
	e->exits[statview_exit(h)]++;
	e->modes |= UINT64_C(1) << h->mode;
	retired_add(e, m, until);
	strlcpy(f->name[f->n++], name, STATVIEW_NAME_SIZE);
	memcpy(f->in.uuid[f->in.n++], h->uuid, STATFILE_UUID);
	return 0;
}

/* The file is in the entries: whoever folded it has not removed it. */
static int
remove_rest(struct fold *f, const char *name, const unsigned char uuid[STATFILE_UUID])
{
	if (unlinkat(f->dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (make_room_for_file(f) == -1)
		return -1;
	memcpy(f->in.uuid[f->in.n++], uuid, STATFILE_UUID);
	return 0;
}

static int
look_at_file(struct fold *f, const char *name)
{
	struct look_stage *s = &f->stage;
	unsigned char uuid[STATFILE_UUID];
	pid_t pid;

	if (!statview_name(name, &pid, uuid))
		return 0;
	if (retired_has(&f->r, uuid))
		return remove_rest(f, name, uuid);
	if (f->own != NULL && strcmp(name, f->own->name) == 0)
		return 0;
	if (!f->all && (kill(pid, 0) == 0 || errno != ESRCH))
		return 0;
	if (!statview_is_dead(f->dir, name) || statview_read(f->dir, name, &f->now, s) == -1 ||
	    s->live)
		return 0;
	return add_stage(f, name, &s->header, &(struct metrics){.n = 1, .shard = &s->sum}, 0);
}

/* Removes what a process has left that died while it created its file. */
static void
look_at_unfinished(const struct fold *f, const char *name)
{
	const char *end = strrchr(name, '.');
	struct stat st;

	if (*name != '.' || strcmp(end, ".new") != 0 || strcmp(name, RETIREDFILE_NEW) == 0)
		return;
	if (fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    time(NULL) - st.st_mtime > NEW_AGE && statview_is_dead(f->dir, name))
		unlinkat(f->dir, name, 0);
}

static int
add_own(struct fold *f)
{
	const struct fold_own *own = f->own;
	int64_t until;

	if (own == NULL || retired_has(&f->r, own->header->uuid))
		return 0;
	until = worktime_of(&own->header->halted, atomic_load(&own->header->alive_ns));
	return add_stage(f, own->name, own->header, own->metrics, until);
}

static int
look_at_files(struct fold *f)
{
	int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (d == NULL) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	while (result == 0 && (entry = readdir(d)) != NULL) {
		look_at_unfinished(f, entry->d_name);
		result = look_at_file(f, entry->d_name);
	}
	closedir(d);
	return result;
}

/* With the lock held. */
static int
fold_files(struct fold *f)
{
	bool damaged, others;

	if (retiredfile_read(&f->r, f->dir, &damaged) == -1)
		return -1;
	if (damaged && renameat(f->dir, RETIREDFILE_NAME, f->dir, NAME_BAD) == -1)
		return -1;
	if (add_own(f) == -1)
		return -1;
	/* Beside our own there are the lock and, if any, the retired ones. */
	others = f->all || rundir_may_have(f->dir, f->r.id != 0 ? 3 : 2);
	if (others)
		statview_clocks(&f->now);
	if (others && look_at_files(f) == -1)
		return -1;
	if (f->n == 0)
		return 0;
	if (retiredfile_write(f->dir, &f->r, &f->in) == -1)
		return -1;
	for (size_t i = 0; i < f->n; i++)
		unlinkat(f->dir, f->name[i], 0);
	return (int)f->n;
}

/*
 * Whether a fold for this one file alone is too dear: each fold writes all
 * entries again.  So where there are many, several stages' files wait for one.
 */
static bool
may_wait(int dir)
{
	struct stat st;

	return fstatat(dir, RETIREDFILE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size > SIZE_DEAR && st.st_size <= RETIREDFILE_MOST &&
	    !rundir_may_have(dir, FILES_WAIT);
}

int
fold_dead(int dir, const struct fold_own *own, bool all)
{
	struct fold f = {.dir = dir, .own = own, .all = all};
	int lock, result, error;

	if (own != NULL && !all && may_wait(dir)) {
		errno = EAGAIN;
		return -1;
	}
	if ((lock = lock_directory(dir, F_WRLCK)) == -1)
		return -1;
	result = fold_files(&f);
	error = errno;
	retired_free(&f.r);
	free(f.name);
	free(f.in.uuid);
	close(lock);
	errno = error;
	return result;
}
