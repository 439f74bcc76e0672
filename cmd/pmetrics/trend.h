#ifndef TREND_H
#define TREND_H

/*
 * How fast a number grew over a window, such as the seconds of a processor that
 * a process has used.
 */

#include <stdint.h>

#define TREND_SAMPLES 32

/* All zero: no sample yet. */
struct trend {
	unsigned n, next;
	struct trend_sample {
		int64_t at;
		double value;
	} now, kept[TREND_SAMPLES];
};

/* Takes a sample; times and the window in ns. */
void trend_sample(struct trend *, double value, int64_t now, int64_t window);

/* By how much it grew in a second; NAN if there is one sample only. */
double trend_rate(const struct trend *, int64_t window);

#endif
