#include "spooldir.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that is being removed: NAME.N.taken. */
#define TAKEN ".taken"

int
spooldir_open(struct spooldir *d, const char *path, int fd)
{
	int lock = shipped_lock(fd);

	if (lock == -1) {
		if (errno == EWOULDBLOCK)
			warnx("ship: %s: another process ships the spans of this directory", path);
		else
			warn("ship: %s", path);
		close(fd);
		return -1;
	}
	*d = (struct spooldir){.path = strdup(path), .fd = fd, .lock = lock, .put_back = true};
	if (d->path == NULL || shipped_read(&d->memory, fd) == -1)
		err(2, "ship");
	return 0;
}

void
spooldir_close(struct spooldir *d)
{
	close(d->fd);
	close(d->lock);
	shipped_free(&d->memory);
	free(d->path);
	free(d->entry);
}

/* Removing files. */

/*
 * A stage may put another file in the place of its older one at any time.  So
 * the file gets a name of ours first, and whatever came instead is put back.
 */
static void
remove_older(struct spooldir *d, const char *name, uint64_t ino)
{
	char ours[sizeof(d->entry->name) + sizeof(TAKEN) + 12];
	struct stat st;
	int i = 0, moved;

	do {
		snprintf(ours, sizeof(ours), "%s.%d" TAKEN, name, i++);
		moved = renameat2(d->fd, name, d->fd, ours, RENAME_NOREPLACE);
	} while (moved == -1 && errno == EEXIST);
	if (moved == -1)
		return;
	if (fstatat(d->fd, ours, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == ino)
		(void)unlinkat(d->fd, ours, 0);
	else
		d->put_back = true;
}

/* Whether it is a name of ours, and what the file was called. */
static bool
is_taken(const char *ours, char *name, size_t size)
{
	size_t len = strlen(ours), suffix = strlen(TAKEN);
	char *dot;

	if (len <= suffix || len >= size || strcmp(ours + len - suffix, TAKEN) != 0)
		return false;
	snprintf(name, size, "%.*s", (int)(len - suffix), ours);
	if ((dot = strrchr(name, '.')) == NULL)
		return false;
	*dot = '\0';
	return true;
}

/* A file that was kept from its place gets it back, once that is free. */
static void
put_back(struct spooldir *d)
{
	int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd != -1 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (list == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	d->put_back = false;
	while ((entry = readdir(list)) != NULL) {
		char name[256];

		if (!is_taken(entry->d_name, name, sizeof(name)))
			continue;
		if (linkat(d->fd, entry->d_name, d->fd, name, 0) == 0)
			(void)unlinkat(d->fd, entry->d_name, 0);
		else
			d->put_back = true;
	}
	closedir(list);
}

void
spooldir_remove(struct spooldir *d, const struct spanfile_entry *e)
{
	if (e->older)
		remove_older(d, e->name, e->ino);
	else
		(void)unlinkat(d->fd, e->name, 0);
}

/* The list. */

static bool
is_listed(const void *arg, const struct shipped_file *file)
{
	const struct spooldir *d = arg;

	for (size_t i = 0; i < d->n; i++)
		if (d->entry[i].ino == file->ino && strcmp(d->entry[i].uuid, file->uuid) == 0)
			return true;
	return false;
}

bool
spooldir_list(struct spooldir *d)
{
	ssize_t n;

	if (d->put_back)
		put_back(d);
	free(d->entry);
	d->entry = NULL;
	d->n = 0;
	if ((n = spanfile_list(d->fd, &d->entry)) == -1)
		return false;
	d->n = (size_t)n;
	shipped_forget(&d->memory, is_listed, d);
	return true;
}

bool
spooldir_is_complete(const struct spanfile_entry *e)
{
	return e->older || !e->live;
}

bool
spooldir_is_due(const struct spooldir *d, const struct spanfile_entry *e)
{
	const struct shipped_file *f = shipped_find(&d->memory, e->uuid, e->ino);

	return spooldir_is_complete(e) || e->size != (f != NULL ? f->offset : 0);
}

int
spooldir_open_file(
    const struct spooldir *d, const struct spanfile_entry *e, struct shipped_file *place)
{
	int fd = openat(d->fd, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const struct shipped_file *known;
	struct stat st;

	if (fd == -1)
		return -1;
	/* The name may be another file's by now. */
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_ino != e->ino) {
		close(fd);
		return -1;
	}
	*place = (struct shipped_file){.ino = e->ino};
	strlcpy(place->uuid, e->uuid, sizeof(place->uuid));
	known = shipped_find(&d->memory, e->uuid, e->ino);
	if (known != NULL && known->offset <= (uint64_t)st.st_size &&
	    known->check == shipped_check(fd, known->offset))
		*place = *known;
	if (lseek(fd, (off_t)place->offset, SEEK_SET) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What hinders it is told once; until then all is remembered here. */
void
spooldir_save(struct spooldir *d)
{
	int error = shipped_write(&d->memory, d->fd) == -1 ? errno : 0;

	if (error != 0 && error != d->error)
		warnx("ship: %s/ship.1: %s: what is shipped from now on may be shipped again",
		    d->path, strerror(error));
	d->error = error;
}
