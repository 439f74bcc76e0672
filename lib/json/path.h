#ifndef PCHAN_JSON_PATH_H
#define PCHAN_JSON_PATH_H

/* A compiled key path: made in json_path.c, followed in json_find.c, opaque to all others. */

#include <stddef.h>

struct step {
	const char *name; /* of a member; NULL: an index */
	size_t len;
	size_t index;
};

struct json_path {
	size_t nsteps;
	struct step steps[]; /* and behind them the names */
};

#endif
