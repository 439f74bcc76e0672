#include "metrics/look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "metrics/fold.h"
#include "metrics/retiredfile.h"
#include "metrics/rundir.h"

/*
 * A directory is looked at again if a fold has ended meanwhile.  After some
 * tries, whoever looks takes the lock, if it is free, so that nobody may fold.
 * A process that holds the lock up to the last try is stopped, and folds
 * nothing.
 */
#define TRIES 200
#define FREE_TRIES 3
#define TRY_AFTER CLOCK_MS

struct place {
	dev_t dev;
	ino_t ino;
};

/* A look under way. */
struct looking {
	struct look *to;
	size_t room; /* for stages */
	struct statview_now now;

	/* The directories that were looked at. */
	size_t n_dirs;
	struct place *dirs;

	/*
	 * The present one.  Its stages stand behind those of the others, and
	 * are not among them yet.
	 */
	int dir;
	size_t n, live, dead, skipped;
	struct retired retired;
};

/* A place for one more stage.  NULL with errno ENOMEM. */
static struct look_stage *
next_place(struct looking *l)
{
	size_t n = l->to->n + l->n, room = l->room > 0 ? 2 * l->room : 16;
	struct look_stage *more;

	if (n < l->room)
		return &l->to->stage[n];
	if ((more = aligned_alloc(_Alignof(struct look_stage), room * sizeof(*more))) == NULL)
		return NULL;
	if (n > 0)
		memcpy(more, l->to->stage, n * sizeof(*more));
	free(l->to->stage);
	l->to->stage = more;
	l->room = room;
	return &more[n];
}

static bool
is_stat_file(const char *name)
{
	size_t len = strlen(name);

	return *name != '.' && len > 5 && strcmp(name + len - 5, ".stat") == 0;
}

/* Whether a stage of another directory is the same one. */
static bool
is_known(const struct look *to, const unsigned char uuid[STATFILE_UUID])
{
	for (size_t i = 0; i < to->n; i++)
		if (memcmp(to->stage[i].header.uuid, uuid, STATFILE_UUID) == 0)
			return true;
	return false;
}

/* -1 with errno. */
static int
look_at_file(struct looking *l, const struct dirent *entry)
{
	unsigned char uuid[STATFILE_UUID];
	struct look_stage *s;
	pid_t pid;

	if (!statview_name(entry->d_name, &pid, uuid) ||
	    (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN)) {
		l->skipped++;
		return 0;
	}
	if (retired_has(&l->retired, uuid) || is_known(l->to, uuid))
		return 0;
	if ((s = next_place(l)) == NULL)
		return -1;
	if (statview_read(l->dir, entry->d_name, &l->now, s) == -1) {
		if (rundir_lacks_means(errno))
			return -1;
		l->skipped += errno != ENOENT;
		return 0;
	}
	l->n++;
	l->live += s->live;
	l->dead += !s->live;
	return 0;
}

static int
look_at_files(struct looking *l)
{
	int fd = openat(l->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (d == NULL) {
		if (fd != -1)
			close(fd);
		return rundir_lacks_means(errno) ? -1 : 0;
	}
	while (result == 0 && (entry = readdir(d)) != NULL)
		if (is_stat_file(entry->d_name))
			result = look_at_file(l, entry);
	closedir(d);
	return result;
}

/* Looks at what is there, which may change meanwhile. */
static int
look_once(struct looking *l)
{
	bool damaged;

	l->n = l->live = l->dead = l->skipped = 0;
	if (retiredfile_read(&l->retired, l->dir, &damaged) == -1)
		return -1;
	l->skipped += damaged;
	return look_at_files(l);
}

/* Looks until what was seen is of one moment, between two folds. */
static int
look_at_directory(struct looking *l)
{
	const struct timespec pause = {.tv_nsec = TRY_AFTER};

	for (int i = 0;; i++) {
		int lock = i < FREE_TRIES ? -1 : fold_lock(l->dir), result;

		result = look_once(l);
		if (lock != -1)
			close(lock);
		if (result == -1 || lock != -1 || i >= TRIES ||
		    retiredfile_id(l->dir) == l->retired.id)
			return result;
		retired_free(&l->retired);
		if (i >= FREE_TRIES)
			(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

/*
 * Notes that the directory is looked at.  0 if it was already, by another name;
 * -1 with errno ENOMEM.
 */
static int
note_place(struct looking *l)
{
	struct place *more;
	struct stat st;

	if (fstat(l->dir, &st) == -1)
		return 0;
	for (size_t i = 0; i < l->n_dirs; i++)
		if (l->dirs[i].dev == st.st_dev && l->dirs[i].ino == st.st_ino)
			return 0;
	if ((more = reallocarray(l->dirs, l->n_dirs + 1, sizeof(*more))) == NULL)
		return -1;
	l->dirs = more;
	l->dirs[l->n_dirs++] = (struct place){st.st_dev, st.st_ino};
	return 1;
}

/* Adds what is in the present directory to the look. */
static int
add_directory(struct looking *l)
{
	struct look *to = l->to;
	int result = look_at_directory(l);

	if (result == 0)
		result = retired_merge(&to->retired, &l->retired);
	retired_free(&l->retired);
	if (result == -1)
		return -1;
	to->n += l->n;
	to->live += l->live;
	to->dead += l->dead;
	to->skipped += l->skipped;
	to->n_dirs++;
	return 0;
}

static int
look_at_path(struct looking *l, const char *path, bool on_tmpfs, bool fold)
{
	char why[RUNDIR_WHY_SIZE];
	int result;

	if ((l->dir = rundir_open(path, false, on_tmpfs, why)) == -1)
		return rundir_lacks_means(errno) ? -1 : 0;
	if ((result = note_place(l)) == 1) {
		if (fold)
			(void)fold_dead(l->dir, NULL, true);
		result = add_directory(l);
	}
	close(l->dir);
	return result;
}

static int
compare_stage(const void *a, const void *b)
{
	const struct statfile_header *x = &((const struct look_stage *)a)->header,
				     *y = &((const struct look_stage *)b)->header;
	int order = strcmp(x->pipeline, y->pipeline);

	if (order == 0)
		order = strcmp(x->name, y->name);
	if (order == 0)
		order = strcmp(x->tool, y->tool);
	if (order == 0)
		order = (x->begun_us > y->begun_us) - (x->begun_us < y->begun_us);
	return order != 0 ? order : memcmp(x->uuid, y->uuid, sizeof(x->uuid));
}

/* Looks into the directories of this user. */
static int
look_at_own(struct looking *l, bool fold)
{
	struct rundir_list list;
	int result;

	if ((result = rundir_list(&list)) == -1)
		return -1;
	for (size_t i = 0; result == 0 && i < list.n; i++)
		result = look_at_path(l, list.path[i], !list.named, fold);
	rundir_list_free(&list);
	return result;
}

/*
 * Looks into the directories of all users, as their owners: what these can't
 * open is not opened, and what is folded stays theirs.
 */
static int
look_at_users(struct looking *l, bool fold)
{
	struct rundir_list list = {0};
	uid_t self = geteuid();
	struct stat st;
	int result;

	result = rundir_list_users(&list);
	for (size_t i = 0; result == 0 && i < list.n; i++) {
		if (lstat(list.path[i], &st) == -1 || seteuid(st.st_uid) == -1)
			continue;
		result = look_at_path(l, list.path[i], true, fold);
		if (seteuid(self) == -1)
			result = -1;
	}
	rundir_list_free(&list);
	return result;
}

int
look_take(struct look *to, unsigned how)
{
	struct looking l = {.to = to};
	bool fold = (how & LOOK_FOLD) != 0;
	int result, error;

	*to = (struct look){0};
	statview_clocks(&l.now);
	to->now = l.now.monotonic;
	to->calendar = l.now.calendar;
	result = look_at_own(&l, fold);
	if (result == 0 && (how & LOOK_ALL_USERS) != 0)
		result = look_at_users(&l, fold);
	error = errno;
	free(l.dirs);
	if (result == -1) {
		look_free(to);
		errno = error;
		return -1;
	}
	if (to->n > 1)
		qsort(to->stage, to->n, sizeof(*to->stage), compare_stage);
	return 0;
}

void
look_free(struct look *l)
{
	free(l->stage);
	retired_free(&l->retired);
	*l = (struct look){0};
}
