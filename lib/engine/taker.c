#include "engine/taker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/units.h"
#include "engine/control.h"
#include "engine/helper.h"
#include "engine/outgoing.h"
#include "json/text.h"
#include "record/reader.h"
#include "record/record.h"

#define SLOTS_MIN 64
#define MORE 8           /* descriptors of the caller, at most */
#define ANSWER_SIZE 1024 /* bytes of its message, with a NUL */
#define STATS_EVERY CLOCK_S
#define WAITING_MOST ((size_t)1 << 20) /* bytes of answers that nobody reads */

/* A record, and its answer: NULL until there is one; "": it is durable. */
struct slot {
	struct record record;
	char *answer;
};

/* A number for metrics. */
struct stat_line {
	const char *name;
	uint64_t value, told;
};

struct taker {
	struct reader *reader;
	struct slot *slot; /* a ring of a power of two */
	size_t room;
	uint64_t first, next; /* those that are in the ring */
	uint64_t owed;        /* of them, without an answer */
	size_t bytes;         /* of their records */
	bool dry;             /* no whole line is there: it is to be read */
	bool in_ended, gone, holds;
	struct outgoing out;
	const char *key; /* NULL: nobody wants numbers */
	int64_t next_stats;
	struct stat_line stat[TAKER_STATS];
};

static char durable[] = "";

static void
set_nonblocking(int fd)
{
	if (io_is_pipe(fd))
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

struct taker *
taker_new(void)
{
	struct reader_limits limits = {.max = READER_NO_LIMIT};
	struct taker *t = calloc(1, sizeof(*t));

	if (t == NULL || (t->reader = reader_new(STDIN_FILENO, &limits)) == NULL ||
	    (t->slot = calloc(SLOTS_MIN, sizeof(*t->slot))) == NULL)
		helper_fail("out of memory");
	t->room = SLOTS_MIN;
	t->dry = true;
	t->key = getenv(CONTROL_VARIABLE);
	set_nonblocking(STDIN_FILENO);
	set_nonblocking(STDOUT_FILENO);
	return t;
}

static struct slot *
slot_of(const struct taker *t, uint64_t n)
{
	return &t->slot[n & (t->room - 1)];
}

/* The oldest record leaves. */
static void
drop_first(struct taker *t)
{
	struct slot *s = slot_of(t, t->first++);

	t->bytes -= s->record.len;
	record_free(&s->record);
	if (s->answer != durable)
		free(s->answer);
	s->answer = NULL;
}

void
taker_free(struct taker *t)
{
	if (t == NULL)
		return;
	while (t->first < t->next)
		drop_first(t);
	reader_free(t->reader);
	text_free(&t->out.text);
	free(t->slot);
	free(t);
}

static void
make_room(struct taker *t)
{
	struct slot *old = t->slot, *slot;
	size_t room = 2 * t->room;

	if (t->next - t->first < t->room)
		return;
	if ((slot = calloc(room, sizeof(*slot))) == NULL)
		helper_fail("out of memory");
	for (uint64_t n = t->first; n < t->next; n++)
		slot[n & (room - 1)] = old[n & (t->room - 1)];
	t->slot = slot;
	t->room = room;
	free(old);
}

/* Whether answers must come before more records. */
static bool
is_full(const struct taker *t)
{
	return t->holds || t->next - t->first >= TAKER_OWED ||
	    outgoing_waits(&t->out) >= WAITING_MOST ||
	    (t->first < t->next && t->bytes >= TAKER_BYTES);
}

/* A record that has been read. */
static bool
read_record(struct taker *t, struct record *r)
{
	if (reader_line(t->reader, r))
		return true;
	t->dry = true;
	return t->in_ended && reader_rest(t->reader, r);
}

bool
taker_next(struct taker *t, struct taker_record *taken)
{
	struct record r;

	if (is_full(t) || !read_record(t, &r))
		return false;
	make_room(t);
	*slot_of(t, t->next) = (struct slot){.record = r};
	t->bytes += r.len;
	t->owed++;
	*taken = (struct taker_record){r.data, r.len, t->next++};
	return true;
}

static void
answer(struct taker *t, uint64_t n, char *line)
{
	if (line == NULL)
		helper_fail("out of memory");
	slot_of(t, n)->answer = line;
	t->owed--;
}

void
taker_done(struct taker *t, uint64_t n)
{
	answer(t, n, durable);
}

/* Whether the message begins with what pfanout would take for a duration. */
static bool
begins_with_duration(const char *message)
{
	char word[UNITS_TEXT_SIZE * 4];
	size_t len = strcspn(message, " ");
	const char *why;
	int64_t ns;

	snprintf(word, sizeof(word), "%.*s", (int)len, message);
	return len < sizeof(word) && units_duration(word, &ns, &why) == 0;
}

/* "?", "?5s " or "!", and the message, one line. */
static char *__attribute__((format(printf, 2, 0)))
format_answer(const char *head, const char *fmt, va_list ap)
{
	char message[ANSWER_SIZE], *line;

	vsnprintf(message, sizeof(message), fmt, ap);
	for (char *p = message; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	if (strcmp(head, "?") == 0 && begins_with_duration(message))
		head = "?0 ";
	return asprintf(&line, "%s%s", head, message) != -1 ? line : NULL;
}

void
taker_again(struct taker *t, uint64_t n, int64_t wait, const char *fmt, ...)
{
	char head[UNITS_TEXT_SIZE + 3] = "?", text[UNITS_TEXT_SIZE];
	va_list ap;

	if (wait > 0) {
		units_format_duration(wait, text);
		snprintf(head, sizeof(head), "?%s ", text);
	}
	va_start(ap, fmt);
	answer(t, n, format_answer(head, fmt, ap));
	va_end(ap);
}

void
taker_reject(struct taker *t, uint64_t n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	answer(t, n, format_answer("!", fmt, ap));
	va_end(ap);
}

void
taker_hold(struct taker *t, bool holds)
{
	t->holds = holds;
}

uint64_t
taker_owed(const struct taker *t)
{
	return t->owed;
}

void
taker_stat(struct taker *t, const char *name, uint64_t value)
{
	struct stat_line *s = t->stat;

	while (s->name != NULL && s->name != name && strcmp(s->name, name) != 0)
		s++;
	if (s->name == NULL)
		s->told = UINT64_MAX;
	s->name = name;
	s->value = value;
}

static bool
has_news(const struct taker *t)
{
	for (const struct stat_line *s = t->stat; s < t->stat + TAKER_STATS; s++)
		if (s->name != NULL && s->value != s->told)
			return true;
	return false;
}

/* Tells numbers that are new, if that is due; else returns when it is. */
static int
tell_stats(struct taker *t, int timeout)
{
	int64_t now;
	int left;

	taker_stat(t, "unacknowledged", t->owed);
	if (t->key == NULL || !has_news(t))
		return timeout;
	now = clock_now();
	if (now < t->next_stats) {
		left = (int)((t->next_stats - now) / CLOCK_MS) + 1;
		return timeout < 0 || timeout > left ? left : timeout;
	}
	t->next_stats = now + STATS_EVERY;
	for (struct stat_line *s = t->stat; s < t->stat + TAKER_STATS; s++)
		if (s->name != NULL && s->value != s->told) {
			control_stat(&t->out.text, t->key, s->name, &s->value, NULL);
			TEXT_LITERAL(&t->out.text, "\n");
			s->told = s->value;
		}
	if (t->out.text.failed)
		helper_fail("out of memory");
	return timeout;
}

/* Answers go in the order of their records. */
static void
collect_answers(struct taker *t)
{
	for (; t->first < t->next && slot_of(t, t->first)->answer != NULL; drop_first(t)) {
		text_raw(&t->out.text, slot_of(t, t->first)->answer);
		TEXT_LITERAL(&t->out.text, "\n");
	}
	if (t->out.text.failed)
		helper_fail("out of memory");
}

static void
read_in(struct taker *t)
{
	ssize_t n = reader_fill(t->reader);

	if (n > 0)
		t->dry = false;
	else if (n == -1 && errno == ENOMEM)
		helper_fail("out of memory");
	else if (n == 0 || errno != EAGAIN) {
		t->in_ended = true;
		t->dry = false; /* there may be a last line without an LF */
	}
}

bool
taker_has_all(const struct taker *t)
{
	return t->in_ended && t->dry;
}

enum taker_state
taker_step(struct taker *t, struct pollfd *more, size_t n, int timeout)
{
	struct pollfd fds[2 + MORE];
	bool reads;

	collect_answers(t);
	timeout = tell_stats(t, timeout);
	if (!outgoing_write(&t->out))
		t->gone = true;
	reads = t->dry && !t->in_ended && !is_full(t);
	fds[0] = (struct pollfd){.fd = reads ? STDIN_FILENO : -1, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = t->gone ? -1 : STDOUT_FILENO,
	    .events = outgoing_waits(&t->out) > 0 ? POLLOUT : 0};
	for (size_t i = 0; i < n; i++) {
		fds[2 + i] = more[i];
		more[i].revents = 0;
	}
	if (taker_has_all(t) && t->first == t->next && outgoing_waits(&t->out) == 0)
		return TAKER_ENDS;
	if ((!t->dry && !is_full(t)) || t->gone)
		timeout = 0;
	if (poll(fds, 2 + n, timeout) == -1)
		return TAKER_GOES_ON; /* a signal */
	for (size_t i = 0; i < n; i++)
		more[i] = fds[2 + i];
	if (fds[0].revents != 0)
		read_in(t);
	/* A pipe says POLLERR, a socket and a terminal say POLLHUP. */
	if ((fds[1].revents & (POLLERR | POLLHUP)) != 0)
		t->gone = true;
	return t->gone ? TAKER_STOPS : TAKER_GOES_ON;
}
