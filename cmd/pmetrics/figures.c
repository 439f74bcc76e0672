#include "figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Four places; only what is large has a unit. */
static void
in_units(double value, double step, const char *units, char text[FIGURE_SIZE])
{
	if (isnan(value)) {
		strcpy(text, "-");
	} else if (value <= 0) {
		strcpy(text, "0");
	} else if (value < 0.005) {
		strcpy(text, "<.01");
	} else if (value < 0.095) {
		snprintf(text, FIGURE_SIZE, "%.2f", value);
	} else if (value < 9.95 && fabs(value - round(value)) >= 0.05) {
		snprintf(text, FIGURE_SIZE, "%.1f", value);
	} else if (value < 9999.5) {
		snprintf(text, FIGURE_SIZE, "%.0f", value);
	} else {
		for (value /= step; value >= 999.5 && units[1] != '\0'; value /= step)
			units++;
		snprintf(text, FIGURE_SIZE, value < 9.95 ? "%.1f%c" : "%.0f%c", fmin(value, 999),
		    units[0]);
	}
}

void
figure_number(double value, char text[FIGURE_SIZE])
{
	in_units(value, 1000, "kMGTPE", text);
}

void
figure_bytes(double value, char text[FIGURE_SIZE])
{
	in_units(round(value), 1024, "KMGTPE", text);
}

void
figure_latency(double s, char text[FIGURE_SIZE])
{
	static const struct {
		double s;
		const char *name;
	} units[] = {{1e-6, "us"}, {1e-3, "ms"}, {1, "s"}};
	size_t i = 0;

	if (isnan(s)) {
		strcpy(text, "-");
	} else if (s < 1e-6) {
		strcpy(text, "<1us");
	} else if (s > 100) {
		strcpy(text, ">100s");
	} else {
		while (i < 2 && s >= 0.9995 * units[i + 1].s)
			i++;
		s /= units[i].s;
		snprintf(text, FIGURE_SIZE, s < 9.95 ? "%.1f%s" : "%.0f%s", s, units[i].name);
	}
}

/* Two units, the second with two places: 2 h 05 min. */
static void
in_two_units(double s, unsigned step, const char *unit, const char *small, char text[FIGURE_SIZE])
{
	unsigned n = (unsigned)(s + 0.5);

	snprintf(text, FIGURE_SIZE, "%u %s %02u %s", n / step, unit, n % step, small);
}

void
figure_duration(int64_t ns, char text[FIGURE_SIZE])
{
	const double s = ns > 0 ? (double)ns / 1e9 : 0;

	if (s < 0.9995e-6)
		snprintf(text, FIGURE_SIZE, "%u ns", (unsigned)(ns > 0 ? ns : 0));
	else if (s < 0.9995e-3)
		snprintf(text, FIGURE_SIZE, s < 9.95e-6 ? "%.1f us" : "%.0f us", s * 1e6);
	else if (s < 0.9995)
		snprintf(text, FIGURE_SIZE, s < 9.95e-3 ? "%.1f ms" : "%.0f ms", s * 1e3);
	else if (s < 99.95)
		snprintf(text, FIGURE_SIZE, s < 9.995 ? "%.2f s" : "%.1f s", s);
	else if (s < 3599.5)
		in_two_units(s, 60, "min", "s", text);
	else if (s < 86370)
		in_two_units(s / 60, 60, "h", "min", text);
	else
		in_two_units(s / 3600, 24, "d", "h", text);
}

void
figure_age(double s, char text[FIGURE_SIZE])
{
	uint64_t n = s > 0 ? (uint64_t)s : 0;

	if (isnan(s) || (s > 0 && s < 9.95))
		figure_latency(s, text);
	else if (n < 100)
		snprintf(text, FIGURE_SIZE, "%us", (unsigned)n);
	else if (n < 3600)
		snprintf(text, FIGURE_SIZE, "%um%02us", (unsigned)n / 60, (unsigned)n % 60);
	else if (n < 86400)
		snprintf(text, FIGURE_SIZE, "%uh%02um", (unsigned)n / 3600, (unsigned)n / 60 % 60);
	else
		snprintf(text, FIGURE_SIZE, "%ud%02uh", (unsigned)(n / 86400),
		    (unsigned)(n / 3600 % 24));
}

void
figure_clock(double s, char text[FIGURE_SIZE])
{
	uint64_t n = s > 0 ? (uint64_t)s : 0;

	if (isnan(s))
		strcpy(text, "-");
	else
		snprintf(text, FIGURE_SIZE, "%u:%02u:%02u", (unsigned)(n / 3600),
		    (unsigned)(n / 60 % 60), (unsigned)(n % 60));
}

void
figure_percent(double fraction, char text[FIGURE_SIZE])
{
	if (isnan(fraction))
		strcpy(text, "-");
	else
		snprintf(text, FIGURE_SIZE, "%.0f%%", fmin(fmax(fraction, 0), 99.99) * 100);
}
