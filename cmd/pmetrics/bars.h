#ifndef BARS_H
#define BARS_H

/*
 * The lines of a waterfall: a bar for each step of each span that is worth
 * one.  Pure functions.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lineage.h"

enum bar_look {
	BAR_WORK, /* an attempt */
	BAR_WAIT,
	BAR_PAUSE, /* back-off: nothing */
	BAR_SPAN,  /* a span without steps to tell */
	BAR_LOST,  /* nobody knows */
};

struct bar {
	const char *stage; /* who; NULL: as above */
	unsigned indent;
	const char *name; /* of another program's span; NULL: text */
	char text[40];
	int64_t begun, ended; /* calendar ns */
	enum bar_look look;
	const char *outcome; /* "timeout", or NULL */
	bool failed;
};

/*
 * A wait that is neither a hundredth of the whole, nor at least 1 ms and a
 * ten-thousandth, has no bar; what waits only for so short has one for the
 * span.  *bar is malloc'd.  Returns how many; -1 with errno ENOMEM.
 */
ssize_t bars_of(const struct kin *, size_t n, int64_t whole, struct bar **bar);

#endif
