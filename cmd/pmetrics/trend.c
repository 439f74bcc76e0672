#include "trend.h"

#include <math.h>

/* Samples of the window that are kept: some less than there is room for. */
#define PER_WINDOW 24

void
trend_sample(struct trend *t, double value, int64_t now, int64_t window)
{
	const struct trend_sample *before = &t->kept[(t->next + TREND_SAMPLES - 1) % TREND_SAMPLES];

	if (t->now.at != 0 && (t->n == 0 || t->now.at - before->at >= window / PER_WINDOW)) {
		t->kept[t->next] = t->now;
		t->next = (t->next + 1) % TREND_SAMPLES;
		t->n += t->n < TREND_SAMPLES;
	}
	t->now = (struct trend_sample){.at = now, .value = value};
}

double
trend_rate(const struct trend *t, int64_t window)
{
	const struct trend_sample *from = &t->now;

	for (unsigned i = 1; i <= t->n && t->now.at - from->at < window; i++)
		from = &t->kept[(t->next + TREND_SAMPLES - i) % TREND_SAMPLES];
	if (t->now.at <= from->at)
		return NAN;
	return (t->now.value - from->value) * 1e9 / (double)(t->now.at - from->at);
}
