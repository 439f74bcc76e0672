#ifndef TARGET_H
#define TARGET_H

/*
 * What the URL says: which server, which table, and what becomes of a record
 * there.
 *
 * One thread's; nothing blocks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "engine/url.h"

struct json_path;

struct target {
	struct url url;       /* owns the texts below */
	char *schema, *table; /* schema: NULL, or as in SCHEMA.TABLE */
	/* Each member of a record goes to the column of its name. */
	bool columns;
	/* Or the record goes to a column. */
	const char *column;
	/* The value at this path goes to key_column; NULL: there is none. */
	struct json_path *key;
	/* What is unique; NULL: the primary key, if there is one. */
	const char *key_column;
	bool create; /* make the table if it is missing */
	/* For PQconnectStartParams(). */
	const char **names, **values;
	char *hosts, *ports; /* of the URL: a,b */
	int64_t patience;    /* for a connection, ns, or CLOCK_NEVER */
};

/*
 * Reads the URL.  -1, and `why` says what is wrong with which part.
 * target_free() frees all in any case.
 */
int target_read(struct target *, const char *url, char why[URL_WHY_SIZE]);
void target_free(struct target *);

#endif
