#include "metrics/link.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/url.h"
#include "metrics/worktime.h"

/*
 * A reader sees the state, then the fields, and then the same state again: so
 * the fields are those of one link.  All of them are stored with release and
 * loaded with acquire, which keeps them behind the first access to the state,
 * and before the second one.
 */

#define STATE_MASK UINT32_C(3)
#define STATE_NUMBER UINT32_C(4) /* one more place was used */

static enum link_state
state_of(const struct metrics_link *l)
{
	return atomic_load_explicit(&l->state, memory_order_acquire) & STATE_MASK;
}

static void
set_state(struct metrics_link *l, enum link_state state)
{
	uint32_t old = atomic_load_explicit(&l->state, memory_order_relaxed);

	atomic_store_explicit(&l->state, (old & ~STATE_MASK) | state, memory_order_release);
}

static enum link_kind
kind_of(int fd, const struct stat *st)
{
	struct statfs fs;

	switch (st->st_mode & S_IFMT) {
	case S_IFIFO:
		return fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC ? LINK_PIPE : LINK_FIFO;
	case S_IFREG:
	case S_IFDIR:
		return LINK_FILE;
	case S_IFSOCK:
		return LINK_SOCKET;
	case S_IFCHR:
		if (st->st_rdev == makedev(1, 3))
			return LINK_NULL;
		return isatty(fd) ? LINK_TERMINAL : LINK_OTHER;
	default:
		return LINK_OTHER;
	}
}

static void
set_name(struct metrics_link *l, const char *name)
{
	size_t len = strlen(name), i;

	if (len >= LINK_NAME_SIZE)
		name += len - (LINK_NAME_SIZE - 1);
	for (i = 0; i < LINK_NAME_SIZE - 1 && name[i] != '\0'; i++)
		__atomic_store_n(&l->name[i], name[i], __ATOMIC_RELEASE);
	for (; i < LINK_NAME_SIZE; i++)
		__atomic_store_n(&l->name[i], '\0', __ATOMIC_RELEASE);
}

/* What it is; while the state says that the place is not used. */
struct identity {
	enum link_kind kind;
	uint64_t dev, ino;
};

static struct identity
identify(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return (struct identity){.kind = LINK_OTHER};
	return (struct identity){kind_of(fd, &st), st.st_dev, st.st_ino};
}

static void
set_identity(struct metrics_link *l, struct identity id)
{
	__atomic_store_n(&l->kind, (uint8_t)id.kind, __ATOMIC_RELEASE);
	__atomic_store_n(&l->dev, id.dev, __ATOMIC_RELEASE);
	__atomic_store_n(&l->ino, id.ino, __ATOMIC_RELEASE);
}

/* The place shows nothing, until its state is set. */
static void
begin_change(struct metrics_link *l)
{
	uint32_t old = atomic_load_explicit(&l->state, memory_order_relaxed);

	/* LINK_UNUSED is 0. */
	atomic_store_explicit(&l->state, (old & ~STATE_MASK) + STATE_NUMBER, memory_order_release);
}

/*
 * The first place that is not used, or else the first that is closed; NULL: all
 * are in use.  The first of all is left to an input: the standard output, which
 * is opened before the inputs, has the second.
 */
static struct metrics_link *
find_place(struct metrics_links *links, enum link_direction direction)
{
	struct metrics_link *closed = NULL;

	for (size_t i = direction == LINK_OUT; i < LINKS; i++) {
		struct metrics_link *l = &links->link[i];
		enum link_state state = state_of(l);

		if (state == LINK_UNUSED)
			return l;
		if (state == LINK_CLOSED && closed == NULL)
			closed = l;
	}
	return closed;
}

static struct metrics_link *
open_place(struct metrics_links *links, enum link_direction direction, struct identity id,
    const char *name)
{
	struct metrics_link *l = find_place(links, direction);

	if (l == NULL) {
		atomic_fetch_add_explicit(&links->more, 1, memory_order_relaxed);
		return NULL;
	}
	begin_change(l);
	__atomic_store_n(&l->direction, (uint8_t)direction, __ATOMIC_RELEASE);
	set_identity(l, id);
	set_name(l, name);
	atomic_store_explicit(&l->records, 0, memory_order_release);
	atomic_store_explicit(&l->bytes, 0, memory_order_release);
	stopwatch_reset(&l->wait);
	set_state(l, LINK_OPEN);
	return l;
}

struct metrics_link *
link_open(struct metrics_links *links, enum link_direction direction, int fd, const char *name)
{
	return open_place(links, direction, identify(fd), name);
}

struct metrics_link *
link_open_engine(struct metrics_links *links, enum link_direction direction, const char *url)
{
	char name[LINK_NAME_SIZE];

	url_show(url, name, sizeof(name));
	return open_place(links, direction, (struct identity){.kind = LINK_ENGINE}, name);
}

unsigned
link_number(const struct metrics_links *links, const struct metrics_link *l)
{
	return l != NULL ? (unsigned)(l - links->link) : LINKS;
}

void
link_identify(struct metrics_link *l, int fd)
{
	if (l == NULL)
		return;
	begin_change(l);
	set_identity(l, identify(fd));
	set_state(l, LINK_OPEN);
}

void
link_close(struct metrics_link *l)
{
	if (l == NULL)
		return;
	link_stop(l, worktime_now());
	set_state(l, LINK_CLOSED);
}

void
link_add(struct metrics_link *l, uint64_t records, uint64_t bytes)
{
	if (l == NULL)
		return;
	atomic_fetch_add_explicit(&l->records, records, memory_order_release);
	atomic_fetch_add_explicit(&l->bytes, bytes, memory_order_release);
}

void
link_start(struct metrics_link *l, int64_t start)
{
	if (l != NULL && !stopwatch_runs(&l->wait))
		stopwatch_start(&l->wait, start);
}

void
link_stop(struct metrics_link *l, int64_t now)
{
	if (l != NULL && stopwatch_runs(&l->wait))
		stopwatch_stop(&l->wait, now);
}

static void
copy_fields(const struct metrics_link *l, struct metrics_link *copy)
{
	copy->direction = __atomic_load_n(&l->direction, __ATOMIC_ACQUIRE);
	copy->kind = __atomic_load_n(&l->kind, __ATOMIC_ACQUIRE);
	copy->dev = __atomic_load_n(&l->dev, __ATOMIC_ACQUIRE);
	copy->ino = __atomic_load_n(&l->ino, __ATOMIC_ACQUIRE);
	for (size_t i = 0; i < LINK_NAME_SIZE; i++)
		copy->name[i] = __atomic_load_n(&l->name[i], __ATOMIC_ACQUIRE);
	copy->name[LINK_NAME_SIZE - 1] = '\0';
	copy->records = atomic_load_explicit(&l->records, memory_order_acquire);
	copy->bytes = atomic_load_explicit(&l->bytes, memory_order_acquire);
	stopwatch_copy(&l->wait, &copy->wait);
}

bool
link_read(const struct metrics_link *l, struct metrics_link *copy)
{
	uint32_t state = atomic_load_explicit(&l->state, memory_order_acquire), before;

	do {
		before = state;
		*copy = (struct metrics_link){.state = state};
		if ((state & STATE_MASK) == LINK_UNUSED)
			return false;
		copy_fields(l, copy);
		state = atomic_load_explicit(&l->state, memory_order_acquire);
	} while (state != before);
	return true;
}
