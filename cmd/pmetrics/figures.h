#ifndef FIGURES_H
#define FIGURES_H

/*
 * Numbers as people read them in a narrow column.  What is not known (NAN) is
 * "-".  Pure functions.
 */

#include <stdint.h>

#define FIGURE_SIZE 32

/* In four places: <.01, 0.05, 9.3, 412, 9999, 12k, 1.2M. */
void figure_number(double value, char text[FIGURE_SIZE]);

/* Bytes, in units of 1024: 412, 9999, 12K, 1.2M. */
void figure_bytes(double value, char text[FIGURE_SIZE]);

/* A latency in s, from 1 us to 100 s: <1us, 1.9ms, 61ms, 12s, >100s. */
void figure_latency(double s, char text[FIGURE_SIZE]);

/* How long something took, in ns: 412 ns, 3.0 us, 41 ms, 2.31 s, 2 h 05 min. */
void figure_duration(int64_t ns, char text[FIGURE_SIZE]);

/* How long something has been so, in s: 20ms, 42s, 3m12s, 2h05m, 3d04h. */
void figure_age(double s, char text[FIGURE_SIZE]);

/* The same as a clock: 0:12:04, 75:00:01. */
void figure_clock(double s, char text[FIGURE_SIZE]);

/* A fraction in per cent: 93%. */
void figure_percent(double fraction, char text[FIGURE_SIZE]);

#endif
