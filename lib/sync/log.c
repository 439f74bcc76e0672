#include "sync/log.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/utf8.h"

#define FULL (256 * 1024)         /* bytes, and writers should wait */
#define LIMIT (FULL + 256 * 1024) /* for the text of those that can't */
#define SIZE (LIMIT + 16 * 1024)  /* and for messages */
#define HELD_MAX (64 * 1024)      /* bytes of an unfinished line */
#define PATIENCE CLOCK_S          /* with a reader that does not read */
#define COLUMNS 80                /* of a terminal that does not say */

#define ERASE "\r\033[K"

static struct {
	pthread_mutex_t lock; /* guards all of it */
	pthread_cond_t work;  /* there is something to write, or to end */
	pthread_cond_t end;   /* the thread ends */
	pthread_t thread;
	enum {
		DIRECT, /* there is no thread */
		RUNNING,
		STOPPING, /* ends when everything is written */
		ENDED,    /* not joined yet */
	} state;
	bool hold; /* set by log_start() */
	bool idle; /* the thread waits for work */

	/* What is to be written: a ring. */
	char data[SIZE];
	size_t start, used;

	/* Its last line is unfinished; whose line that is, or NULL. */
	bool open;
	const struct log_writer *owner;

	int64_t moved; /* when a write last began, or the first text came */
	bool dropping; /* until half of it is written */
	uint64_t dropped;

	char progress[512]; /* the line to show, "" for none */
	bool redraw;        /* it is not on the screen as it should be */
	bool drawn;         /* one is on the screen */
} text = {.lock = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .end = PTHREAD_COND_INITIALIZER};

/* Blocks until the thread ends; false: the time is over. */
static bool
wait_for_end(int64_t until)
{
	struct timespec ts = {until / CLOCK_S, until % CLOCK_S};

	if (until == CLOCK_NEVER)
		return pthread_cond_wait(&text.end, &text.lock) == 0;
	return pthread_cond_clockwait(&text.end, &text.lock, CLOCK_MONOTONIC, &ts) != ETIMEDOUT;
}

static void
wake_thread(void)
{
	if (text.idle)
		pthread_cond_signal(&text.work);
}

static bool
is_direct(void)
{
	return text.state == DIRECT || text.state == ENDED;
}

static void
append(const char *data, size_t len)
{
	size_t end = (text.start + text.used) % SIZE, first = len < SIZE - end ? len : SIZE - end;

	if (len == 0)
		return;
	if (is_direct()) {
		(void)io_write_all(STDERR_FILENO, data, len);
		return;
	}
	if (text.used == 0)
		text.moved = clock_now();
	memcpy(text.data + end, data, first);
	memcpy(text.data, data + first, len - first);
	text.used += len;
}

/* Appends what a writer has, or a message, whose writer is NULL. */
static void
append_text(const struct log_writer *w, const struct iovec part[2])
{
	const struct iovec *last = &part[part[1].iov_len > 0];

	if (text.open && (w == NULL || text.owner != w))
		append("\n", 1);
	append(part[0].iov_base, part[0].iov_len);
	append(part[1].iov_base, part[1].iov_len);
	text.open = ((const char *)last->iov_base)[last->iov_len - 1] != '\n';
	text.owner = w;
	wake_thread();
}

/* A message has room of its own. */
static bool
has_room(const struct log_writer *w, size_t len)
{
	if (is_direct())
		return true;
	if (w == NULL)
		return text.used + len <= SIZE;
	return !text.dropping && text.used + len <= LIMIT;
}

/* Takes two parts, the second of which may be empty, all or nothing. */
static void
put(const struct log_writer *w, const struct iovec part[2])
{
	size_t len = part[0].iov_len + part[1].iov_len;

	if (len == 0)
		return;
	pthread_mutex_lock(&text.lock);
	if (has_room(w, len + 1)) /* the LF of an unfinished line */
		append_text(w, part);
	else {
		text.dropped += len;
		/* What follows does not continue the line. */
		if (text.owner == w)
			text.owner = NULL;
	}
	pthread_mutex_unlock(&text.lock);
}

/* Says what was dropped, if anything, now that there is room. */
static void
admit_drops(void)
{
	char line[256];
	int n;

	if (text.dropped == 0)
		return;
	n = snprintf(line, sizeof(line),
	    "%.100s: %ju bytes of standard error were dropped, as nobody read it: send it to a "
	    "file (2> FILE)\n",
	    program_invocation_short_name, (uintmax_t)text.dropped);

	text.dropped = 0;
	append_text(NULL, (struct iovec[2]){{line, (size_t)n}, {NULL, 0}});
}

/*
 * Copies what is to be written next: up to PIPE_BUF bytes, so that other
 * processes can't write in between, and whole lines if there is one.
 */
static size_t
next_piece(char piece[PIPE_BUF])
{
	size_t n = text.used < PIPE_BUF ? text.used : PIPE_BUF,
	       first = n < SIZE - text.start ? n : SIZE - text.start;
	const char *lf;

	memcpy(piece, text.data + text.start, first);
	memcpy(piece + first, text.data, n - first);
	if (text.used > PIPE_BUF && (lf = memrchr(piece, '\n', n)) != NULL)
		n = (size_t)(lf + 1 - piece);
	return n;
}

/* A process in the background must leave the terminal's last line alone. */
static bool
in_foreground(void)
{
	pid_t group = tcgetpgrp(STDERR_FILENO);

	return group == -1 || group == getpgrp();
}

static size_t
columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
									       : COLUMNS;
}

static void
write_unlocked(const char *data, size_t len)
{
	pthread_mutex_unlock(&text.lock);
	(void)io_write_all(STDERR_FILENO, data, len); /* nobody to tell */
	pthread_mutex_lock(&text.lock);
}

static void
write_text(void)
{
	char piece[PIPE_BUF];
	size_t n = next_piece(piece);

	if (text.drawn && in_foreground())
		write_unlocked(ERASE, strlen(ERASE));
	text.redraw = text.redraw || text.drawn;
	text.drawn = false;
	text.moved = clock_now();
	write_unlocked(piece, n);
	text.start = (text.start + n) % SIZE;
	text.used -= n;
	if (text.used <= FULL / 2) {
		text.dropping = false;
		admit_drops();
	}
}

/* The last column stays free: a full line would move the cursor on. */
static void
write_progress(void)
{
	char line[sizeof(text.progress) + 16];
	int n;

	text.redraw = false;
	if (!in_foreground() || (*text.progress == '\0' && !text.drawn))
		return;
	n = snprintf(line, sizeof(line), "%s" ERASE "%.*s", text.open ? "\n" : "",
	    (int)utf8_fit(text.progress, strlen(text.progress), columns() - 1), text.progress);
	text.open = false;
	text.drawn = *text.progress != '\0';
	write_unlocked(line, (size_t)n);
}

static void *
log_main(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&text.lock);
	for (;;) {
		if (text.used > 0)
			write_text();
		else if (text.redraw)
			write_progress();
		else if (text.state == STOPPING)
			break;
		else {
			text.idle = true;
			pthread_cond_wait(&text.work, &text.lock);
			text.idle = false;
		}
	}
	text.state = ENDED;
	pthread_cond_broadcast(&text.end);
	pthread_mutex_unlock(&text.lock);
	return NULL;
}

int
log_start(bool hold)
{
	int error;

	text.hold = hold;
	text.state = RUNNING;
	if ((error = pthread_create(&text.thread, NULL, log_main, NULL)) == 0)
		return 0;
	text.state = DIRECT;
	errno = error;
	return -1;
}

bool
log_stop(int64_t until)
{
	bool ended;

	pthread_mutex_lock(&text.lock);
	if (text.state == RUNNING)
		text.state = STOPPING;
	wake_thread();
	while (text.state == STOPPING && wait_for_end(until))
		continue;
	if (text.state == ENDED) {
		pthread_join(text.thread, NULL);
		text.state = DIRECT;
	}
	ended = text.state == DIRECT;
	pthread_mutex_unlock(&text.lock);
	return ended;
}

void
log_say(const char *line)
{
	struct iovec part[2] = {{(void *)(uintptr_t)line, strlen(line)}, {(char[]){'\n'}, 1}};

	put(NULL, part);
}

/* Keeps the start of an unfinished line.  False: it is to be passed on. */
static bool
hold_back(struct log_writer *w, const char *data, size_t len)
{
	char *held;

	if (!text.hold || w->len + len > HELD_MAX ||
	    (held = realloc(w->held, w->len + len)) == NULL)
		return false;
	memcpy(held + w->len, data, len);
	w->held = held;
	w->len += len;
	return true;
}

/* Passes on what was held back and these bytes. */
static void
pass_on(struct log_writer *w, const char *data, size_t len)
{
	put(w, (struct iovec[2]){{w->held, w->len}, {(void *)(uintptr_t)data, len}});
	w->len = 0;
}

void
log_pass(struct log_writer *w, const char *data, size_t len)
{
	const char *lf = memrchr(data, '\n', len);
	size_t whole = lf != NULL ? (size_t)(lf + 1 - data) : 0;

	if (whole > 0)
		pass_on(w, data, whole);
	if (whole < len && !hold_back(w, data + whole, len - whole))
		pass_on(w, data + whole, len - whole);
}

bool
log_is_full(void)
{
	bool full;

	pthread_mutex_lock(&text.lock);
	full = !is_direct() && !text.dropping && text.used > FULL;
	if (full && clock_now() - text.moved >= PATIENCE) {
		text.dropping = true;
		full = false;
	}
	pthread_mutex_unlock(&text.lock);
	return full;
}

void
log_leave(struct log_writer *w)
{
	pass_on(w, NULL, 0);
	free(w->held);
	w->held = NULL;
	pthread_mutex_lock(&text.lock);
	if (text.owner == w)
		text.owner = NULL;
	pthread_mutex_unlock(&text.lock);
}

void
log_progress(const char *line)
{
	pthread_mutex_lock(&text.lock);
	snprintf(text.progress, sizeof(text.progress), "%s", line);
	utf8_tame(text.progress, strlen(text.progress), "");
	text.redraw = true;
	wake_thread();
	pthread_mutex_unlock(&text.lock);
}
