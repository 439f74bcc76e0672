#include "stage/meter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "engine/url.h"
#include "record/rotate.h"
#include "stage/remote.h"
#include "stage/stage.h"
#include "sync/park.h"

#define MAGIC "pchan-bucket/1\n"

#define LOCK_WAIT CLOCK_S
#define LOCK_NAP (10 * CLOCK_MS)

#define GENERATION_BITS 3
#define GENERATIONS (1 << GENERATION_BITS) /* 0 is not used: no rate */
#define FULL_MAX (INT64_MAX >> GENERATION_BITS)

struct shared_rate {
	_Atomic uint64_t amount, per, burst;
};

/* The file's content, in the byte order of this machine. */
struct shared {
	char magic[24];
	char boot[CLOCK_BOOT_SIZE]; /* from which its times count */
	uint64_t bytes;
	/* By generation: the one in force, and the ones before it. */
	struct shared_rate rate[GENERATIONS];
	/* When it is full, and the generation of the rate: bucket_of(). */
	_Alignas(64) _Atomic int64_t bucket;
};

struct meter {
	struct shared *shared; /* NULL: it is on a server */
	int fd;                /* -1: it is not in a file */
	struct remote *remote; /* or NULL */
	struct waitlist news;
	struct stage *stage; /* for the server's faults */
};

/* The two halves of the bucket's number. */
static unsigned
generation_of(int64_t bucket)
{
	return (unsigned)bucket & (GENERATIONS - 1);
}

static int64_t
full_of(int64_t bucket)
{
	return (bucket - generation_of(bucket)) / GENERATIONS;
}

/* Joins them; a time that does not fit becomes the nearest that does. */
static int64_t
bucket_of(int64_t full, unsigned generation)
{
	if (full > FULL_MAX)
		full = FULL_MAX;
	if (full < -FULL_MAX - 1)
		full = -FULL_MAX - 1;
	return full * GENERATIONS + generation;
}

static void
set_rate(struct shared_rate *to, const struct rate *r)
{
	atomic_store(&to->amount, r->amount);
	atomic_store(&to->per, r->per);
	atomic_store(&to->burst, r->burst);
}

static struct rate
get_rate(const struct shared_rate *from)
{
	return (struct rate){
	    atomic_load(&from->amount), atomic_load(&from->per), atomic_load(&from->burst)};
}

/* A full bucket, at this rate as generation 1. */
static void
init_shared(struct shared *s, const struct rate *r, bool bytes)
{
	memset(s, 0, sizeof(*s));
	strcpy(s->magic, MAGIC);
	s->bytes = bytes;
	set_rate(&s->rate[1], r);
	atomic_store(&s->bucket, bucket_of(0, 1));
}

/* One that has no bucket yet. */
static struct meter *
new_meter(void)
{
	struct meter *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->fd = -1;
	waitlist_init(&m->news);
	return m;
}

struct meter *
meter_new(const struct rate *r)
{
	struct meter *m = new_meter();

	if (m == NULL)
		return NULL;
	if ((m->shared = aligned_alloc(_Alignof(struct shared), sizeof(struct shared))) == NULL) {
		meter_free(m);
		return NULL;
	}
	init_shared(m->shared, r, false);
	return m;
}

/* Where the file is mapped, for the handler of SIGBUS. */
static void *mapped;

/*
 * Another process has truncated the file that we have mapped.  Maps zeroes in
 * its place: from now on the generation is 0.
 */
static void
take_sigbus(int sig, siginfo_t *info, void *context)
{
	char *address = info->si_addr, *start = mapped;

	(void)context;
	if (address < start || address >= start + sizeof(struct shared) ||
	    mmap(mapped, sizeof(struct shared), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

/* Says why the file is refused: it is about the path. */
static bool __attribute__((format(printf, 3, 4)))
refuse(char why[METER_WHY_SIZE], const char *path, const char *format, ...)
{
	int n = snprintf(why, METER_WHY_SIZE, "%s: ", path);
	va_list ap;

	va_start(ap, format);
	if (n > 0 && n < METER_WHY_SIZE)
		vsnprintf(why + n, (size_t)(METER_WHY_SIZE - n), format, ap);
	va_end(ap);
	return false;
}

static bool
refuse_errno(char why[METER_WHY_SIZE], const char *path)
{
	return refuse(why, path, "%s", strerror(errno));
}

/* Says which rate the file was made for. */
static bool
refuse_rate(char why[METER_WHY_SIZE], const char *path, const struct rate *r, bool bytes)
{
	char text[UNITS_RATE_SIZE];

	units_format_rate(r->amount, r->per, bytes, text);
	return refuse(why, path,
	    "its bucket is for %s and a burst of %ju%s: use these, or remove it", text,
	    (uintmax_t)r->burst, bytes ? " with --bytes" : "");
}

/*
 * Makes the file a bucket.  If that fails, an empty file becomes empty again,
 * lest the next process take the half of a bucket for another kind of file.
 */
static bool
write_fresh(
    const char *path, int fd, const struct shared *fresh, bool was_empty, char why[METER_WHY_SIZE])
{
	ssize_t n = pwrite(fd, fresh, sizeof(*fresh), 0);
	int error = n == -1 ? errno : ENOSPC;

	if (n == sizeof(*fresh))
		return true;
	if (was_empty)
		(void)!ftruncate(fd, 0);
	errno = error;
	return refuse_errno(why, path);
}

/*
 * Checks that the file is a bucket of this boot and rate.  Makes an empty file,
 * or a bucket from before the last boot, a fresh bucket.
 */
static bool
check_bucket(const char *path, int fd, const struct rate *r, bool bytes, char why[METER_WHY_SIZE])
{
	struct shared s, fresh;
	ssize_t n = pread(fd, &s, sizeof(s), 0);
	struct rate is;
	struct stat st;
	int64_t full;

	/* An empty file or a whole bucket: never overwrite anything else. */
	if (n == -1 || fstat(fd, &st) == -1)
		return refuse_errno(why, path);
	if (n != 0 &&
	    (st.st_size != sizeof(s) || n != sizeof(s) ||
		memcmp(s.magic, MAGIC, sizeof(MAGIC)) != 0))
		return refuse(
		    why, path, "is not a shared bucket of this version: name another file");

	/* Begin afresh where there is none yet, or its clock runs no more. */
	init_shared(&fresh, r, bytes);
	clock_boot(fresh.boot);
	if (n == 0 || memcmp(s.boot, fresh.boot, sizeof(s.boot)) != 0)
		return write_fresh(path, fd, &fresh, n == 0, why);

	/* Refuse times and rates that no process of ours has written. */
	is = get_rate(&s.rate[generation_of(s.bucket)]);
	full = full_of(s.bucket);
	if (is.amount == 0 || is.per == 0 || is.burst == 0 || full > FULL_MAX / 4 ||
	    full < -FULL_MAX / 4)
		return refuse(why, path, "is a damaged bucket: remove it");

	/* All processes that share it must ask for the same rate. */
	if (is.amount != r->amount || is.per != r->per || is.burst != r->burst || s.bytes != bytes)
		return refuse_rate(why, path, &is, s.bytes != 0);
	return true;
}

/*
 * Tries without O_CREAT first: in a sticky directory the kernel may refuse it
 * for another user's file, even though that file may be written to.
 */
static int
open_bucket(const char *path)
{
	static const int how = O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW;
	int fd = open(path, how);

	return fd != -1 || errno != ENOENT ? fd : open(path, how | O_CREAT, 0666);
}

/*
 * Locks the file.  Our processes hold the lock for moments only, so a lock that
 * outlasts LOCK_WAIT is foreign: EBUSY.
 */
static int
lock_bucket(int fd)
{
	int64_t until = clock_now() + LOCK_WAIT;
	struct timespec nap = {.tv_nsec = LOCK_NAP};
	int error;

	while ((error = rotate_lock(fd, LOCK_EX | LOCK_NB)) == -1 && errno == EWOULDBLOCK &&
	    clock_now() < until)
		nanosleep(&nap, NULL);
	if (error == -1 && errno == EWOULDBLOCK)
		errno = EBUSY;
	return error;
}

/* Whether a file of this kind may be a bucket. */
static bool
check_file(const char *path, int fd, char why[METER_WHY_SIZE])
{
	struct stat st;

	if (fd == -1 && errno == ELOOP)
		return refuse(why, path, "is a symbolic link: name the file itself");
	if (fd == -1 || fstat(fd, &st) == -1)
		return refuse_errno(why, path);
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
		return refuse(why, path, "is not a regular file with one name: name another file");
	/* The owner of a bucket can change the rate of all who use it. */
	if (!rotate_trusts(path, st.st_uid))
		return refuse(why, path,
		    "belongs to another user, who does not own the folder either: "
		    "name another file");
	return true;
}

/* Maps the bucket, and takes the signal of a file that is truncated. */
static struct shared *
map_bucket(int fd)
{
	struct sigaction sa = {.sa_sigaction = take_sigbus, .sa_flags = SA_SIGINFO};
	void *at = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return NULL;
	/* Before the first access, as the file may be truncated at any time. */
	mapped = at;
	sigaction(SIGBUS, &sa, NULL);
	return at;
}

struct meter *
meter_map(const char *path, const struct rate *r, bool bytes, char why[METER_WHY_SIZE])
{
	struct meter *m = new_meter();
	int fd = open_bucket(path);
	bool fit;

	if (!check_file(path, fd, why))
		goto err;
	if (m == NULL) {
		(void)refuse_errno(why, path);
		goto err;
	}

	/* Until it is unlocked no other process creates or changes it. */
	if (lock_bucket(fd) == -1) {
		(void)refuse(why, path, "cannot be locked: %s", strerror(errno));
		goto err;
	}
	if ((fit = check_bucket(path, fd, r, bytes, why)) && (m->shared = map_bucket(fd)) == NULL)
		fit = refuse_errno(why, path);
	(void)rotate_lock(fd, LOCK_UN);
	if (!fit)
		goto err;
	m->fd = fd;
	return m;
err:
	if (fd != -1)
		close(fd);
	meter_free(m);
	return NULL;
}

static struct meter *
open_remote(const char *url, const struct rate *r, bool bytes, void (*say)(const char *),
    char why[METER_WHY_SIZE])
{
	struct meter *m = new_meter();

	if (m == NULL) {
		(void)refuse_errno(why, url);
		return NULL;
	}
	if ((m->remote = remote_new(url, r, bytes, &m->news, say, why)) == NULL) {
		meter_free(m);
		return NULL;
	}
	return m;
}

struct meter *
meter_open(const char *shared, const struct rate *r, bool bytes, void (*say)(const char *),
    char why[METER_WHY_SIZE])
{
	struct meter *m;

	if (shared != NULL)
		return url_is(shared) ? open_remote(shared, r, bytes, say, why)
				      : meter_map(shared, r, bytes, why);
	if ((m = meter_new(r)) == NULL)
		snprintf(why, METER_WHY_SIZE, "out of memory");
	return m;
}

static int
begin_remote(void *arg)
{
	struct meter *m = arg;

	return remote_start(m->remote, m->stage);
}

void
meter_watch(struct meter *m, struct stage *st)
{
	if (m->remote == NULL)
		return;
	m->stage = st;
	st->begin = begin_remote;
	st->begin_arg = m;
}

void
meter_free(struct meter *m)
{
	if (m == NULL)
		return;
	remote_free(m->remote);
	if (m->fd == -1)
		free(m->shared);
	else {
		munmap(m->shared, sizeof(*m->shared));
		close(m->fd);
	}
	waitlist_destroy(&m->news);
	free(m);
}

bool
meter_is_shared(const struct meter *m)
{
	return m->fd != -1 || m->remote != NULL;
}

struct remote *
meter_remote(const struct meter *m)
{
	return m->remote;
}

struct waitlist *
meter_news(struct meter *m)
{
	return &m->news;
}

static unsigned
current_generation(const struct meter *m)
{
	return generation_of(atomic_load(&m->shared->bucket));
}

/*
 * The rate of a generation is written before the generation comes into force,
 * and written again only when all others have been in force after it.  So a
 * rate was read whole if its generation is still in force afterwards.
 */
unsigned
meter_rate(const struct meter *m, struct rate *r)
{
	unsigned generation, before;
	struct rate now;

	if (m->remote != NULL)
		return remote_rate(m->remote, r);
	generation = current_generation(m);
	do {
		now = get_rate(&m->shared->rate[generation]);
		before = generation;
		generation = current_generation(m);
	} while (generation != before);
	if (generation != 0)
		*r = now;
	return generation;
}

unsigned
meter_bucket(const struct meter *m, int64_t *full)
{
	int64_t bucket = atomic_load(&m->shared->bucket);

	*full = full_of(bucket);
	return generation_of(bucket);
}

bool
meter_move(struct meter *m, unsigned generation, int64_t from, int64_t to)
{
	int64_t bucket = bucket_of(from, generation);

	return atomic_compare_exchange_strong(
	    &m->shared->bucket, &bucket, bucket_of(to, generation));
}

/* Brings in the next generation.  Only the holder of the file's lock may. */
static int
change_rate(struct meter *m, const struct rate *to)
{
	struct shared *s = m->shared;
	int64_t bucket, full, now = clock_now();
	struct rate old;
	unsigned generation = meter_rate(m, &old), next = generation % (GENERATIONS - 1) + 1;

	if (generation == 0) {
		errno = ESTALE;
		return -1;
	}

	/* Write the new rate, whose generation is not in force yet. */
	set_rate(&s->rate[next], to);

	/*
	 * Put it in force, together with what the bucket is worth at it.  If
	 * another process charges the bucket meanwhile, compute that again.
	 */
	bucket = atomic_load(&s->bucket);
	do {
		full = bucket_rescale(&old, to, full_of(bucket), now);
	} while (!atomic_compare_exchange_weak(&s->bucket, &bucket, bucket_of(full, next)));
	return 0;
}

int
meter_change(struct meter *m, const struct rate *to)
{
	int error = 0, saved;

	if (m->fd != -1 && lock_bucket(m->fd) == -1)
		return -1;
	if (m->remote != NULL)
		remote_change(m->remote, to);
	else
		error = change_rate(m, to);
	saved = errno;
	if (m->fd != -1)
		(void)rotate_lock(m->fd, LOCK_UN);
	waitlist_wake(&m->news, SIZE_MAX);
	errno = saved;
	return error;
}
