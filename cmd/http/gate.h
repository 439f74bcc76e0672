#ifndef GATE_H
#define GATE_H

/*
 * When another request may be sent: not before the time that the service asked
 * for, and while it is in trouble one alone, with a back-off between.  There is
 * trouble when the server is away, or when more requests than run at a time
 * failed in a row.
 *
 * A leaf.  Times are monotonic ns.
 */

#include <stdbool.h>
#include <stdint.h>

struct gate {
	unsigned parallel; /* requests at a time */
	unsigned row;      /* failed since one was answered well */
	unsigned failures; /* tries since the trouble began; 0: there is none */
	int64_t until;
};

/* A request was answered: the service works. */
void gate_works(struct gate *);

/*
 * One failed: the server is away, or it answered, and asked for a wait (-1:
 * none).  Returns whether there is trouble now.
 */
bool gate_away(struct gate *, int64_t now);
bool gate_failed(struct gate *, int64_t now, int64_t wait);

/*
 * When another request may be sent beside those that run; CLOCK_NEVER: when one
 * of them has ended.
 */
int64_t gate_opens(const struct gate *, unsigned running);

#endif
