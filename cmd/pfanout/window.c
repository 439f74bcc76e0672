#include "window.h"

#include "base/clock.h"

/*
 * work that a window holds, ns; window_init() multiplies it by the jobs per
 * processor
 */
#define SPAN CLOCK_MS
#define SPAN_BUFFERING 4 /* times that for a child that buffers */
/* records done for each one the window may hold */
#define EVIDENCE 64
/* records after which a quick one that was seen counts for little */
#define QUICK 64
/* after so slow a record old evidence counts less */
#define STALE (10 * CLOCK_MS)
#define LOOK_MIN (30 * CLOCK_US)
#define LOOK_MAX (5 * CLOCK_MS)

void
window_init(struct window *w, size_t fixed, size_t most, unsigned jobs, unsigned processors)
{
	int64_t share = jobs > processors ? jobs / processors : 1;

	*w = (struct window){
	    .fixed = fixed, .most = most, .span = SPAN * share, .size = fixed != 0 ? fixed : 1};
}

size_t
window_owed(const struct window *w)
{
	return (size_t)(w->given - w->answered);
}

size_t
window_room(const struct window *w)
{
	size_t ahead = (size_t)(w->given - w->done);

	if (w->fixed != 0)
		return window_owed(w) < w->fixed ? w->fixed - window_owed(w) : 0;
	/* Half a window at a time: runs are cheaper than single records. */
	return ahead == 0 || ahead <= w->size / 2 ? w->size - ahead : 0;
}

void
window_given(struct window *w, size_t n, int64_t now)
{
	if (w->given == w->done)
		w->moved = now;
	w->given += n;
}

static void
resize(struct window *w)
{
	size_t size = 1 + (size_t)(w->evidence / EVIDENCE);
	double fits = (double)(w->buffers ? w->span * SPAN_BUFFERING : w->span);

	if (w->fixed != 0)
		return;
	if (size > 2 * w->size)
		size = 2 * w->size;
	if (w->service > 0 && (double)size > fits / w->service)
		size = (size_t)(fits / w->service);
	if (w->most != 0 && size > w->most)
		size = w->most;
	w->size = size > 0 ? size : 1;
}

/* done moves on to `done`. */
static void
move_on(struct window *w, uint64_t done, int64_t now)
{
	uint64_t n = done - w->done;
	int64_t took = now - w->moved;
	double each;

	if (n == 0)
		return;
	w->done = done;
	w->moved = now;
	if (!w->seen) {
		w->seen = true;
		return;
	}
	each = (double)took / (double)n;
	w->service = w->service > 0 ? w->service + (each - w->service) / 8 : each;
	w->quick = w->quick <= 0 || each < w->quick ? each : w->quick + (each - w->quick) / QUICK;
	w->evidence += n;
	if (each > (double)STALE)
		w->evidence /= 8;
	resize(w);
}

void
window_answered(struct window *w, size_t n, int64_t now)
{
	w->answered += n;
	if (w->answered > w->done)
		move_on(w, w->answered, now);
}

void
window_hungry(struct window *w, bool owes, int64_t now)
{
	if (owes)
		w->buffers = true;
	move_on(w, w->given, now);
}

int64_t
window_first_look(const struct window *w)
{
	/*
	 * Hunger is all that a child that buffers shows, and its records may
	 * well differ: those that its cache has are quick.
	 */
	double each = w->buffers ? w->quick : w->service;
	int64_t wait = (int64_t)((double)(w->given - w->done) * each / 2);

	return wait < LOOK_MIN ? LOOK_MIN : wait > LOOK_MAX ? LOOK_MAX : wait;
}
