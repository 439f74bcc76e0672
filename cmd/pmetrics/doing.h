#ifndef DOING_H
#define DOING_H

/*
 * What a part does: a word for programs, a text for people.  A pure function.
 */

#include "model.h"

#define DOING_TEXT_SIZE 48

struct doing {
	/*
	 * "measuring" (nothing is known yet), "ended", or what the stage mainly
	 * did in the window (metrics/state.h): "input", "output", "rate",
	 * "busy", "workers", "works".  NULL if the part is no stage.
	 */
	const char *word;
	double share; /* of the window's time; else NAN */
	/* "waits for output 91 %"; "program, CPU 3 %" */
	char text[DOING_TEXT_SIZE];
};

void doing_of(const struct part *, struct doing *);

#endif
