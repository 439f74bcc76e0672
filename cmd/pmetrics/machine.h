#ifndef MACHINE_H
#define MACHINE_H

/* The processors: how many there are for us, and how idle they are. */

#include <stdint.h>

#include "trend.h"

/* All zero: no sample yet. */
struct machine {
	struct trend idle, all; /* ticks */
};

void machine_sample(struct machine *, int64_t now, int64_t window);

/* The fraction of the time in which they were idle; NAN: not known. */
double machine_idle(const struct machine *, int64_t window);

/* Processors that a process of ours may use. */
double machine_cpus(void);

#endif
