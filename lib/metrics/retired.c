#include "metrics/retired.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "metrics/rundir.h"
#include "metrics/statview.h"
#include "metrics/worktime.h"

#define NAME "retired.1"
#define NAME_NEW ".retired.1.new"
#define NAME_BAD "retired.1.bad"
#define NAME_LOCK "lock"

#define MAGIC "pchan.rt"

/* For the stages that have no entry of their own, one for each tool. */
#define OTHER "other"
#define OTHERS 16

#define SIZE_MOST (64 << 20) /* of the file */

/* With a larger file, a stage that ends leaves its own if there are no more */
#define SIZE_DEAR (64 << 10)
#define FILES_WAIT 64

/* What a process leaves that died while it created a file is removed after s */
#define NEW_AGE 60

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
compare_entry(
    const struct retired_entry *e, const char *tool, const char *name, const char *pipeline)
{
	int order = strcmp(e->pipeline, pipeline);

	if (order == 0)
		order = strcmp(e->name, name);
	return order != 0 ? order : strcmp(e->tool, tool);
}

/* Where the entry is, or would be. */
static size_t
find_place(const struct retired *r, const char *tool, const char *name, const char *pipeline)
{
	size_t from = 0, to = r->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare_entry(&r->entry[middle], tool, name, pipeline) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool
is_at(const struct retired *r, size_t i, const char *tool, const char *name, const char *pipeline)
{
	return i < r->n && compare_entry(&r->entry[i], tool, name, pipeline) == 0;
}

/* Makes room for so many entries. */
static int
make_room(struct retired *r, size_t n)
{
	size_t room = r->room * 2 > n ? r->room * 2 : n;
	struct retired_entry *more;

	if (n <= r->room)
		return 0;
	more = aligned_alloc(_Alignof(struct retired_entry), room * sizeof(*more));
	if (more == NULL)
		return -1;
	if (r->n > 0)
		memcpy(more, r->entry, r->n * sizeof(*more));
	free(r->entry);
	r->entry = more;
	r->room = room;
	return 0;
}

/*
 * The entry for this stage, which is added if need be; it lives until the next
 * call.  NULL with errno ENOMEM.
 */
static struct retired_entry *
find_entry(struct retired *r, const char *tool, const char *name, const char *pipeline)
{
	size_t i = find_place(r, tool, name, pipeline);
	struct retired_entry *e;

	if (is_at(r, i, tool, name, pipeline))
		return &r->entry[i];
	if (r->n >= RETIRED_MOST && strcmp(name, OTHER) != 0)
		return find_entry(r, tool, OTHER, "");
	if (make_room(r, r->n + 1) == -1)
		return NULL;
	e = &r->entry[i];
	memmove(e + 1, e, (r->n++ - i) * sizeof(*e));
	memset(e, 0, sizeof(*e));
	snprintf(e->tool, sizeof(e->tool), "%s", tool);
	snprintf(e->name, sizeof(e->name), "%s", name);
	snprintf(e->pipeline, sizeof(e->pipeline), "%s", pipeline);
	return e;
}

/* Adds to the numbers of an entry.  A time that would overflow is left out. */
static void
add_numbers(struct retired_entry *e, const struct metrics *m, int64_t until)
{
	struct metrics_shard sum;

	memset(&sum, 0, sizeof(sum));
	metrics_sum(m, until, &sum);
	for (int t = 0; t < TIME_COUNT; t++) {
		int64_t more = atomic_load(&sum.time[t].state);

		if (more < 0 || more > INT64_MAX - atomic_load(&e->sum.time[t].state))
			atomic_store(&sum.time[t].state, 0);
	}
	metrics_sum(&(struct metrics){.n = 1, .shard = &sum}, 0, &e->sum);
}

int
retired_merge(struct retired *to, const struct retired *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct retired_entry *e = &from->entry[i],
				     *sum = find_entry(to, e->tool, e->name, e->pipeline);

		if (sum == NULL)
			return -1;
		for (int how = 0; how < EXIT_COUNT; how++)
			sum->exits[how] += e->exits[how];
		sum->modes |= e->modes;
		add_numbers(sum, &(struct metrics){.n = 1, .shard = &e->sum}, 0);
	}
	return 0;
}

static int
compare_uuid(const void *a, const void *b)
{
	return memcmp(a, b, STATFILE_UUID);
}

bool
retired_has(const struct retired *r, const unsigned char uuid[STATFILE_UUID])
{
	return r->n_in > 0 && bsearch(uuid, r->in, r->n_in, STATFILE_UUID, compare_uuid) != NULL;
}

void
retired_free(struct retired *r)
{
	free(r->entry);
	free(r->in);
	*r = (struct retired){0};
}

static int
open_retired(int dir, struct stat *st)
{
	int fd = openat(dir, NAME, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);

	if (fd == -1)
		return -1;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	    st->st_size >= (off_t)sizeof(struct file_header) && st->st_size <= SIZE_MOST)
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
	    h->entry_size == sizeof(struct retired_entry) && h->n <= RETIRED_MOST + OTHERS &&
	    h->n_in <= size / STATFILE_UUID &&
	    size == sizeof(*h) + (uint64_t)h->n * h->entry_size + h->n_in * STATFILE_UUID;
}

uint64_t
retired_id(int dir)
{
	struct file_header h;
	struct stat st;
	int fd = open_retired(dir, &st);
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
	return before == NULL || compare_entry(before, e->tool, e->name, e->pipeline) < 0;
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
	size_t entries = h->n * sizeof(struct retired_entry);

	if (hash_words(body, len) != h->hash)
		return 1;
	if (make_room(r, h->n) == -1 || (h->n_in > 0 && (r->in = malloc(len - entries)) == NULL))
		return -1;
	if (h->n > 0)
		memcpy(r->entry, body, entries);
	if (!are_entries(r->entry, h->n))
		return 1;
	if (h->n_in > 0) {
		memcpy(r->in, body + entries, len - entries);
		qsort(r->in, h->n_in, STATFILE_UUID, compare_uuid);
	}
	r->n = h->n;
	r->n_in = h->n_in;
	return 0;
}

/* As take_body().  The id is there, too, if only the rest is damaged. */
static int
read_file(struct retired *r, int fd, size_t size)
{
	struct file_header h;
	size_t len = size - sizeof(h);
	char *body = malloc(len > 0 ? len : 1);
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
retired_read(struct retired *r, int dir, bool *damaged)
{
	struct stat st;
	int fd = open_retired(dir, &st), result;
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
retired_lock(int dir)
{
	return lock_directory(dir, F_RDLCK);
}

/* What one fold does. */
struct fold {
	int dir;
	const struct retired_own *own;
	bool all;
	struct statview_now now;
	struct retired r;
	/* The files that are in the new entries: their names ... */
	size_t n, room;
	char (*name)[STATVIEW_NAME_SIZE];
	/* ... and their uuids, with those of files that can't be removed. */
	size_t n_in;
	unsigned char (*in)[STATFILE_UUID];
	struct look_stage stage; /* the file that is read */
};

/* Makes room for one more file. */
static int
make_room_for_file(struct fold *f)
{
	size_t room = f->room > 0 ? 2 * f->room : 8;
	void *more;

	if (f->n_in < f->room)
		return 0;
	if ((more = reallocarray(f->name, room, sizeof(*f->name))) == NULL)
		return -1;
	f->name = more;
	if ((more = reallocarray(f->in, room, sizeof(*f->in))) == NULL)
		return -1;
	f->in = more;
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
	    (e = find_entry(&f->r, h->tool, h->name, h->pipeline)) == NULL)
		return -1;
	e->exits[statview_exit(h)]++;
	e->modes |= UINT64_C(1) << h->mode;
	add_numbers(e, m, until);
	strlcpy(f->name[f->n++], name, STATVIEW_NAME_SIZE);
	memcpy(f->in[f->n_in++], h->uuid, STATFILE_UUID);
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
	memcpy(f->in[f->n_in++], uuid, STATFILE_UUID);
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

	if (*name != '.' || strcmp(end, ".new") != 0 || strcmp(name, NAME_NEW) == 0)
		return;
	if (fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    time(NULL) - st.st_mtime > NEW_AGE && statview_is_dead(f->dir, name))
		unlinkat(f->dir, name, 0);
}

static int
add_own(struct fold *f)
{
	const struct retired_own *own = f->own;
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
make_file(const struct fold *f, size_t *size)
{
	size_t entries = f->r.n * sizeof(*f->r.entry), uuids = f->n_in * STATFILE_UUID;
	struct file_header h = {.version = STATFILE_VERSION,
	    .order = STATFILE_ORDER,
	    .id = another_id(f->r.id),
	    .size = sizeof(h) + entries + uuids,
	    .entry_size = sizeof(*f->r.entry),
	    .n = (uint32_t)f->r.n,
	    .n_in = f->n_in};
	char *data = malloc(h.size);

	if (data == NULL)
		return NULL;
	memcpy(h.magic, MAGIC, sizeof(h.magic));
	memcpy(data + sizeof(h), f->r.entry, entries);
	memcpy(data + sizeof(h) + entries, f->in, uuids);
	h.hash = hash_words(data + sizeof(h), entries + uuids);
	memcpy(data, &h, sizeof(h));
	*size = h.size;
	return data;
}

static int
create_new(int dir)
{
	const int how = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, NAME_NEW, how, 01600);

	/* One that is there is of a process that died in here. */
	if (fd == -1 && errno == EEXIST && unlinkat(dir, NAME_NEW, 0) == 0)
		fd = openat(dir, NAME_NEW, how, 01600);
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

/* Puts the new file in the place of the old one.  Only its rename shows. */
static int
write_file(const struct fold *f)
{
	size_t size;
	char *data = make_file(f, &size);
	int fd, error;

	if (data == NULL)
		return -1;
	if (is_too_big(size) || (fd = create_new(f->dir)) == -1) {
		free(data);
		return -1;
	}
	error = io_write_all(fd, data, size) == -1 ? errno : 0;
	free(data);
	if (close(fd) == -1 && error == 0)
		error = errno;
	if (error == 0 && renameat(f->dir, NAME_NEW, f->dir, NAME) == -1)
		error = errno;
	if (error == 0)
		return 0;
	unlinkat(f->dir, NAME_NEW, 0);
	errno = error;
	return -1;
}

/* With the lock held. */
static int
fold_files(struct fold *f)
{
	bool damaged, others;

	if (retired_read(&f->r, f->dir, &damaged) == -1)
		return -1;
	if (damaged && renameat(f->dir, NAME, f->dir, NAME_BAD) == -1)
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
	if (write_file(f) == -1)
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

	return fstatat(dir, NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size > SIZE_DEAR && st.st_size <= SIZE_MOST && !rundir_may_have(dir, FILES_WAIT);
}

int
retired_fold(int dir, const struct retired_own *own, bool all)
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
	free(f.in);
	close(lock);
	errno = error;
	return result;
}
