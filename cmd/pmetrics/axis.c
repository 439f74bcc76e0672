#include "axis.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static const struct unit {
	const char *name;
	int64_t ns;
	int64_t until; /* how much time is told in it */
} units[] = {
    {"ns", 1, CLOCK_US},
    {"us", CLOCK_US, CLOCK_MS},
    {"ms", CLOCK_MS, CLOCK_S},
    {"s", CLOCK_S, 180 * CLOCK_S},
    {"min", 60 * CLOCK_S, 180 * 60 * CLOCK_S},
    {"h", 3600 * CLOCK_S, 72 * 3600 * CLOCK_S},
    {"d", 86400 * CLOCK_S, INT64_MAX},
};

struct axis
axis_of(int64_t whole, int columns)
{
	static const int nice[] = {1, 2, 5};
	const double least = (double)whole / columns * AXIS_GAP;
	const struct unit *u = units;
	struct axis a = {0};
	int64_t ten;

	while (whole >= u->until && u->until != INT64_MAX)
		u++;
	a.unit = u->name;
	a.unit_ns = u->ns;
	/* From a thousandth of the unit on, in steps of 1, 2 and 5. */
	ten = u->ns >= 1000 ? u->ns / 1000 : 1;
	a.decimals = u->ns >= 1000 ? 3 : 0;
	for (int i = 0;; i++) {
		a.step = ten * nice[i % 3];
		if ((double)a.step >= least)
			return a;
		if (i % 3 == 2) {
			ten *= 10;
			a.decimals -= a.decimals > 0;
		}
	}
}

void
axis_label(const struct axis *a, int64_t at, char text[AXIS_LABEL_SIZE])
{
	snprintf(text, AXIS_LABEL_SIZE, "%.*f", at == 0 ? 0 : a->decimals,
	    (double)at / (double)a->unit_ns);
}

int
axis_column(int64_t at, int64_t whole, int columns)
{
	const double x = (double)at / (double)whole * columns + 0.5;

	return x < 0 ? 0 : x > columns ? columns : (int)x;
}
