#include "meter.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "series.h"
#include "units.h"

#define MAGIC "pchan-bucket/1\n"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

struct shared_rate {
	_Atomic uint64_t amount, per, burst;
};

/* As it is in a file, too; only read and written by machines of one kind. */
struct shared {
	char magic[24];
	char boot[40]; /* which start of the machine its clock runs from */
	uint64_t bytes;
	_Atomic uint64_t generation; /* from 1 */
	struct shared_rate rate[2];  /* the one of this generation is [generation % 2] */
	_Alignas(64) _Atomic int64_t full;
};

struct meter {
	struct shared *shared;
	int fd; /* -1: it is in memory */
	const char *path;
};

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

static void
begin(struct shared *s, const struct rate *r, bool bytes)
{
	memset(s, 0, sizeof(*s));
	strcpy(s->magic, MAGIC);
	s->bytes = bytes;
	set_rate(&s->rate[1], r);
	atomic_store(&s->generation, 1);
}

struct meter *
meter_new(const struct rate *r)
{
	struct meter *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->fd = -1;
	if ((m->shared = aligned_alloc(_Alignof(struct shared), sizeof(struct shared))) == NULL) {
		free(m);
		return NULL;
	}
	begin(m->shared, r, false);
	return m;
}

/* Where the file is mapped, for the handler. */
static void *mapped;

/* The file was cut off under us: from now on there are zeroes, and so the generation is 0. */
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

static void
read_boot_id(char id[40])
{
	int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd != -1 ? read(fd, id, 39) : -1;

	if (fd != -1)
		close(fd);
	id[n > 0 ? n : 0] = '\0';
	id[strcspn(id, "\n")] = '\0';
}

/* What rate it is of, for people. */
static void
refuse_rate(const char *path, const struct rate *r, bool bytes)
{
	char text[UNITS_RATE_SIZE];

	units_format_rate(r->amount, r->per, bytes, text);
	errx(2, "%s: its bucket is for %s and a burst of %ju%s: use these, or remove it", path,
	    text, (uintmax_t)r->burst, bytes ? " with --bytes" : "");
}

/* Looks whether the file is a bucket, of this boot and rate; what is not, but may be made one, it makes one. */
static void
check(const char *path, int fd, const struct rate *r, bool bytes)
{
	struct shared s, fresh;
	ssize_t n = pread(fd, &s, sizeof(s), 0);
	struct rate is;
	struct stat st;

	if (n == -1 || fstat(fd, &st) == -1)
		err(2, "%s", path);
	if (n != 0 &&
	    (st.st_size != sizeof(s) || n != sizeof(s) ||
		memcmp(s.magic, MAGIC, sizeof(MAGIC)) != 0))
		errx(2, "%s: is no shared bucket: name another file", path);
	begin(&fresh, r, bytes);
	read_boot_id(fresh.boot);
	if (n == 0 || memcmp(s.boot, fresh.boot, sizeof(s.boot)) != 0) {
		if (pwrite(fd, &fresh, sizeof(fresh), 0) != sizeof(fresh))
			err(2, "%s", path);
		return;
	}
	is = get_rate(&s.rate[s.generation % 2]);
	if (is.amount == 0 || is.per == 0 || is.burst == 0)
		errx(2, "%s: is a damaged bucket: remove it", path);
	if (is.amount != r->amount || is.per != r->per || is.burst != r->burst || s.bytes != bytes)
		refuse_rate(path, &is, s.bytes != 0);
}

struct meter *
meter_map(const char *path, const struct rate *r, bool bytes)
{
	struct sigaction sa = {.sa_sigaction = take_sigbus, .sa_flags = SA_SIGINFO};
	struct meter *m = calloc(1, sizeof(*m));
	struct stat st;

	if (m == NULL)
		err(2, "can't start");
	m->path = path;
	if ((m->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666)) ==
		-1 ||
	    fstat(m->fd, &st) == -1)
		err(2, "%s", path);
	if (!S_ISREG(st.st_mode))
		errx(2, "%s: is no file", path);
	if (series_lock(m->fd, LOCK_EX) == -1)
		err(2, "%s", path);
	check(path, m->fd, r, bytes);
	m->shared = mmap(NULL, sizeof(*m->shared), PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	if (m->shared == MAP_FAILED)
		err(2, "%s", path);
	mapped = m->shared;
	sigaction(SIGBUS, &sa, NULL);
	(void)series_lock(m->fd, LOCK_UN);
	return m;
}

void
meter_free(struct meter *m)
{
	if (m->fd == -1)
		free(m->shared);
	else {
		munmap(m->shared, sizeof(*m->shared));
		close(m->fd);
	}
	free(m);
}

uint64_t
meter_generation(const struct meter *m)
{
	return atomic_load_explicit(&m->shared->generation, memory_order_acquire);
}

uint64_t
meter_rate(const struct meter *m, struct rate *r)
{
	uint64_t generation;

	do {
		generation = atomic_load(&m->shared->generation);
		*r = get_rate(&m->shared->rate[generation % 2]);
	} while (atomic_load(&m->shared->generation) != generation);
	return generation;
}

bool
meter_is_shared(const struct meter *m)
{
	return m->fd != -1;
}

_Atomic int64_t *
meter_bucket(struct meter *m)
{
	return &m->shared->full;
}

int
meter_change(struct meter *m, const struct rate *new)
{
	struct shared *s = m->shared;
	uint64_t generation;
	int64_t full, now;
	struct rate old;

	if (m->fd != -1 && series_lock(m->fd, LOCK_EX) == -1)
		return -1;
	if ((generation = meter_rate(m, &old)) == 0) {
		errno = ESTALE;
		return -1;
	}
	set_rate(&s->rate[(generation + 1) % 2], new);
	atomic_store(&s->generation, generation + 1);
	now = clock_now();
	full = atomic_load(&s->full);
	while (!atomic_compare_exchange_weak(&s->full, &full, bucket_rescale(&old, new, full, now)))
		continue;
	if (m->fd != -1)
		(void)series_lock(m->fd, LOCK_UN);
	return 0;
}
