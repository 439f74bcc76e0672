#include "metrics/statview.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "metrics/sigbus.h"
#include "metrics/worktime.h"

#define SIZE_MOST ((off_t)1 << 30) /* of a file: some 100,000 workers */

/* More than 146 years are no time that all workers together have taken. */
#define TIME_MOST (INT64_C(1) << 62)

/* By how much a clock may be set while a stage runs. */
#define CLOCK_TOLERANCE (60 * CLOCK_S)

const char *
statview_exit_name(enum statfile_exit how)
{
	static const char *const names[] = {
	    [EXIT_OK] = "ok",
	    [EXIT_RECORDS] = "failed_records",
	    [EXIT_ERROR] = "error",
	    [EXIT_SIGNAL] = "signal",
	    [EXIT_KILLED] = "killed",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == EXIT_COUNT, "every end has a name");
	return names[how];
}

enum statfile_exit
statview_exit(const struct statfile_header *h)
{
	uint32_t how = atomic_load(&h->how);

	return atomic_load(&h->state) == STATFILE_EXITED && how < EXIT_COUNT ? how : EXIT_KILLED;
}

enum statfile_exit
look_exit(const struct look_stage *s)
{
	return statview_exit(&s->header);
}

bool
statview_name(const char *name, pid_t *pid, unsigned char uuid[STATFILE_UUID])
{
	static const char ending[] = ".stat";
	const char *tool = name, *number, *id;
	char *end;
	long value;

	if (strlen(name) >= STATVIEW_NAME_SIZE || *tool == '.' ||
	    (number = strchr(tool, '.')) == NULL || number - tool >= STATFILE_TOOL_SIZE ||
	    !isdigit((unsigned char)*++number))
		return false;
	errno = 0;
	value = strtol(number, &end, 10);
	if (errno != 0 || value <= 0 || value > INT32_MAX || *end != '.')
		return false;
	id = end + 1;
	*pid = (pid_t)value;
	return strlen(id) == (size_t)2 * STATFILE_UUID + strlen(ending) &&
	    strcmp(id + (size_t)2 * STATFILE_UUID, ending) == 0 &&
	    hex_read(id, (size_t)2 * STATFILE_UUID, uuid, STATFILE_UUID);
}

void
statview_clocks(struct statview_now *now)
{
	struct timespec ts = {0};

	memset(now, 0, sizeof(*now));
	now->monotonic = clock_now();
	now->calendar = clock_calendar();
	if (clock_gettime(CLOCK_BOOTTIME, &ts) == 0)
		now->slept = ts.tv_sec * CLOCK_S + ts.tv_nsec - now->monotonic;
	clock_boot(now->boot_id);
}

/* open(2) of what can be a stat file: does not block, and follows no link. */
static int
open_file(int dir, const char *name, int how)
{
	return openat(dir, name, how | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
}

enum owner { OWNED, UNOWNED, UNKNOWN };

/* Whether a process holds the lock. */
static enum owner
find_owner(int fd)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_GETLK, &fl) == -1)
		return UNKNOWN;
	return fl.l_type == F_UNLCK ? UNOWNED : OWNED;
}

bool
statview_is_dead(int dir, const char *name)
{
	int fd = open_file(dir, name, O_RDONLY);
	bool dead = fd != -1 && find_owner(fd) == UNOWNED;

	if (fd != -1)
		close(fd);
	return dead;
}

/* A file that is mapped, and where what is in it goes. */
struct reading {
	int fd;
	bool writable;
	const unsigned char *map;
	size_t size;
	const struct statview_now *now;
	struct look_stage *to;
	bool good; /* all was copied */
};

static bool
has_end(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* Whether there is what can be behind the shards: exemplars, or nothing. */
static bool
ends_well(const struct statfile_header *h)
{
	uint64_t end = h->shards_at + (uint64_t)h->shards * h->shard_size;

	if (h->exemplars_at == 0)
		return h->size == end;
	return h->exemplars_at == end && h->size == end + sizeof(struct metrics_exemplars);
}

/* Whether the parts are where they can be: aligned, one behind the other. */
static bool
is_laid_out(const struct reading *r, const struct statfile_header *h)
{
	return h->header_size == sizeof(*h) && h->links_size == sizeof(struct metrics_links) &&
	    h->shard_size == sizeof(struct metrics_shard) && h->links_at % 64 == 0 &&
	    h->links_at >= sizeof(*h) && h->shards_at % 64 == 0 &&
	    h->shards_at >= (uint64_t)h->links_at + h->links_size && h->shards > 0 &&
	    h->size == r->size && ends_well(h);
}

/* Whether the header, a copy, is one that we know, and true of this file. */
static bool
is_good(const struct reading *r, const struct statfile_header *h)
{
	return memcmp(h->magic, STATFILE_MAGIC, sizeof(h->magic)) == 0 &&
	    h->version == STATFILE_VERSION && h->order == STATFILE_ORDER && h->gen1 != 0 &&
	    h->gen1 == h->gen2 && is_laid_out(r, h) && h->mode < STAGE_MODES &&
	    has_end(h->boot_id, sizeof(h->boot_id)) && has_end(h->tool, sizeof(h->tool)) &&
	    has_end(h->tool_version, sizeof(h->tool_version)) &&
	    has_end(h->name, sizeof(h->name)) && has_end(h->pipeline, sizeof(h->pipeline)) &&
	    has_end(h->argv, sizeof(h->argv));
}

/* Whether a process that lives is in our time namespace; false: or unknown. */
static bool
shares_clocks(pid_t pid)
{
	char path[32];
	struct stat ours, its;

	snprintf(path, sizeof(path), "/proc/%d/ns/time", pid);
	return stat("/proc/self/ns/time", &ours) == 0 && stat(path, &its) == 0 &&
	    ours.st_dev == its.st_dev && ours.st_ino == its.st_ino;
}

/*
 * Whether the stage's CLOCK_MONOTONIC is ours.  A time namespace has another
 * one; then the time since the stage began differs from the calendar's, which
 * goes on while the machine sleeps, and may be set a little.  If it was set by
 * more, the process, if it lives, knows which clocks it has.
 */
static bool
is_same_clock(const struct statfile_header *h, const struct statview_now *now, bool lives)
{
	int64_t passed, expected;

	if (*h->boot_id == '\0' || strcmp(h->boot_id, now->boot_id) != 0 || h->begun_ns < 0 ||
	    h->begun_ns > now->monotonic + CLOCK_TOLERANCE || h->begun_us < 0 ||
	    h->begun_us > INT64_MAX / 1000)
		return false;
	passed = now->calendar * 1000 - h->begun_us * 1000;
	expected = now->monotonic - h->begun_ns;
	return (passed >= expected - CLOCK_TOLERANCE &&
		   passed <= expected + now->slept + CLOCK_TOLERANCE) ||
	    (lives && shares_clocks(h->pid));
}

/* In a stat file the shards are aligned, and nobody changes their places. */
static struct metrics
shards_of(const struct reading *r)
{
	return (struct metrics){.n = r->to->header.shards,
	    .shard = (struct metrics_shard *)(uintptr_t)(r->map + r->to->header.shards_at)};
}

static void
find_busy(struct look_stage *to, const struct metrics *m, int64_t now)
{
	int64_t worked = worktime_of(&to->header.halted, now);

	for (size_t i = 0; i < m->n; i++) {
		int64_t since = stopwatch_since(&m->shard[i].time[TIME_BUSY]);

		if (since <= 0)
			continue;
		to->busy++;
		since += now - worked;
		if (to->same_clock && since <= now && (to->oldest == 0 || since < to->oldest))
			to->oldest = since;
	}
}

/* The watch is read by CLOCK_MONOTONIC from now on, and not by working time. */
static void
move_watch(struct stopwatch *w, int64_t halted)
{
	if (!stopwatch_runs(w))
		return;
	atomic_fetch_sub(&w->state, halted);
	atomic_fetch_add(&w->since, halted);
}

/* Where each link is among the copies goes to at[]: LINKS, if nowhere. */
static void
copy_links(
    struct look_stage *to, const struct metrics_links *links, int64_t halted, uint8_t at[LINKS])
{
	to->more_links = atomic_load_explicit(&links->more, memory_order_relaxed);
	for (size_t i = 0; i < LINKS; i++) {
		struct metrics_link *l = &to->link[to->n_links];

		at[i] = LINKS;
		if (!link_read(&links->link[i], l) || l->direction > LINK_OUT ||
		    l->kind >= LINK_KINDS)
			continue;
		l->name[LINK_NAME_SIZE - 1] = '\0';
		move_watch(&l->wait, halted);
		at[i] = (uint8_t)to->n_links++;
	}
}

/* What helpers have said; or NULL. */
static const struct metrics_engines *
engines_of(const struct reading *r)
{
	const struct statfile_header *h = &r->to->header;
	uint64_t at = statfile_engines_at(h);
	const struct metrics_engines *e = (const void *)(r->map + at);

	return at + sizeof(*e) <= h->shards_at &&
		memcmp(e->magic, SAID_MAGIC, sizeof(e->magic)) == 0 && e->size == sizeof(*e) &&
		e->places == SAID_PLACES
	    ? e
	    : NULL;
}

static void
copy_said(const struct reading *r, const uint8_t link_at[LINKS])
{
	const struct metrics_engines *e = engines_of(r);
	struct look_stage *to = r->to;

	to->n_said = 0;
	to->engines = e != NULL;
	for (size_t i = 0; i < SAID_PLACES && e != NULL; i++) {
		struct metrics_said *said = &to->said[to->n_said];

		if (!said_read(&e->said[i], said))
			continue;
		said->link = said->link < LINKS ? link_at[said->link] : LINKS;
		to->n_said++;
	}
}

static void
copy_exemplars(const struct reading *r)
{
	struct look_stage *to = r->to;

	if (to->header.exemplars_at != 0)
		exemplars_copy((const struct metrics_exemplars *)(r->map + to->header.exemplars_at),
		    &to->exemplars);
	else
		memset(&to->exemplars, 0, sizeof(to->exemplars));
}

/*
 * Copies the numbers.  False: they can't be.  Times are shown as of a moment
 * ago: a thread may be put aside between its look at the clock and the stop of
 * its watch, and what has been shown must not be more than the watch stops at.
 */
static bool
copy_numbers(const struct reading *r, int64_t until)
{
	struct look_stage *to = r->to;
	struct metrics m = shards_of(r);
	int64_t worked = worktime_of(&to->header.halted, until);
	int64_t shown = until > STOPWATCH_LATE ? until - STOPWATCH_LATE : 0;
	uint8_t link_at[LINKS];

	to->n_links = 0;
	to->busy = 0;
	to->oldest = 0;
	memset(&to->sum, 0, sizeof(to->sum));
	metrics_sum(&m, worktime_of(&to->header.halted, shown), &to->sum);
	for (int t = 0; t < TIME_COUNT; t++) {
		int64_t total = atomic_load(&to->sum.time[t].state);

		if (total < 0 || total >= TIME_MOST)
			return false;
	}
	if (to->live)
		find_busy(to, &m, r->now->monotonic);
	copy_exemplars(r);
	copy_links(to, (const struct metrics_links *)(r->map + to->header.links_at), until - worked,
	    link_at);
	copy_said(r, link_at);
	return true;
}

/*
 * Notes that the process has been seen alive.  Sums are shown until now, and
 * must not go back should it be killed a moment later: then all see this time.
 */
static void
note_alive(const struct reading *r)
{
	struct statfile_header *h = (struct statfile_header *)(uintptr_t)r->map;
	int64_t seen = atomic_load(&h->alive_ns);

	while (seen < r->now->monotonic &&
	    !atomic_compare_exchange_weak(&h->alive_ns, &seen, r->now->monotonic))
		continue;
}

/* Copies how it is with the process, and returns until when it was alive. */
static int64_t
copy_end(const struct reading *r)
{
	const struct statfile_header *h = (const struct statfile_header *)r->map;
	struct statfile_header *to = &r->to->header;
	uint32_t state = atomic_load(&h->state);
	int64_t alive = atomic_load(&h->alive_ns);

	atomic_store(&to->how, atomic_load(&h->how));
	atomic_store(&to->state, state);
	atomic_store(&to->alive_ns, alive);
	stopwatch_copy(&h->halted, &to->halted);
	if (r->to->live && r->to->same_clock && state != STATFILE_EXITED)
		return r->now->monotonic;
	return alive > 0 ? alive : 0;
}

/* Copies what is in the mapped file. */
static void
read_map(void *arg)
{
	struct reading *r = arg;
	struct look_stage *to = r->to;
	enum owner owner = find_owner(r->fd);

	memcpy(&to->header, r->map, sizeof(to->header));
	if (!is_good(r, &to->header))
		return;
	to->same_clock = is_same_clock(&to->header, r->now, owner == OWNED);
	if (owner == OWNED && to->same_clock && r->writable) {
		note_alive(r);
		owner = find_owner(r->fd);
	}
	/* What is not known leaves the file alone. */
	to->live = owner != UNOWNED;
	r->good = copy_numbers(r, copy_end(r));
}

static bool
is_named_so(const struct statfile_header *h, const char *name)
{
	unsigned char uuid[STATFILE_UUID];
	pid_t pid;

	return statview_name(name, &pid, uuid) && pid == h->pid &&
	    memcmp(uuid, h->uuid, sizeof(uuid)) == 0;
}

static bool
may_be_mapped(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	    st->st_size >= (off_t)sizeof(struct statfile_header) && st->st_size <= SIZE_MOST;
}

int
statview_read(int dir, const char *name, const struct statview_now *now, struct look_stage *to)
{
	struct reading r = {.now = now, .to = to, .writable = true};
	struct stat st;
	bool good = false;
	void *map;

	r.fd = open_file(dir, name, O_RDWR);
	if (r.fd == -1 && (errno == EACCES || errno == EROFS)) {
		r.writable = false;
		r.fd = open_file(dir, name, O_RDONLY);
	}
	if (r.fd == -1)
		return -1;
	if (fstat(r.fd, &st) == 0 && may_be_mapped(&st)) {
		r.size = (size_t)st.st_size;
		map = mmap(NULL, r.size, r.writable ? PROT_READ | PROT_WRITE : PROT_READ,
		    MAP_SHARED, r.fd, 0);
		if (map != MAP_FAILED) {
			r.map = map;
			good =
			    sigbus_guard(read_map, &r) && r.good && is_named_so(&to->header, name);
			munmap(map, r.size);
		}
	}
	close(r.fd);
	errno = EINVAL;
	return good ? 0 : -1;
}
