#ifndef DOING_H
#define DOING_H

/*
 * What a stage does: a word for programs, a text for people.  A pure function.
 */

#include "model.h"

#define DOING_TEXT_SIZE 48

struct doing {
	/*
	 * "measuring" (nothing is known yet), "ended", or what the stage mainly
	 * did in the window (metrics/state.h): "input", "output", "rate",
	 * "busy", "workers", "works".
	 */
	const char *word;
	double share; /* of the window's time; NAN for the first two */
	/* "waits for output 91 %" */
	char text[DOING_TEXT_SIZE];
};

void doing_of(const struct part *, struct doing *);

#endif
