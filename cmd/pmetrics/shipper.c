#include "shipper.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "bundle.h"
#include "courier.h"
#include "employ.h"
#include "numbers.h"
#include "post.h"
#include "spanfiles.h"
#include "spool.h"
#include "stop.h"

/* One stop often comes as two signals. */
#define SAME_STOP (100 * CLOCK_MS)
/* How often stages that outlive the command are looked at. */
#define SOON (50 * CLOCK_MS)

enum phase {
	FOLLOWING, /* until a signal */
	FINISHING, /* what is there, unless the collector stays away */
	LAST_TRY,  /* the same after a signal: whatever fails is left */
	OVER
};

struct shipper {
	const struct shipper_wanted *wanted;
	enum phase phase;
	int64_t until; /* of FINISHING and LAST_TRY: then it is over */
	int64_t stopped;
	struct post_wait wait;
	struct employ employ;

	struct courier *spans;
	struct spool *spool; /* NULL: files are named */
	struct spanfiles files;
	struct bundle bundle; /* what is posted next */
	int64_t look;         /* when to look for more */

	/* NULL: not wanted. */
	struct courier *metrics;
	struct numbers *numbers;
	int64_t due;       /* the next post of the numbers; CLOCK_NEVER: none */
	bool metrics_left; /* the last ones were not taken */
};

/* Events. */

static void
set_phase(struct shipper *s, enum phase phase)
{
	s->phase = phase;
	s->until = clock_after(clock_now(), s->wanted->grace);
	s->look = 0;
	courier_hurry(s->spans);
	if (s->metrics != NULL) {
		s->due = 0;
		courier_hurry(s->metrics);
	}
}

/* A signal: the first one leaves time for a last try. */
static void
stop(struct shipper *s)
{
	int64_t now = clock_now();

	if (s->stopped == 0) {
		s->stopped = now;
		set_phase(s, LAST_TRY);
	} else if (now - s->stopped >= SAME_STOP)
		s->phase = OVER;
}

static bool
is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return fd != -1 && poll(&p, 1, 0) == 1;
}

/* post_wait's: until when an answer is waited for. */
static int64_t
attend(void *arg)
{
	struct shipper *s = arg;
	struct signalfd_siginfo info;

	if (s->wanted->command != NULL) {
		bool runs = s->employ.pid != 0;
		int sig = employ_pass_on(&s->employ);

		if (runs && is_readable(s->employ.fd)) {
			employ_reap(&s->employ);
			s->wait.fd[1] = -1;
			set_phase(s, FINISHING);
		} else if (!runs && (sig == SIGINT || sig == SIGTERM || sig == SIGHUP))
			stop(s);
	} else
		while (read(s->wait.fd[0], &info, sizeof(info)) == sizeof(info))
			stop(s);
	if (s->phase == OVER)
		return 0;
	/* Without a command nobody waits for our end. */
	return s->phase == LAST_TRY || (s->phase == FINISHING && s->wanted->command != NULL)
	    ? s->until
	    : CLOCK_NEVER;
}

/* Waits until then, or for an event. */
static void
sleep_until(const struct shipper *s, int64_t until)
{
	struct pollfd p[2] = {
	    {.fd = s->wait.fd[0], .events = POLLIN}, {.fd = s->wait.fd[1], .events = POLLIN}};
	struct timespec left;

	(void)ppoll(p, 2, clock_left(until, &left), NULL);
}

/* Spans. */

static void
fill(struct shipper *s)
{
	s->look = clock_after(clock_now(), s->wanted->interval);
	if (s->spool == NULL) {
		spanfiles_fill(&s->files, &s->bundle);
		return;
	}
	if (spool_open(s->spool) == -1)
		exit(s->wanted->command != NULL ? 125 : 2);
	spool_fill(s->spool, &s->bundle);
	/* Lines without a span are taken, too. */
	if (s->bundle.spans == 0)
		spool_settle(s->spool, &s->bundle, 0);
}

static void
post_spans(struct shipper *s)
{
	uint64_t rejected;
	size_t len;
	const char *text = bundle_text(&s->bundle, &len);

	if (courier_send(s->spans, text, len, s->bundle.spans, &s->wait, &rejected) ==
	    COURIER_LATER) {
		if (s->phase == LAST_TRY)
			s->phase = OVER;
		return;
	}
	if (s->spool != NULL)
		spool_settle(s->spool, &s->bundle, rejected);
	bundle_free(&s->bundle);
	s->look = 0;
	if (s->phase == FINISHING)
		s->until = clock_after(clock_now(), s->wanted->grace);
}

/* Metrics. */

/* The next post follows in its time; the last one is to succeed. */
static void
post_metrics(struct shipper *s)
{
	uint64_t n, rejected;
	size_t len;
	char *text = numbers_request(s->numbers, &len, &n);
	enum courier_end became = COURIER_TAKEN;

	if (text != NULL)
		became = courier_send(s->metrics, text, len, n, &s->wait, &rejected);
	free(text);
	s->metrics_left = became == COURIER_LATER;
	if (s->metrics_left) {
		s->due = s->phase == LAST_TRY ? CLOCK_NEVER : courier_next(s->metrics);
		return;
	}
	courier_caught_up(s->metrics);
	s->due = s->phase == FOLLOWING ? clock_after(clock_now(), numbers_interval(s->numbers))
				       : CLOCK_NEVER;
}

/* Whether a stage still runs that the command has left behind. */
static bool
is_awaited(const struct shipper *s)
{
	return s->wanted->command != NULL && spool_live(s->spool) > 0;
}

/* When there is something to do without an event; CLOCK_NEVER: nothing. */
static int64_t
next_time(const struct shipper *s)
{
	int64_t spans = s->bundle.spans > 0 ? courier_next(s->spans)
	    : s->phase == FOLLOWING         ? s->look
	    : is_awaited(s)                 ? clock_after(clock_now(), SOON)
					    : CLOCK_NEVER;

	return clock_earlier(spans, s->due);
}

/* One step: something is filled, posted, or waited for. */
static void
step(struct shipper *s)
{
	int64_t now = clock_now(), next;

	if (s->bundle.spans == 0 && (now >= s->look || s->phase != FOLLOWING))
		fill(s);
	if (s->bundle.spans > 0 && now >= courier_next(s->spans)) {
		post_spans(s);
		return;
	}
	if (s->bundle.spans == 0)
		courier_caught_up(s->spans);
	/* The last numbers are those after the last stage. */
	if (now >= s->due && (s->phase == FOLLOWING || !is_awaited(s))) {
		post_metrics(s);
		return;
	}
	next = next_time(s);
	if (s->phase != FOLLOWING && (next == CLOCK_NEVER || next >= s->until))
		s->phase = OVER;
	else
		sleep_until(s, next);
}

/* The end. */

/* "5 spans are left in DIR", and how to go on. */
static void
tell_places(const struct shipper *s, const char *count)
{
	char *places = spool_places(s->spool);

	if (places == NULL)
		err(2, "ship");
	if (s->wanted->command != NULL)
		warnx("ship: %s left in %s; send with: PCHAN_RUN_DIR=%s pmetrics ship --once",
		    count, places, places);
	else
		warnx(
		    "ship: %s left in %s; pmetrics ship --once sends what is there", count, places);
	free(places);
}

/* How many spans are left; they are told. */
static uint64_t
tell_left(struct shipper *s)
{
	char count[64];
	bool more = false;
	uint64_t left = s->spool != NULL ? spool_left(s->spool, &more)
					 : s->bundle.spans + spanfiles_left(&s->files, &more);

	if (left == 0)
		return 0;
	snprintf(count, sizeof(count), "%s%" PRIu64 " %s", more ? "more than " : "", left,
	    left == 1 ? "span is" : "spans are");
	if (s->spool != NULL)
		tell_places(s, count);
	else
		warnx("ship: %s not taken", count);
	return left;
}

static uint64_t
broken(const struct shipper *s)
{
	return s->spool != NULL ? spool_broken(s->spool) : s->files.broken;
}

static void
tell_totals(const struct shipper *s, uint64_t left)
{
	const struct courier_totals *t = courier_totals(s->spans);

	warnx("ship: spans: sent %" PRIu64 ", rejected %" PRIu64 ", left %" PRIu64
	      "; requests %" PRIu64,
	    t->sent, t->rejected, left, t->requests);
}

/* Whether numbers were rejected, or the last ones not taken, which is told. */
static bool
has_lost_metrics(const struct shipper *s)
{
	if (s->metrics == NULL)
		return false;
	if (s->metrics_left)
		warnx("ship: the numbers were not taken");
	return s->metrics_left || courier_totals(s->metrics)->rejected > 0;
}

/* The exit status; that of a command is the command's. */
static int
conclude(struct shipper *s)
{
	const struct shipper_wanted *w = s->wanted;
	uint64_t left = tell_left(s);
	const struct courier_totals *spans = courier_totals(s->spans);
	bool lost;

	if (w->verbose)
		tell_totals(s, left);
	else if (spans->rejected > spans->told)
		warnx("ship: %" PRIu64 " spans were rejected in all", spans->rejected);
	lost = has_lost_metrics(s);
	if (w->command != NULL) {
		if (spool_live(s->spool) > 0)
			warnx("ship: the command has left stages behind that still run: %s stays",
			    s->employ.path);
		else if (left == 0 && !employ_clean(&s->employ))
			warn("ship: %s", s->employ.path);
		return s->employ.status;
	}
	if (s->files.failed)
		return 2;
	return left > 0 || spans->rejected > 0 || broken(s) > 0 || lost;
}

static void
begin(struct shipper *s)
{
	const struct shipper_wanted *w = s->wanted;
	const int failed = w->command != NULL ? 125 : 2;

	s->wait = (struct post_wait){.fd = {-1, -1}, .attend = attend, .arg = s};
	s->due = CLOCK_NEVER;
	s->spans = courier_new(ENDPOINT_TRACES, w->endpoint, failed);
	if (w->files == NULL && numbers_wanted()) {
		s->metrics = courier_new(ENDPOINT_METRICS, w->endpoint, failed);
		s->numbers = numbers_new(failed);
		s->due = 0;
	}
	if (w->files != NULL)
		spanfiles_begin(&s->files, w->files);
	else if ((s->spool = spool_new()) == NULL)
		err(2, "ship");
	if (w->command != NULL) {
		employ_start(&s->employ, w->command);
		s->wait.fd[0] = s->employ.signals;
		s->wait.fd[1] = s->employ.fd;
	} else if ((s->wait.fd[0] = stop_open()) == -1)
		err(2, "ship: signals");
	/* After the start of the command, which would inherit that. */
	signal(SIGPIPE, SIG_IGN);
	if (w->files != NULL || w->once)
		set_phase(s, FINISHING);
}

static void
end(struct shipper *s)
{
	bundle_free(&s->bundle);
	if (s->spool != NULL)
		spool_free(s->spool);
	else
		spanfiles_end(&s->files);
	courier_free(s->spans);
	courier_free(s->metrics);
	numbers_free(s->numbers);
	employ_free(&s->employ);
}

int
shipper_run(const struct shipper_wanted *w)
{
	struct shipper s = {.wanted = w};
	int status;

	begin(&s);
	while (attend(&s) != 0)
		step(&s);
	status = conclude(&s);
	end(&s);
	return status;
}
