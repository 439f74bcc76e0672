#include "stage/inputs.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/io.h"
#include "metrics/link.h"
#include "record/reader.h"
#include "record/record.h"
#include "stage/turns.h"
#include "sync/ctx.h"
#include "sync/park.h"

#define CHUNK_MIN 4096

struct inputs *
inputs_new(size_t open_most)
{
	struct inputs *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->open_most = open_most;
	s->epoll = -1;
	s->parker.fd = -1;
	s->watch.fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	TAILQ_INIT(&s->all);
	TAILQ_INIT(&s->armed);
	TAILQ_INIT(&s->ready);
	TAILQ_INIT(&s->held);
	TAILQ_INIT(&s->later);
	TAILQ_INIT(&s->spare);
	return s;
}

void
inputs_free(struct inputs *s)
{
	struct input *in;

	if (s == NULL)
		return;
	while ((in = TAILQ_FIRST(&s->all)) != NULL) {
		TAILQ_REMOVE(&s->all, in, all);
		reader_free(in->reader);
		input_close(in);
		free(in);
	}
	while ((in = TAILQ_FIRST(&s->spare)) != NULL) {
		TAILQ_REMOVE(&s->spare, in, turn);
		free(in);
	}
	if (s->files != NULL) {
		ctx_unwatch(s->files, &s->on_files);
		ctx_unwatch(s->pipes, &s->on_pipes);
	}
	park_close(&s->parker);
	if (s->epoll != -1)
		close(s->epoll);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static bool
is_named_twice(const struct inputs *s, const struct input *in)
{
	const struct input *other;

	TAILQ_FOREACH (other, &s->all, all)
		if (input_is_same(other, in))
			return true;
	return false;
}

struct input *
inputs_add(struct inputs *s, const char *operand, const char **why)
{
	struct input *in = malloc(sizeof(*in));

	*why = NULL;
	if (in == NULL || input_open(in, operand) == -1)
		goto err;
	if (is_named_twice(s, in)) {
		*why = "it is named twice, and can be read once";
		errno = EINVAL;
		goto err;
	}
	if (in->kind == INPUT_FILE && in->path != NULL && s->open == s->open_most)
		input_close(in);
	else
		s->open++;
	TAILQ_INSERT_TAIL(&s->all, in, all);
	in->number = s->n++;
	s->left++;
	return in;
err:
	free(in);
	return NULL;
}

struct input *
inputs_add_helper(
    struct inputs *s, const char *name, int fd, const struct input_control *control, void *place)
{
	struct input *in = malloc(sizeof(*in));

	if (in == NULL)
		return NULL;
	/* Half a line at its end is what a killed helper has left. */
	*in = (struct input){.name = name,
	    .fd = fd,
	    .kind = INPUT_HELPER,
	    .number = s->n++,
	    .control = control,
	    .place = place,
	    .marked = true};
	TAILQ_INSERT_TAIL(&s->all, in, all);
	s->open++;
	s->left++;
	return in;
}

void
inputs_set_links(struct inputs *s, struct metrics_links *links)
{
	struct input *in;

	s->waits.links = links;
	TAILQ_FOREACH (in, &s->all, all)
		if (in->fd != -1)
			turns_begin_link(s, in);
}

void
inputs_measure(struct inputs *s, struct stopwatch *all, unsigned readers)
{
	s->waits.all = all;
	s->waits.readers = readers;
}

struct input *
inputs_first(const struct inputs *s)
{
	return TAILQ_FIRST(&s->all);
}

struct input *
inputs_after(const struct input *in)
{
	return TAILQ_NEXT(in, all);
}

size_t
inputs_count(const struct inputs *s)
{
	return s->n;
}

uint64_t
inputs_size(const struct inputs *s)
{
	uint64_t size = 0;

	for (const struct input *in = inputs_first(s); in != NULL; in = inputs_after(in)) {
		if (in->kind != INPUT_FILE)
			return 0;
		size += in->size - (in->start.offset < in->size ? in->start.offset : in->size);
	}
	return size;
}

/* One input, which is no FIFO that may wait for a writer. */
static bool
is_alone(const struct inputs *s)
{
	const struct input *in = TAILQ_FIRST(&s->all);

	return s->n == 1 && s->watch.fd == -1 && (in->path == NULL || in->kind == INPUT_FILE);
}

/* Where poll(2) can't tell, as for a file, a read does not wait. */
static int
add_to_epoll(struct inputs *s, struct input *in)
{
	struct epoll_event e = {.events = EPOLLONESHOT, .data.ptr = in};

	if (in->fd == -1 || in->watched)
		return 0;
	in->polled = epoll_ctl(s->epoll, EPOLL_CTL_ADD, in->fd, &e) == 0;
	return in->polled || errno == EPERM ? 0 : -1;
}

/* The parker wakes those who wait when reading has to stop, or has ended. */
static int
open_epoll(struct inputs *s)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
	struct epoll_event watch = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = &s->watch};
	struct input *in;

	if ((s->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1 || park_init_fd(&s->parker) == -1 ||
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->parker.fd, &e) == -1)
		return -1;
	if (s->watch.fd != -1 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->watch.fd, &watch) == -1)
		return -1;
	TAILQ_FOREACH (in, &s->all, all)
		if (add_to_epoll(s, in) == -1)
			return -1;
	return 0;
}

/* The more inputs there are, the smaller are the steps of reading. */
static size_t
chunk_of(const struct inputs *s)
{
	size_t chunk = s->n > 1 ? INPUTS_BYTES / s->n : INPUTS_BYTES;

	return chunk < CHUNK_MIN ? CHUNK_MIN : chunk < SLAB_SIZE ? chunk : SLAB_SIZE;
}

static int
make_reader(struct inputs *s, struct input *in)
{
	struct reader_limits limits = s->limits;

	limits.chunk = chunk_of(s);
	if ((in->reader = reader_new(in->fd, &limits)) == NULL)
		return -1;
	reader_restart(in->reader, in->start);
	return 0;
}

int
inputs_begin(
    struct inputs *s, const struct reader_limits *limits, struct ctx *files, struct ctx *pipes)
{
	struct input *in;

	s->limits = *limits;
	s->chunk = chunk_of(s);
	TAILQ_FOREACH (in, &s->all, all)
		if (make_reader(s, in) == -1)
			return -1;
	s->most_unfinished = INPUTS_BYTES + limits->max;
	if (!is_alone(s) && open_epoll(s) == -1)
		return -1;
	s->files = files;
	s->pipes = pipes;
	ctx_watch(files, &s->on_files, &s->parker);
	ctx_watch(pipes, &s->on_pipes, &s->parker);
	return 0;
}

/* With the lock.  The number is new, or that of one that was dropped. */
static struct input *
new_watched(struct inputs *s)
{
	struct input *in = TAILQ_FIRST(&s->spare);
	size_t number = s->n;

	if (in != NULL) {
		TAILQ_REMOVE(&s->spare, in, turn);
		number = in->number;
	} else if ((in = malloc(sizeof(*in))) != NULL)
		s->n++;
	if (in != NULL)
		*in = (struct input){.number = number, .kind = INPUT_FILE, .watched = true};
	return in;
}

struct input *
inputs_add_watched(struct inputs *s, const char *name, int fd, void *owner)
{
	struct input *in = NULL;

	pthread_mutex_lock(&s->lock);
	if (s->open >= s->open_most)
		errno = EMFILE;
	else if ((in = new_watched(s)) != NULL) {
		in->name = in->path = name;
		in->fd = fd;
		in->owner = owner;
		if (s->files != NULL && make_reader(s, in) == -1) {
			TAILQ_INSERT_HEAD(&s->spare, in, turn);
			in = NULL;
		} else {
			TAILQ_INSERT_TAIL(&s->all, in, all);
			turns_begin_link(s, in);
			s->open++;
			s->left++;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return in;
}

void
inputs_drop(struct inputs *s, struct input *in)
{
	if (!in->watched || in->stopped)
		return;
	reader_free(in->reader);
	pthread_mutex_lock(&s->lock);
	turns_count_unfinished(s, in, 0);
	TAILQ_REMOVE(&s->all, in, all);
	TAILQ_INSERT_HEAD(&s->spare, in, turn);
	pthread_mutex_unlock(&s->lock);
}

void
inputs_set_watch(struct inputs *s, const struct inputs_watch *watch)
{
	s->watch = *watch;
	s->left++;
}

bool
inputs_have_ended(struct inputs *s)
{
	bool ended;

	pthread_mutex_lock(&s->lock);
	ended = s->left == 0;
	pthread_mutex_unlock(&s->lock);
	return ended;
}

bool
inputs_may_grow(const struct inputs *s)
{
	return s->watch.fd != -1;
}

void
inputs_end(struct inputs *s, struct input *in)
{
	struct input *later;

	in->ended = true;
	pthread_mutex_lock(&s->lock);
	turns_count_unfinished(s, in, 0);
	if (in->polled)
		(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, in->fd, NULL);
	if (in->fd != -1)
		s->open--;
	/* What a pipe still holds is looked at in the end. */
	if (!in->stopped || in->kind != INPUT_PIPE)
		input_close(in);
	turns_end_one(s);
	if ((later = TAILQ_FIRST(&s->later)) != NULL) {
		turns_leave(s, &s->later, later);
		turns_arm(s, later);
	}
	turns_wake_others(s);
	pthread_mutex_unlock(&s->lock);
}

int
inputs_renew(struct inputs *s, struct input *in)
{
	int old = in->fd;

	/*
	 * A descriptor that has seen the last writer leave is readable from
	 * then on; a fresh one waits.  The FIFO is open all the time, so that
	 * no writer is turned away, and nothing in it is lost.
	 */
	if (input_reopen(in) == -1) {
		in->fd = old;
		return -1;
	}
	/* Of something else with this name nobody may wait for writers. */
	if (!io_is_pipe(in->fd)) {
		close(in->fd);
		in->fd = old;
		errno = ESTALE;
		return -1;
	}
	(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, old, NULL);
	close(old);
	reader_set_fd(in->reader, in->fd);
	link_identify(in->link, in->fd);
	return add_to_epoll(s, in);
}

/*
 * Closes a pipe, standard input as well, which input_close() keeps: its writer
 * is to see it.  Returns the bytes in the pipe that do not come again.
 */
static uint64_t
leave(struct input *in)
{
	int left;

	if (in->marked || ioctl(in->fd, FIONREAD, &left) == -1)
		left = 0;
	close(in->fd);
	in->fd = -1;
	return (uint64_t)left;
}

uint64_t
inputs_leave(struct inputs *s)
{
	struct input *in;
	uint64_t unread = 0;

	TAILQ_FOREACH (in, &s->all, all)
		if (in->stopped && in->fd != -1 && in->kind == INPUT_PIPE)
			unread += leave(in);
	return unread;
}
