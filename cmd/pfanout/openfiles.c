#include "openfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

LIST_HEAD(bucket, openfile);

struct openfiles {
	int folder;
	void (*end)(struct openfile *, void *);
	void *arg;
	struct openfile_uses uses; /* the last used file first */
	size_t n;
	size_t most;
	struct bucket buckets[]; /* `most` of them */
};

struct openfiles *
openfiles_new(const char *folder, size_t most, void (*end)(struct openfile *, void *), void *arg)
{
	struct openfiles *o = calloc(1, sizeof(*o) + most * sizeof(o->buckets[0]));

	if (o == NULL)
		return NULL;
	*o = (struct openfiles){.end = end, .arg = arg, .most = most};
	TAILQ_INIT(&o->uses);
	if ((o->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1) {
		free(o);
		return NULL;
	}
	return o;
}

void
openfiles_free(struct openfiles *o)
{
	if (o == NULL)
		return;
	openfiles_close_all(o);
	close(o->folder);
	free(o);
}

static struct bucket *
bucket_of(struct openfiles *o, uint64_t hash)
{
	return &o->buckets[hash % o->most];
}

/* Makes room by closing the file that was not used for the longest time. */
static bool
close_oldest(struct openfiles *o)
{
	if (o->n == 0)
		return false;
	openfiles_close(o, TAILQ_LAST(&o->uses, openfile_uses));
	return true;
}

/*
 * Opens the file for appending.  O_NONBLOCK: a FIFO without a reader fails,
 * instead of waiting for one.
 */
static int
open_file(int folder, const char *name)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(folder, name, flags, 0666);
	struct stat st;

	if (fd == -1) {
		/* A FIFO without a reader, or a socket. */
		errno = errno == ENXIO ? EINVAL : errno;
		return -1;
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

static struct openfile *
new_file(struct openfiles *o, const char *name, uint64_t hash)
{
	size_t size = strlen(name) + 1;
	struct openfile *file = calloc(1, sizeof(*file) + size);

	if (file == NULL)
		return NULL;
	file->name = memcpy(file + 1, name, size);
	file->hash = hash;
	if (o->n == o->most)
		close_oldest(o);
	do
		file->fd = open_file(o->folder, name);
	while (file->fd == -1 &&
	    (errno == EINTR || ((errno == EMFILE || errno == ENFILE) && close_oldest(o))));
	if (file->fd == -1) {
		free(file);
		return NULL;
	}
	LIST_INSERT_HEAD(bucket_of(o, hash), file, in_bucket);
	o->n++;
	return file;
}

static struct openfile *
find(struct openfiles *o, const char *name, uint64_t hash)
{
	struct openfile *file;

	LIST_FOREACH (file, bucket_of(o, hash), in_bucket)
		if (file->hash == hash && strcmp(file->name, name) == 0)
			return file;
	return NULL;
}

struct openfile *
openfiles_get(struct openfiles *o, const char *name)
{
	uint64_t hash = hash_bytes(name, strlen(name));
	struct openfile *file = find(o, name, hash);

	if (file != NULL)
		TAILQ_REMOVE(&o->uses, file, by_use);
	else if ((file = new_file(o, name, hash)) == NULL)
		return NULL;
	TAILQ_INSERT_HEAD(&o->uses, file, by_use);
	return file;
}

struct openfile *
openfiles_next(struct openfiles *o, const struct openfile *file)
{
	return file != NULL ? TAILQ_NEXT(file, by_use) : TAILQ_FIRST(&o->uses);
}

void
openfiles_close(struct openfiles *o, struct openfile *file)
{
	TAILQ_REMOVE(&o->uses, file, by_use);
	LIST_REMOVE(file, in_bucket);
	o->n--;
	o->end(file, o->arg);
	free(file);
}

void
openfiles_close_all(struct openfiles *o)
{
	while (close_oldest(o))
		;
}

int
openfiles_folder(const struct openfiles *o)
{
	return openat(o->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
