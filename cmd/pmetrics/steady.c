#include "steady.h"

#define SECOND INT64_C(1000000000)
#define TIMES 2    /* in turn that another part has to be the one */
#define ENOUGH 20u /* seconds that are worth to be told */

static void
remember(struct steady *s, uint64_t part, int64_t now)
{
	if (s->n > 0 && now - s->at < SECOND * 9 / 10)
		return;
	/* A look that comes a little early does not shift the seconds. */
	s->at = s->n > 0 && now - s->at < 2 * SECOND ? s->at + SECOND : now;
	s->minute[s->put] = part;
	s->put = (s->put + 1) % STEADY_SECONDS;
	s->n += s->n < STEADY_SECONDS;
}

bool
steady_take(struct steady *s, uint64_t part, int64_t now)
{
	remember(s, part, now);
	s->times = part == s->next && s->begun ? s->times + 1 : 1;
	s->next = part;
	if (s->begun && part != s->shown && s->times < TIMES)
		return false;
	steady_show(s, part);
	return true;
}

void
steady_show(struct steady *s, uint64_t part)
{
	s->begun = true;
	s->shown = part;
}

uint64_t
steady_minute(const struct steady *s)
{
	for (unsigned i = 0; i < s->n && s->n >= ENOUGH; i++) {
		unsigned times = 0;

		for (unsigned j = 0; j < s->n; j++)
			times += s->minute[j] == s->minute[i];
		if (2 * times > s->n)
			return s->minute[i];
	}
	return 0;
}
