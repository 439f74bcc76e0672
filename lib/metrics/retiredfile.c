#include "metrics/retiredfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "metrics/retired.h"
#include "metrics/rundir.h"

#define MAGIC "pchan.rt"

/* At the start of the file; the entries follow, and then the uuids. */
struct file_header {
	char magic[8];
	uint32_t version, order;
	uint64_t id;
	uint64_t size; /* of the file */
	uint32_t entry_size, n;
	uint64_t n_in;
	uint64_t hash; /* hash_words() of all that follows the header */
	uint64_t spare;
};

_Static_assert(sizeof(struct file_header) == 64, "the entries behind it are aligned");

static int
open_file(int dir, struct stat *st)
{
	int fd = openat(
	    dir, RETIREDFILE_NAME, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);

	if (fd == -1)
		return -1;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	    st->st_size >= (off_t)sizeof(struct file_header) && st->st_size <= RETIREDFILE_MOST)
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* Reads all of it; false if it is shorter, or can't be read. */
static bool
read_all(int fd, void *data, size_t len)
{
	char *at = data;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n == 0 || (n == -1 && errno != EINTR))
			return false;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return true;
}

static bool
is_header(const struct file_header *h, uint64_t size)
{
	return memcmp(h->magic, MAGIC, sizeof(h->magic)) == 0 && h->version == STATFILE_VERSION &&
	    h->order == STATFILE_ORDER && h->id != 0 && h->size == size &&
	    h->entry_size == sizeof(struct retired_entry) &&
	    h->n <= RETIRED_MOST + RETIRED_OTHERS && h->n_in <= size / STATFILE_UUID &&
	    size == sizeof(*h) + (uint64_t)h->n * h->entry_size + h->n_in * STATFILE_UUID;
}

uint64_t
retiredfile_id(int dir)
{
	struct file_header h;
	struct stat st;
	int fd = open_file(dir, &st);
	bool good = fd != -1 && read_all(fd, &h, sizeof(h)) && is_header(&h, (uint64_t)st.st_size);

	if (fd != -1)
		close(fd);
	return good ? h.id : 0;
}

static bool
has_end(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* The texts have an end, the times are totals, and the order is strict. */
static bool
is_entry(const struct retired_entry *e, const struct retired_entry *before)
{
	if (!has_end(e->tool, sizeof(e->tool)) || !has_end(e->name, sizeof(e->name)) ||
	    !has_end(e->pipeline, sizeof(e->pipeline)))
		return false;
	for (int t = 0; t < TIME_COUNT; t++)
		if (stopwatch_runs(&e->sum.time[t]))
			return false;
	return before == NULL || retired_compare(before, e->tool, e->name, e->pipeline) < 0;
}

static bool
are_entries(const struct retired_entry *e, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_entry(&e[i], i > 0 ? &e[i - 1] : NULL))
			return false;
	return true;
}

/*
 * FNV-1a (base/hash.h), but of words of 8 bytes, which is fast.  The length is
 * a multiple of 8.
 */
static uint64_t
hash_words(const char *data, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325), word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x100000001b3);
	}
	return hash;
}

/* Takes over what follows the header.  1: it is damaged; -1: out of memory. */
static int
take_body(struct retired *r, const struct file_header *h, const char *body, size_t len)
{
	const struct retired_entry *entry = (const void *)body; /* aligned */

	if (hash_words(body, len) != h->hash || !are_entries(entry, h->n))
		return 1;
	return retired_set(r, entry, h->n, body + h->n * sizeof(*entry), h->n_in);
}

/* As take_body().  The id is there, too, if only the rest is damaged. */
static int
read_file(struct retired *r, int fd, size_t size)
{
	struct file_header h;
	const size_t align = _Alignof(struct retired_entry);
	size_t len = size - sizeof(h);
	char *body = aligned_alloc(align, (len / align + 1) * align);
	int result = 1;

	if (body == NULL)
		return -1;
	if (read_all(fd, &h, sizeof(h)) && is_header(&h, size)) {
		r->id = h.id;
		if (read_all(fd, body, len))
			result = take_body(r, &h, body, len);
	}
	free(body);
	return result;
}

int
retiredfile_read(struct retired *r, int dir, bool *damaged)
{
	struct stat st;
	int fd = open_file(dir, &st), result;
	uint64_t id;

	*r = (struct retired){0};
	*damaged = fd == -1 && errno != ENOENT;
	if (fd == -1)
		return rundir_lacks_means(errno) ? -1 : 0;
	result = read_file(r, fd, (size_t)st.st_size);
	close(fd);
	*damaged = result == 1;
	if (result == 0)
		return 0;
	id = r->id;
	retired_free(r);
	r->id = id;
	errno = ENOMEM;
	return result == 1 ? 0 : -1;
}

static uint64_t
another_id(uint64_t old)
{
	uint64_t id;

	do {
		arc4random_buf(&id, sizeof(id));
	} while (id == 0 || id == old);
	return id;
}

/* All that is to be in the file, malloc'd. */
static char *
make_file(const struct retired *r, const struct retiredfile_in *in, size_t *size)
{
	size_t entries = r->n * sizeof(*r->entry), uuids = in->n * STATFILE_UUID;
	struct file_header h = {.version = STATFILE_VERSION,
	    .order = STATFILE_ORDER,
	    .id = another_id(r->id),
	    .size = sizeof(h) + entries + uuids,
	    .entry_size = sizeof(*r->entry),
	    .n = (uint32_t)r->n,
	    .n_in = in->n};
	char *data = malloc(h.size);

	if (data == NULL)
		return NULL;
	memcpy(h.magic, MAGIC, sizeof(h.magic));
	memcpy(data + sizeof(h), r->entry, entries);
	memcpy(data + sizeof(h) + entries, in->uuid, uuids);
	h.hash = hash_words(data + sizeof(h), entries + uuids);
	memcpy(data, &h, sizeof(h));
	*size = h.size;
	return data;
}

static int
create_new(int dir)
{
	const int how = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, RETIREDFILE_NEW, how, 01600);

	/* One that is there is of a process that died in here. */
	if (fd == -1 && errno == EEXIST && unlinkat(dir, RETIREDFILE_NEW, 0) == 0)
		fd = openat(dir, RETIREDFILE_NEW, how, 01600);
	if (fd != -1)
		(void)fchmod(fd, 01600); /* whatever the umask */
	return fd;
}

/* Beyond the limit a write may end the process: SIGXFSZ. */
static bool
is_too_big(size_t size)
{
	struct rlimit rl;

	errno = EFBIG;
	return getrlimit(RLIMIT_FSIZE, &rl) == 0 && rl.rlim_cur < size;
}

int
retiredfile_write(int dir, const struct retired *r, const struct retiredfile_in *in)
{
	size_t size;
	char *data = make_file(r, in, &size);
	int fd, error;

	if (data == NULL)
		return -1;
	if (is_too_big(size) || (fd = create_new(dir)) == -1) {
		free(data);
		return -1;
	}
	error = io_write_all(fd, data, size) == -1 ? errno : 0;
	free(data);
	if (close(fd) == -1 && error == 0)
		error = errno;
	if (error == 0 && renameat(dir, RETIREDFILE_NEW, dir, RETIREDFILE_NAME) == -1)
		error = errno;
	if (error == 0)
		return 0;
	unlinkat(dir, RETIREDFILE_NEW, 0);
	errno = error;
	return -1;
}
