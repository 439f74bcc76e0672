#include "stage/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/credit.h"
#include "base/signame.h"
#include "base/units.h"
#include "engine/helper.h"
#include "engine/url.h"
#include "proc/child.h"
#include "stage/stage.h"
#include "sync/park.h"

#define LINE_SIZE 256
#define FIRST_ANSWER CLOCK_S   /* is waited for */
#define LOOK CLOCK_S           /* between two answers */
#define AGAIN (500 * CLOCK_MS) /* a caller need not be woken */
#define LIVED (10 * CLOCK_S)   /* a helper that dies later was well */

enum { FD_OUT, FD_ERR, FD_EXIT, FD_PARKER, FDS };

struct remote {
	const char *url;
	char *path; /* of the helper */
	bool bytes;
	struct waitlist *news;
	void (*say)(const char *line);
	struct stage *stage;
	struct parker parker;
	pthread_t thread;
	bool started;

	/* The thread's; until it is started, the main thread's. */
	char why[REMOTE_WHY_SIZE]; /* what is wrong; "": nothing */
	int64_t start_at;          /* the helper's; CLOCK_NEVER: it runs */
	int64_t began;             /* when it was started last */
	unsigned failures;         /* of helpers, in succession */
	size_t len;
	char line[LINE_SIZE];

	pthread_mutex_t lock; /* guards the rest; the thread writes child */
	struct child child;
	struct rate rate;
	unsigned generation;
	struct rate known; /* what is known to be in force at the server */
	struct credit credit;
	uint64_t wanted;  /* by somebody; more than is left, */
	int64_t since;    /* since then */
	bool asked;       /* there will be an answer, */
	uint64_t amount;  /* about so much, */
	int64_t asked_at; /* since then */
	int64_t heard;    /* the last answer; 0: none came */
	bool ending;
};

/* To the helper, with the lock.  Its pipe has room: it owes one answer. */
static void __attribute__((format(printf, 2, 3))) tell(struct remote *r, const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (r->child.in != -1)
		(void)!write(r->child.in, line, (size_t)n);
}

static void
tell_rate(struct remote *r, const struct rate *rate)
{
	tell(r, "rate %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", rate->amount, rate->per,
	    rate->burst, r->bytes ? "bytes" : "records");
}

/* Asks for what is wanted, or only looks.  With the lock. */
static void
ask(struct remote *r, int64_t now)
{
	if (r->asked || r->child.in == -1)
		return;
	r->amount = r->wanted > 0 ? credit_ask(&r->credit, &r->rate, r->wanted, r->since) : 0;
	r->asked = true;
	r->asked_at = now;
	tell(r, "take %" PRIu64 "\n", r->amount);
}

/* With the lock. */
static void
change(struct remote *r, const struct rate *to)
{
	credit_rescale(&r->credit, &r->rate, to, clock_now());
	r->rate = *to;
	r->generation++;
}

/* The answer: what is missing in the bucket. */
static void
come(struct remote *r, double debt)
{
	int64_t now = clock_now();
	double ns;

	pthread_mutex_lock(&r->lock);
	r->heard = now;
	r->asked = false;
	if (r->amount > 0) {
		ns = debt * (double)r->rate.per / (double)r->rate.amount;
		credit_come(&r->credit, r->amount, now,
		    now + (ns < (double)BUCKET_LONGEST ? (int64_t)ns : BUCKET_LONGEST));
		r->wanted = 0;
	} else if (r->wanted > 0)
		ask(r, now);
	pthread_mutex_unlock(&r->lock);
	waitlist_wake(r->news, SIZE_MAX);
}

static bool
is_same(const struct rate *a, const struct rate *b)
{
	return a->amount == b->amount && a->per == b->per && a->burst == b->burst;
}

/* The rate that the server has: another machine or we have changed it. */
static void
adopt(struct remote *r, const struct rate *to, bool bytes)
{
	char text[UNITS_RATE_SIZE];

	if ((r->heard == 0 && !is_same(&r->rate, to)) || bytes != r->bytes) {
		units_format_rate(to->amount, to->per, bytes, text);
		snprintf(r->why, sizeof(r->why),
		    "%s: its bucket is for %s and a burst of %" PRIu64
		    "%s: use these, or name another key",
		    r->url, text, to->burst, bytes ? " with --bytes" : "");
		return;
	}
	pthread_mutex_lock(&r->lock);
	r->known = *to;
	if (!is_same(&r->rate, to))
		change(r, to);
	pthread_mutex_unlock(&r->lock);
	waitlist_wake(r->news, SIZE_MAX);
}

/* Lines that we don't know are of a later version. */
static void
take_line(struct remote *r, const char *line)
{
	struct rate rate;
	char unit[8];
	double debt;

	if (sscanf(line, "debt %lf", &debt) == 1 && debt >= 0)
		come(r, debt);
	else if (sscanf(line, "rate %" SCNu64 " %" SCNu64 " %" SCNu64 " %7s", &rate.amount,
		     &rate.per, &rate.burst, unit) == 4 &&
	    rate.amount > 0 && rate.per > 0 && rate.burst > 0)
		adopt(r, &rate, strcmp(unit, "bytes") == 0);
}

static void
read_lines(struct remote *r)
{
	char *line, *end, *lf;
	ssize_t n;

	while (r->child.out != -1 &&
	    (n = read(r->child.out, r->line + r->len, sizeof(r->line) - r->len)) > 0) {
		end = r->line + r->len + n;
		for (line = r->line; (lf = memchr(line, '\n', (size_t)(end - line))) != NULL;
		     line = lf + 1) {
			*lf = '\0';
			take_line(r, line);
		}
		r->len = (size_t)(end - line);
		memmove(r->line, line, r->len);
		if (r->len == sizeof(r->line))
			r->len = 0; /* no line of ours is so long */
	}
}

/*
 * The helper is started again, sooner or later.  The first time in succession
 * that is told.
 */
static void __attribute__((format(printf, 3, 4)))
fail(struct remote *r, int64_t now, const char *fmt, ...)
{
	char line[REMOTE_WHY_SIZE];
	va_list ap;
	int n;

	r->start_at = now + helper_back_off(++r->failures);
	if (r->failures > 1)
		return;
	n = snprintf(line, sizeof(line) / 2, "%s: ", r->url);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	r->say(line);
}

/* Starts the helper, or tries again later. */
static void
start_helper(struct remote *r)
{
	char *argv[] = {r->path, (char *)(uintptr_t)r->url, NULL};
	int64_t now = clock_now();

	r->len = 0;
	r->began = now;
	r->start_at = CLOCK_NEVER;
	pthread_mutex_lock(&r->lock);
	r->asked = false;
	if (child_spawn(&r->child, r->path, argv, NULL) == 0) {
		tell_rate(r, &r->known);
		if (!is_same(&r->known, &r->rate))
			tell_rate(r, &r->rate);
		ask(r, now);
	} else
		fail(r, now, "%s: %s; trying again", r->path, strerror(errno));
	pthread_mutex_unlock(&r->lock);
}

/* The helper has ended.  Where it has refused, that is the end for us, too. */
static void
end_helper(struct remote *r)
{
	int64_t now = clock_now();
	char name[SIGNAME_SIZE];
	int status;

	read_lines(r);
	pthread_mutex_lock(&r->lock);
	child_reap(&r->child);
	child_close(&r->child);
	status = r->child.status;
	pthread_mutex_unlock(&r->lock);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		snprintf(r->why, sizeof(r->why), "%s: its helper has ended with status 2", r->url);
		return;
	}
	if (now - r->began > LIVED)
		r->failures = 0;
	if (WIFSIGNALED(status)) {
		signame(WTERMSIG(status), name);
		fail(r, now, "its helper was killed by %s; it is started again", name);
	} else
		fail(r, now, "its helper has ended with status %d; it is started again",
		    WEXITSTATUS(status));
}

/* When there is something to do, whatever comes. */
static int64_t
next_time(struct remote *r)
{
	int64_t pause = child_log_pause(&r->child), until = r->start_at;

	if (pause > 0)
		until = clock_earlier(until, clock_now() + pause);
	pthread_mutex_lock(&r->lock);
	if (!r->asked && r->child.in != -1)
		until = clock_earlier(until, r->heard + LOOK);
	pthread_mutex_unlock(&r->lock);
	return until;
}

static void
look(struct remote *r)
{
	int64_t now = clock_now();

	pthread_mutex_lock(&r->lock);
	if (now >= r->heard + LOOK)
		ask(r, now);
	pthread_mutex_unlock(&r->lock);
}

/* Waits for the helper, until that time at most, and does what there is. */
static void
step(struct remote *r, int64_t until)
{
	bool paused = child_log_pause(&r->child) > 0;
	struct pollfd fds[FDS] = {
	    [FD_OUT] = {.fd = r->child.out, .events = POLLIN},
	    [FD_ERR] = {.fd = paused ? -1 : r->child.err, .events = POLLIN},
	    [FD_EXIT] = {.fd = r->child.pidfd, .events = POLLIN},
	    [FD_PARKER] = {.fd = r->parker.fd, .events = POLLIN},
	};
	struct timespec left;

	(void)ppoll(fds, FDS, clock_left(clock_earlier(until, next_time(r)), &left), NULL);
	park_clear(&r->parker);
	if (fds[FD_OUT].revents != 0)
		read_lines(r);
	if (paused || fds[FD_ERR].revents != 0)
		(void)child_read_log(&r->child);
	if (fds[FD_EXIT].revents != 0)
		end_helper(r);
	if (clock_now() >= r->start_at)
		start_helper(r);
	look(r);
}

/* What is wrong with the URL, without showing a password. */
static bool
check_url(const char *text, char why[REMOTE_WHY_SIZE])
{
	char part[URL_WHY_SIZE];
	struct url url;

	if (url_parse(&url, text, part) == 0) {
		url_free(&url);
		return true;
	}
	snprintf(why, REMOTE_WHY_SIZE, "--shared URL: %s", part);
	return false;
}

struct remote *
remote_new(const char *url, const struct rate *rate, bool bytes, struct waitlist *news,
    void (*say)(const char *), char why[REMOTE_WHY_SIZE])
{
	int64_t until = clock_now() + FIRST_ANSWER;
	struct remote *r;

	if (!check_url(url, why))
		return NULL;
	if ((r = calloc(1, sizeof(*r))) == NULL || park_init_fd(&r->parker) == -1) {
		snprintf(why, REMOTE_WHY_SIZE, "%s: %s", url, strerror(errno));
		free(r);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	child_init(&r->child);
	r->url = url;
	r->bytes = bytes;
	r->news = news;
	r->say = say;
	r->rate = r->known = *rate;
	r->generation = 1;
	if ((r->path = helper_find("rate", url, why)) == NULL) {
		remote_free(r);
		return NULL;
	}
	start_helper(r);
	while (r->heard == 0 && *r->why == '\0' && clock_now() < until)
		step(r, until);
	if (*r->why == '\0')
		return r;
	snprintf(why, REMOTE_WHY_SIZE, "%s", r->why);
	remote_free(r);
	return NULL;
}

static bool
is_ending(struct remote *r)
{
	bool ending;

	pthread_mutex_lock(&r->lock);
	ending = r->ending;
	pthread_mutex_unlock(&r->lock);
	return ending;
}

static void *
remote_main(void *arg)
{
	struct remote *r = arg;

	while (*r->why == '\0' && !is_ending(r))
		step(r, CLOCK_NEVER);
	if (*r->why != '\0')
		stage_abort(r->stage, 2, "%s", r->why);
	return NULL;
}

int
remote_start(struct remote *r, struct stage *st)
{
	int error;

	r->stage = st;
	if ((error = pthread_create(&r->thread, NULL, remote_main, r)) == 0) {
		r->started = true;
		return 0;
	}
	errno = error;
	return -1;
}

void
remote_free(struct remote *r)
{
	if (r == NULL)
		return;
	if (r->started) {
		pthread_mutex_lock(&r->lock);
		r->ending = true;
		pthread_mutex_unlock(&r->lock);
		park_wake(&r->parker);
		pthread_join(r->thread, NULL);
	}
	child_stop(&r->child);
	child_close(&r->child);
	park_close(&r->parker);
	pthread_mutex_destroy(&r->lock);
	free(r->path);
	free(r);
}

unsigned
remote_rate(struct remote *r, struct rate *rate)
{
	unsigned generation;

	pthread_mutex_lock(&r->lock);
	*rate = r->rate;
	generation = r->generation;
	pthread_mutex_unlock(&r->lock);
	return generation;
}

void
remote_change(struct remote *r, const struct rate *to)
{
	pthread_mutex_lock(&r->lock);
	change(r, to);
	tell_rate(r, to);
	pthread_mutex_unlock(&r->lock);
}

/* When to ask again, at the latest.  With the lock. */
static int64_t
ask_again(const struct remote *r, int64_t now)
{
	bool away = r->child.in == -1 || (r->asked && now - r->asked_at > LOOK);

	return away ? CLOCK_NEVER : now + AGAIN;
}

enum booking
remote_book(struct remote *r, unsigned generation, int64_t came, uint64_t amount, int64_t latest,
    int64_t *due)
{
	enum booking booking = BOOKED;
	int64_t now;

	pthread_mutex_lock(&r->lock);
	if (generation != r->generation)
		booking = BOOKING_OTHER_RATE;
	else if (!credit_due(&r->credit, &r->rate, came, amount, due)) {
		now = clock_now();
		booking = BOOKING_ASKED;
		r->since = r->wanted > 0 ? clock_earlier(r->since, came) : came;
		r->wanted = amount > r->wanted ? amount : r->wanted;
		ask(r, now);
		*due = ask_again(r, now);
	} else if (*due > latest)
		booking = BOOKING_LATE;
	else
		credit_take(&r->credit, amount);
	pthread_mutex_unlock(&r->lock);
	return booking;
}

bool
remote_forfeit(struct remote *r, unsigned generation, int64_t now)
{
	bool fits;

	pthread_mutex_lock(&r->lock);
	fits = generation == r->generation;
	if (fits)
		credit_forfeit(&r->credit, &r->rate, now);
	pthread_mutex_unlock(&r->lock);
	return fits;
}
