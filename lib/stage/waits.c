#include "stage/waits.h"

#include "metrics/link.h"
#include "metrics/worktime.h"

_Static_assert(LINKS <= 64, "a bit for each link");

static uint64_t
bit_of(const struct waits *w, const struct metrics_link *link)
{
	return UINT64_C(1) << (link - w->links->link);
}

/* Whether the inputs that are armed are waited for, from now on. */
static void
switch_links(struct waits *w, bool on, int64_t now)
{
	for (uint64_t left = w->armed; left != 0; left &= left - 1) {
		struct metrics_link *link = &w->links->link[__builtin_ctzll(left)];

		if (on)
			link_start(link, now);
		else
			link_stop(link, now);
	}
}

void
waits_begin(struct waits *w, int64_t now)
{
	if (w->waiting++ == 0)
		switch_links(w, true, now);
	if (w->waiting == w->readers && w->all != NULL)
		stopwatch_start(w->all, now);
}

void
waits_end(struct waits *w, int64_t now)
{
	if (w->waiting == w->readers && w->all != NULL)
		stopwatch_stop(w->all, now);
	if (--w->waiting == 0)
		switch_links(w, false, now);
}

void
waits_arm(struct waits *w, struct metrics_link *link)
{
	if (link == NULL)
		return;
	w->armed |= bit_of(w, link);
	if (w->waiting > 0)
		link_start(link, worktime_now());
}

void
waits_disarm(struct waits *w, struct metrics_link *link)
{
	if (link == NULL)
		return;
	w->armed &= ~bit_of(w, link);
	if (w->waiting > 0)
		link_stop(link, worktime_now());
}
