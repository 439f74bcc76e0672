#include "stage/share.h"

/* The window of a step; one that is too short says nothing. */
static struct share_sum
window_of(const struct share *s, enum share_step step)
{
	struct share_sum w = {
	    s->now[step].n - s->mark[step][0].n, s->now[step].failed - s->mark[step][0].failed};

	if (w.n < SHARE_LEAST)
		return (struct share_sum){1, 0};
	if (w.failed > w.n)
		w.failed = w.n;
	return w;
}

/* Of SHARE_ALL, rounded up: a + (1 - a) * b. */
static uint32_t
share_of(struct share_sum a, struct share_sum b)
{
	uint64_t of = a.n * b.n, failed = a.failed * b.n + (a.n - a.failed) * b.failed;

	return (uint32_t)((failed * SHARE_ALL + of - 1) / of);
}

/* Whether too many have failed, for the first time. */
static bool
is_exceeded(struct share *s)
{
	uint32_t failed;

	if (s->over)
		return false;
	failed = share_of(window_of(s, SHARE_CHECKED), window_of(s, SHARE_ENDED));
	if (failed <= s->most)
		return false;
	s->failed = failed;
	s->over = true;
	return true;
}

bool
share_count(struct share *s, enum share_step step, uint64_t n, uint64_t failed)
{
	struct share_sum *now = &s->now[step], *mark = s->mark[step];
	bool exceeded = false;

	now->failed += failed;
	do {
		uint64_t room = mark[1].n + SHARE_SPAN - now->n, part = n < room ? n : room;

		now->n += part;
		n -= part;
		exceeded = is_exceeded(s) || exceeded;
		if (part == room) {
			mark[0] = mark[1];
			mark[1] = *now;
		}
	} while (n > 0);
	return exceeded;
}
