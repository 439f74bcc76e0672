#include "stage/inputs.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "metrics/link.h"
#include "metrics/worktime.h"
#include "record/reader.h"
#include "record/record.h"
#include "stage/waits.h"
#include "sync/ctx.h"
#include "sync/park.h"

#define EVENTS 64
#define CHUNK_MIN 4096

TAILQ_HEAD(turns, input);

/* How far the end of reading has come. */
enum stop { READS_ALL, READS_PIPES, READS_NOTHING };

struct inputs {
	size_t n, left;   /* all, and those that have not ended */
	struct turns all; /* in the order of the operands */
	size_t open, open_most;

	struct inputs_watch watch; /* its fd is -1: none */

	/* Set by inputs_begin(). */
	struct reader_limits limits;
	struct ctx *files, *pipes;
	size_t most_unfinished;
	size_t chunk; /* unfinished lines up to this size are always read on */
	int epoll;    /* -1: there is one input, which is polled itself */
	struct parker parker;
	struct waiter on_files, on_pipes;

	/* The lock guards what follows, and the state of the inputs. */
	pthread_mutex_t lock;
	enum stop stop;
	struct turns armed, ready, held, later;
	struct turns spare;    /* dropped */
	struct waits waits;    /* of the threads, for an input */
	size_t unfinished;     /* the sum of all inputs' */
	struct input *longest; /* goes on although there is too much; or NULL */
};

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

/* It is open from now on. */
static void
begin_link(struct inputs *s, struct input *in)
{
	if (s->waits.links == NULL)
		return;
	in->link = in->kind == INPUT_HELPER ? link_open_engine(s->waits.links, LINK_IN, in->name)
					    : link_open(s->waits.links, LINK_IN, in->fd, in->name);
}

void
inputs_set_links(struct inputs *s, struct metrics_links *links)
{
	struct input *in;

	s->waits.links = links;
	TAILQ_FOREACH (in, &s->all, all)
		if (in->fd != -1)
			begin_link(s, in);
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

static void
enter(struct inputs *s, struct turns *list, struct input *in, enum input_state state)
{
	TAILQ_INSERT_TAIL(list, in, turn);
	in->state = state;
	if (state == INPUT_ARMED)
		waits_arm(&s->waits, in->link);
}

static void
leave(struct inputs *s, struct turns *list, struct input *in)
{
	if (in->state == INPUT_ARMED)
		waits_disarm(&s->waits, in->link);
	TAILQ_REMOVE(list, in, turn);
	in->state = INPUT_IDLE;
}

/*
 * Which context ends the reading.  What a helper has given, and no mark of it
 * stands for, would come again although it is finished.
 */
static struct ctx *
ctx_of(const struct inputs *s, const struct input *in)
{
	return in->kind == INPUT_PIPE || in->unmarked ? s->pipes : s->files;
}

bool
inputs_must_stop(const struct inputs *s, const struct input *in)
{
	/*
	 * The context of the pipes ends that of the files, but a moment before
	 * that has ended, whoever waits for the pipes' is awake.
	 */
	return ctx_state(s->pipes) != CTX_LIVE || ctx_state(ctx_of(s, in)) != CTX_LIVE;
}

/*
 * Whether to read once although there may be nothing: poll(2) does not tell of
 * a FIFO that never had a writer, and after a stop nobody waits for one.
 */
static bool
has_to_be_asked(const struct inputs *s, const struct input *in)
{
	return s->stop != READS_ALL && in->path != NULL && !in->asked;
}

/* Waits for the input, unless it is ready anyway. */
static void
await(struct inputs *s, struct input *in)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = in};

	if (s->epoll == -1 ||
	    (in->watched && in->drained && !in->woken && !inputs_must_stop(s, in)))
		enter(s, &s->armed, in, INPUT_ARMED);
	else if (has_to_be_asked(s, in)) {
		in->asked = true;
		enter(s, &s->ready, in, INPUT_READY);
	} else if (!in->polled || inputs_must_stop(s, in) ||
	    epoll_ctl(s->epoll, EPOLL_CTL_MOD, in->fd, &e) == -1)
		enter(s, &s->ready, in, INPUT_READY);
	else
		enter(s, &s->armed, in, INPUT_ARMED);
}

/*
 * Whether the input has to wait until another one's line has ended, as too much
 * of unfinished lines is held.  Short ones don't have to.
 */
static bool
is_held(struct inputs *s, struct input *in)
{
	if (s->unfinished <= s->most_unfinished || in->unfinished <= s->chunk ||
	    inputs_must_stop(s, in))
		return false;
	if (s->longest == NULL)
		s->longest = in;
	return s->longest != in;
}

/*
 * The line that was read on alone has ended, or there is room again: others
 * that were held go on, or the first of them.
 */
static void
let_go(struct inputs *s)
{
	struct input *in, *next;

	s->longest = NULL;
	for (in = TAILQ_FIRST(&s->held); in != NULL; in = next) {
		next = TAILQ_NEXT(in, turn);
		if (is_held(s, in))
			continue;
		leave(s, &s->held, in);
		await(s, in);
	}
}

/* The input's unfinished line has so many bytes now. */
static void
count_unfinished(struct inputs *s, struct input *in, size_t bytes)
{
	bool ended = bytes < in->unfinished;

	s->unfinished += bytes - in->unfinished;
	in->unfinished = bytes;
	if (ended && s->longest != NULL &&
	    (s->longest == in || s->unfinished <= s->most_unfinished))
		let_go(s);
}

/* A thread that takes one leaves the other ready ones to those that wait. */
static void
wake_others(struct inputs *s)
{
	if (s->waits.waiting > 0 && !TAILQ_EMPTY(&s->ready))
		park_wake(&s->parker);
}

static void
arm(struct inputs *s, struct input *in)
{
	if (in->fd == -1 && s->open >= s->open_most)
		enter(s, &s->later, in, INPUT_LATER);
	else if (is_held(s, in))
		enter(s, &s->held, in, INPUT_HELD);
	else
		await(s, in);
}

void
inputs_arm(struct inputs *s, struct input *in)
{
	/* A slab is for those that are being read. */
	if (s->epoll != -1)
		reader_park(in->reader);
	pthread_mutex_lock(&s->lock);
	count_unfinished(s, in, reader_pending(in->reader));
	arm(s, in);
	wake_others(s);
	pthread_mutex_unlock(&s->lock);
}

void
inputs_line_ended(struct inputs *s, struct input *in)
{
	if (in->unfinished == 0)
		return;
	pthread_mutex_lock(&s->lock);
	count_unfinished(s, in, 0);
	wake_others(s);
	pthread_mutex_unlock(&s->lock);
}

/* Gives the input to the thread. */
static struct input *
take(struct inputs *s, struct turns *list, struct input *in)
{
	leave(s, list, in);
	in->woken = false;
	if (in->fd == -1 && input_reopen(in) == 0) {
		reader_set_fd(in->reader, in->fd);
		s->open++;
		begin_link(s, in);
	}
	return in;
}

/*
 * Those that wait are ready, so that their threads look again: they end those
 * that must not be read any more, and find out about a FIFO that has no writer.
 * From other pipes a read might not return.
 */
static void
stop_waiting(struct inputs *s, struct turns *list)
{
	struct input *in, *next;

	for (in = TAILQ_FIRST(list); in != NULL; in = next) {
		next = TAILQ_NEXT(in, turn);
		if (!inputs_must_stop(s, in) && (list != &s->armed || !has_to_be_asked(s, in)))
			continue;
		leave(s, list, in);
		await(s, in);
	}
}

/* One of those that are waited for has ended. */
static void
end_one(struct inputs *s)
{
	if (--s->left == 0 && s->epoll != -1)
		park_wake(&s->parker);
}

/* Once for each of the two contexts. */
static void
notice_stop(struct inputs *s)
{
	enum stop stop = ctx_state(s->pipes) != CTX_LIVE ? READS_NOTHING
	    : ctx_state(s->files) != CTX_LIVE            ? READS_PIPES
							 : READS_ALL;

	if (stop <= s->stop)
		return;
	if (s->stop == READS_ALL && s->watch.fd != -1)
		end_one(s);
	s->stop = stop;
	stop_waiting(s, &s->armed);
	stop_waiting(s, &s->held);
	stop_waiting(s, &s->later);
}

/*
 * Moves the inputs that epoll has found ready.  True: the watch is to be
 * handled by this thread.
 */
static bool
collect(struct inputs *s)
{
	struct epoll_event events[EVENTS];
	bool watch = false;
	int n = epoll_wait(s->epoll, events, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		struct input *in = events[i].data.ptr;

		if (in == NULL && s->left > 0)
			park_clear(&s->parker);
		else if (events[i].data.ptr == &s->watch)
			watch = true;
		else if (in != NULL && in->state == INPUT_ARMED) {
			leave(s, &s->armed, in);
			enter(s, &s->ready, in, INPUT_READY);
		}
	}
	notice_stop(s);
	return watch;
}

/* Until the watch is armed again no other thread handles it. */
static void
handle_watch(struct inputs *s)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = &s->watch};

	if (ctx_state(s->files) != CTX_LIVE)
		return;
	s->watch.handle(s->watch.arg);
	(void)epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->watch.fd, &e);
}

/* Waits for the only input. */
static struct input *
next_alone(struct inputs *s, int64_t deadline)
{
	struct input *in = TAILQ_FIRST(&s->armed);
	struct pollfd p;
	int n;

	if (in == NULL) {
		errno = 0;
		return NULL;
	}
	p = (struct pollfd){.fd = in->fd, .events = POLLIN};
	/* A file is ready. */
	if (in->kind != INPUT_FILE)
		waits_begin(&s->waits, worktime_now());
	n = ctx_poll(ctx_of(s, in), &p, 1, deadline);
	if (in->kind != INPUT_FILE) {
		int error = errno;

		waits_end(&s->waits, worktime_now());
		errno = error;
	}
	if (n > 0 || inputs_must_stop(s, in))
		return take(s, &s->armed, in);
	if (n == 0)
		errno = 0;
	return NULL;
}

/*
 * Takes an input that is ready.  If there is none, and the thread may wait, it
 * *waits from now on, until its next look.
 */
static struct input *
look(struct inputs *s, int64_t now, bool may_wait, bool *waits)
{
	struct input *in = NULL;

	pthread_mutex_lock(&s->lock);
	if (*waits)
		waits_end(&s->waits, worktime_at(now));
	if (collect(s)) {
		pthread_mutex_unlock(&s->lock);
		handle_watch(s);
		now = clock_now();
		pthread_mutex_lock(&s->lock);
	}
	if (!TAILQ_EMPTY(&s->ready))
		in = take(s, &s->ready, TAILQ_FIRST(&s->ready));
	*waits = may_wait && in == NULL && s->left > 0;
	if (*waits)
		waits_begin(&s->waits, worktime_at(now));
	wake_others(s);
	pthread_mutex_unlock(&s->lock);
	return in;
}

struct input *
inputs_next(struct inputs *s, struct ctx *ctx, int64_t deadline)
{
	struct pollfd p = {.fd = s->epoll, .events = POLLIN};
	bool waits = false, may_wait;
	struct input *in;
	int64_t now;
	int error = 0;

	if (s->epoll == -1)
		return next_alone(s, deadline);
	for (;;) {
		now = clock_now();
		may_wait = error == 0 && ctx_state(ctx) == CTX_LIVE && now < deadline;
		if ((in = look(s, now, may_wait, &waits)) != NULL)
			return in;
		errno = error;
		if (!waits)
			return NULL;
		if (ctx_poll(ctx, &p, 1, deadline) == -1)
			error = errno;
	}
}

ssize_t
inputs_fill(struct inputs *s, struct input *in)
{
	return in->watched ? s->watch.fill(s->watch.arg, in) : reader_fill(in->reader);
}

void
inputs_wake(struct inputs *s, struct input *in)
{
	pthread_mutex_lock(&s->lock);
	if (in->state == INPUT_ARMED) {
		leave(s, &s->armed, in);
		enter(s, &s->ready, in, INPUT_READY);
	} else
		in->woken = true;
	pthread_mutex_unlock(&s->lock);
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
			begin_link(s, in);
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
	count_unfinished(s, in, 0);
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
	count_unfinished(s, in, 0);
	if (in->polled)
		(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, in->fd, NULL);
	if (in->fd != -1)
		s->open--;
	/* What a pipe still holds is looked at in the end. */
	if (!in->stopped || in->kind != INPUT_PIPE)
		input_close(in);
	end_one(s);
	if ((later = TAILQ_FIRST(&s->later)) != NULL) {
		leave(s, &s->later, later);
		arm(s, later);
	}
	wake_others(s);
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

uint64_t
inputs_unread(const struct inputs *s)
{
	const struct input *in;
	uint64_t unread = 0;
	int left;

	TAILQ_FOREACH (in, &s->all, all)
		if (in->stopped && !in->marked && in->fd != -1 && in->kind == INPUT_PIPE &&
		    ioctl(in->fd, FIONREAD, &left) == 0 && left > 0)
			unread += (uint64_t)left;
	return unread;
}
