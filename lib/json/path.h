#ifndef PCHAN_JSON_PATH_H
#define PCHAN_JSON_PATH_H

/*
 * A compiled key path: path.c makes it, find.c follows it, and it is opaque to
 * everybody else.
 */

#include <stdbool.h>
#include <stddef.h>

struct path_step {
	const char *name; /* of a member; NULL: the step is an index */
	size_t len;       /* of the name */
	bool plain;       /* letters, digits and _: only \u could escape them */
	size_t index;
};

struct json_path {
	size_t nsteps;
	struct path_step steps[]; /* followed by the bytes of the names */
};

#endif
