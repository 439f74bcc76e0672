#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "continuity.h"
#include "stage/inputs.h"

#define FILE_EVENTS (IN_MODIFY | IN_CLOSE_WRITE)

void
files_init(struct files *f)
{
	TAILQ_INIT(&f->nameless);
	f->next_check = CLOCK_NEVER;
}

static struct file_list *
list_of(struct files *f, dev_t dev, ino_t ino)
{
	return &f->list[(ino ^ dev) % FILES_LISTS];
}

struct followed *
files_find(struct files *f, const struct stat *st)
{
	struct followed *file;

	LIST_FOREACH (file, list_of(f, st->st_dev, st->st_ino), same_list)
		if (file->dev == st->st_dev && file->ino == st->st_ino)
			return file;
	return NULL;
}

/* There may be more to read. */
static void
wake(struct files *f, struct followed *file)
{
	if (file->in != NULL)
		inputs_wake(f->inputs, file->in);
}

static void
set_timer(struct files *f, int64_t at)
{
	struct itimerspec when = {.it_value = {.tv_sec = at / CLOCK_S, .tv_nsec = at % CLOCK_S}};

	if (at >= f->next_check)
		return;
	f->next_check = at;
	(void)timerfd_settime(f->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* It has no name: looks after a while whether it may end. */
static void
check_later(struct files *f, struct followed *file)
{
	file->may_end = false;
	file->since = clock_now();
	file->check_at = file->since + PARTING_LINGER;
	set_timer(f, file->check_at);
}

/*
 * A lease is given only if nobody has the file open for writing.  Who opens it
 * while we have the lease waits until the kernel has taken it back.
 */
static enum writers
writers_of(int fd)
{
	/* Its default is to be ignored; that of SIGIO is not. */
	(void)fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == -1)
		return errno == EAGAIN ? WRITERS_SOME : WRITERS_UNKNOWN;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return WRITERS_NONE;
}

/* The input can be read.  -1 with errno. */
static int
start(struct files *f, struct followed *file)
{
	file->in = inputs_add_watched(f->inputs, file->path, file->fd, file);
	if (file->in == NULL)
		return -1;
	file->in->place = file->place;
	if (f->running)
		inputs_arm(f->inputs, file->in);
	return 0;
}

/* It has been read to its end: those that waited for that can be read. */
static void
release(struct files *f, struct followed *file)
{
	struct followed *next;

	while ((next = TAILQ_FIRST(&file->successors)) != NULL) {
		TAILQ_REMOVE(&file->successors, next, turn);
		if (start(f, next) == -1) {
			f->failed(f->arg, next->path);
			close(next->fd);
			files_forget(f, next);
		}
	}
}

void
files_forget(struct files *f, struct followed *file)
{
	struct named *nm;

	release(f, file);
	if (file->former != NULL && file->former->previous == file)
		file->former->previous = NULL;
	if (LIST_EMPTY(&file->names))
		TAILQ_REMOVE(&f->nameless, file, nameless);
	while ((nm = LIST_FIRST(&file->names)) != NULL) {
		LIST_REMOVE(nm, same_file);
		nm->file = NULL;
	}
	(void)inotify_rm_watch(f->inotify, file->watch.wd);
	watches_remove(&file->watch);
	LIST_REMOVE(file, same_list);
	trail_end(&file->trail);
	free(file);
}

bool
files_is_refused(const struct named *nm, const struct stat *st)
{
	return nm->refuses && nm->dev == st->st_dev && nm->ino == st->st_ino &&
	    nm->changed.tv_sec == st->st_ctim.tv_sec && nm->changed.tv_nsec == st->st_ctim.tv_nsec;
}

void
files_leave_out(struct files *f, struct followed *file)
{
	struct named *nm;
	struct stat st;

	if (fstat(file->fd, &st) == 0) {
		LIST_FOREACH (nm, &file->names, same_file) {
			nm->refuses = true;
			nm->dev = st.st_dev;
			nm->ino = st.st_ino;
			nm->changed = st.st_ctim;
		}
	}
	files_forget(f, file);
}

/* Watches just this file, whatever its name leads to by now. */
static int
watch(struct files *f, struct followed *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	file->watch.kind = WATCH_FILE;
	file->watch.wd = inotify_add_watch(f->inotify, path, FILE_EVENTS);
	if (file->watch.wd == -1)
		return -1;
	watches_add(&f->watches, &file->watch);
	return 0;
}

/* It becomes an input, now or behind another one.  -1 with errno. */
static int
enter(struct files *f, struct followed *file, struct followed *before)
{
	if (before == NULL)
		return start(f, file);
	TAILQ_INSERT_TAIL(&before->successors, file, turn);
	wake(f, before);
	return 0;
}

struct followed *
files_add(struct files *f, const char *path, const struct found *found, struct followed *before)
{
	struct followed *file = calloc(1, sizeof(*file));
	int error;

	if (file == NULL)
		return NULL;
	*file = (struct followed){.dev = found->st.st_dev,
	    .ino = found->st.st_ino,
	    .path = path,
	    .fd = found->fd,
	    .place = found->place,
	    .check_at = CLOCK_NEVER};
	TAILQ_INIT(&file->successors);
	LIST_INIT(&file->names);
	if (watch(f, file) == -1) {
		free(file);
		return NULL;
	}
	trail_begin(&file->trail, found->fd, path, found->at);
	LIST_INSERT_HEAD(list_of(f, file->dev, file->ino), file, same_list);
	TAILQ_INSERT_TAIL(&f->nameless, file, nameless);
	if (enter(f, file, before) == 0)
		return file;
	error = errno;
	files_forget(f, file);
	errno = error;
	return NULL;
}

void
files_name(struct files *f, struct named *nm, struct followed *file)
{
	if (LIST_EMPTY(&file->names))
		TAILQ_REMOVE(&f->nameless, file, nameless);
	LIST_INSERT_HEAD(&file->names, nm, same_file);
	nm->file = file;
}

void
files_unname(struct files *f, struct named *nm)
{
	struct followed *file = nm->file;

	if (file == NULL)
		return;
	LIST_REMOVE(nm, same_file);
	nm->file = NULL;
	if (file->former != NULL && file->former->previous == file)
		file->former->previous = NULL;
	file->former = nm;
	nm->previous = file;
	if (!LIST_EMPTY(&file->names))
		return;
	TAILQ_INSERT_TAIL(&f->nameless, file, nameless);
	check_later(f, file);
}

void
files_touch(struct files *f, struct followed *file)
{
	if (LIST_EMPTY(&file->names))
		check_later(f, file);
	wake(f, file);
}

void
files_touch_all(struct files *f)
{
	struct followed *file;

	for (size_t i = 0; i < FILES_LISTS; i++) {
		LIST_FOREACH (file, &f->list[i], same_list)
			files_touch(f, file);
	}
}

/* Decides when the file, which no name leads to, ends. */
static void
check(struct files *f, struct followed *file, int64_t now)
{
	switch (parting_of(writers_of(file->fd), now - file->since)) {
	case PART_NOW:
		file->may_end = true;
		file->check_at = CLOCK_NEVER;
		wake(f, file);
		break;
	case PART_LATER:
		file->check_at = file->since + PARTING_SILENCE;
		break;
	case PART_ON_EVENT:
		file->check_at = CLOCK_NEVER;
		break;
	}
}

void
files_check(struct files *f)
{
	int64_t now = clock_now();
	struct followed *file;

	f->next_check = CLOCK_NEVER;
	TAILQ_FOREACH (file, &f->nameless, nameless) {
		if (file->check_at <= now)
			check(f, file, now);
		if (file->check_at != CLOCK_NEVER)
			set_timer(f, file->check_at);
	}
}

/*
 * When the file was made, as its number may be that of another one later.
 * False: the file system does not know.
 */
static bool
birth_of(int fd, struct statx_timestamp *born)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &st) == -1 ||
	    (st.stx_mask & STATX_BTIME) == 0)
		return false;
	*born = st.stx_btime;
	return true;
}

/* The file ends; it may get its name back later. */
static void
remember(const struct followed *file)
{
	struct ended e = {.dev = file->dev, .ino = file->ino, .text = file->trail.text};

	if (file->former != NULL && birth_of(file->fd, &e.born))
		file->former->ended = e;
}

uint64_t
files_resume(const struct named *nm, int fd, const struct stat *st)
{
	const struct ended *e = &nm->ended;
	struct statx_timestamp born;

	if (e->text.offset == 0 || e->dev != st->st_dev || e->ino != st->st_ino ||
	    !birth_of(fd, &born) || born.tv_sec != e->born.tv_sec ||
	    born.tv_nsec != e->born.tv_nsec || !evidence_holds(&e->text, fd))
		return 0;
	return e->text.offset;
}

bool
files_at_end(struct files *f, struct followed *file, bool may_end)
{
	release(f, file);
	if (!may_end || !file->may_end || !LIST_EMPTY(&file->names))
		return false;
	remember(file);
	files_forget(f, file);
	return true;
}

void
files_clear(struct files *f)
{
	struct followed *file;

	for (size_t i = 0; i < FILES_LISTS; i++)
		while ((file = LIST_FIRST(&f->list[i])) != NULL) {
			LIST_REMOVE(file, same_list);
			if (file->in == NULL)
				close(file->fd);
			trail_end(&file->trail);
			free(file);
		}
}
