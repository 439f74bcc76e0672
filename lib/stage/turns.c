#include "stage/turns.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "metrics/link.h"
#include "metrics/worktime.h"

#define EVENTS 64

void
turns_begin_link(struct inputs *s, struct input *in)
{
	if (s->waits.links == NULL)
		return;
	in->link = in->kind == INPUT_HELPER ? link_open_engine(s->waits.links, LINK_IN, in->name)
					    : link_open(s->waits.links, LINK_IN, in->fd, in->name);
}

static void
enter(struct inputs *s, struct turns *list, struct input *in, enum input_state state)
{
	TAILQ_INSERT_TAIL(list, in, turn);
	in->state = state;
	if (state == INPUT_ARMED)
		waits_arm(&s->waits, in->link);
}

void
turns_leave(struct inputs *s, struct turns *list, struct input *in)
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
		turns_leave(s, &s->held, in);
		await(s, in);
	}
}

void
turns_count_unfinished(struct inputs *s, struct input *in, size_t bytes)
{
	bool ended = bytes < in->unfinished;

	s->unfinished += bytes - in->unfinished;
	in->unfinished = bytes;
	if (ended && s->longest != NULL &&
	    (s->longest == in || s->unfinished <= s->most_unfinished))
		let_go(s);
}

void
turns_wake_others(struct inputs *s)
{
	if (s->waits.waiting > 0 && !TAILQ_EMPTY(&s->ready))
		park_wake(&s->parker);
}

void
turns_arm(struct inputs *s, struct input *in)
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
	turns_count_unfinished(s, in, reader_pending(in->reader));
	turns_arm(s, in);
	turns_wake_others(s);
	pthread_mutex_unlock(&s->lock);
}

void
inputs_line_ended(struct inputs *s, struct input *in)
{
	if (in->unfinished == 0)
		return;
	pthread_mutex_lock(&s->lock);
	turns_count_unfinished(s, in, 0);
	turns_wake_others(s);
	pthread_mutex_unlock(&s->lock);
}

/* Gives the input to the thread. */
static struct input *
take(struct inputs *s, struct turns *list, struct input *in)
{
	turns_leave(s, list, in);
	in->woken = false;
	if (in->fd == -1 && input_reopen(in) == 0) {
		reader_set_fd(in->reader, in->fd);
		s->open++;
		turns_begin_link(s, in);
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
		turns_leave(s, list, in);
		await(s, in);
	}
}

void
turns_end_one(struct inputs *s)
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
		turns_end_one(s);
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
			turns_leave(s, &s->armed, in);
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
	turns_wake_others(s);
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
		turns_leave(s, &s->armed, in);
		enter(s, &s->ready, in, INPUT_READY);
	} else
		in->woken = true;
	pthread_mutex_unlock(&s->lock);
}
