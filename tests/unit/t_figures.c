/* Numbers in narrow columns. */

#include "pmetrics/figures.h"

#include <math.h>
#include <string.h>

#include "t.h"

static const struct {
	void (*figure)(double, char[FIGURE_SIZE]);
	double value;
	const char *want;
} cases[] = {
    {figure_number, NAN, "-"},
    {figure_number, -1, "0"},
    {figure_number, 0, "0"},
    {figure_number, 0.001, "<.01"},
    {figure_number, 0.05, "0.05"},
    {figure_number, 0.0949, "0.09"},
    {figure_number, 0.5, "0.5"},
    {figure_number, 0.97, "1"},
    {figure_number, 5, "5"},
    {figure_number, 9.3, "9.3"},
    {figure_number, 9.96, "10"},
    {figure_number, 411.4, "411"},
    {figure_number, 1032, "1032"},
    {figure_number, 9999.4, "9999"},
    {figure_number, 9999.6, "10k"},
    {figure_number, 12345, "12k"},
    {figure_number, 999499, "999k"},
    {figure_number, 999501, "1.0M"},
    {figure_number, 1234567, "1.2M"},
    {figure_number, 1.2e19, "12E"},
    {figure_number, 1e30, "999E"},
    {figure_number, INFINITY, "999E"},
    {figure_bytes, NAN, "-"},
    {figure_bytes, 0.4, "0"},
    {figure_bytes, 1023, "1023"},
    {figure_bytes, 99999, "98K"},
    {figure_bytes, 5 * 1048576.0, "5.0M"},
    {figure_latency, NAN, "-"},
    {figure_latency, 0, "<1us"},
    {figure_latency, 0.9e-6, "<1us"},
    {figure_latency, 1e-6, "1.0us"},
    {figure_latency, 250e-6, "250us"},
    {figure_latency, 0.99999e-3, "1.0ms"},
    {figure_latency, 0.0019, "1.9ms"},
    {figure_latency, 0.0194, "19ms"},
    {figure_latency, 0.9996, "1.0s"},
    {figure_latency, 12.3, "12s"},
    {figure_latency, 100, "100s"},
    {figure_latency, 100.1, ">100s"},
    {figure_age, NAN, "-"},
    {figure_age, -5, "0s"},
    {figure_age, 0, "0s"},
    {figure_age, 0.02, "20ms"},
    {figure_age, 2.5, "2.5s"},
    {figure_age, 42.9, "42s"},
    {figure_age, 99.9, "99s"},
    {figure_age, 192, "3m12s"},
    {figure_age, 7500, "2h05m"},
    {figure_age, 273600, "3d04h"},
    {figure_clock, NAN, "-"},
    {figure_clock, -1, "0:00:00"},
    {figure_clock, 724.9, "0:12:04"},
    {figure_clock, 270001, "75:00:01"},
    {figure_percent, NAN, "-"},
    {figure_percent, -0.1, "0%"},
    {figure_percent, 0.934, "93%"},
    {figure_percent, 1.5, "150%"},
};

static const struct {
	int64_t ns;
	const char *want;
} durations[] = {
    {-5, "0 ns"},
    {0, "0 ns"},
    {412, "412 ns"},
    {999, "999 ns"},
    {1000, "1.0 us"},
    {9949, "9.9 us"},
    {9951, "10 us"},
    {412000, "412 us"},
    {999499, "999 us"},
    {999501, "1.0 ms"},
    {41400000, "41 ms"},
    {999499999, "999 ms"},
    {999500001, "1.00 s"},
    {2310000000, "2.31 s"},
    {9996000000, "10.0 s"},
    {60000000000, "60.0 s"},
    {99949999999, "99.9 s"},
    {125400000000, "2 min 05 s"},
    {3599400000000, "59 min 59 s"},
    {3599600000000, "1 h 00 min"},
    {7500000000000, "2 h 05 min"},
    {86369000000000, "23 h 59 min"},
    {86371000000000, "1 d 00 h"},
    {273600000000000, "3 d 04 h"},
    {INT64_MAX, "106752 d 00 h"},
};

int
main(void)
{
	char text[FIGURE_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cases[i].figure(cases[i].value, text);
		CHECK(strcmp(text, cases[i].want) == 0, "%zu: %g: %s instead of %s", i,
		    cases[i].value, text, cases[i].want);
	}
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		figure_duration(durations[i].ns, text);
		CHECK(strcmp(text, durations[i].want) == 0, "%s instead of %s", text,
		    durations[i].want);
	}
	return t_end();
}
