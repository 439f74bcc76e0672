#ifndef PLAN_H
#define PLAN_H

/*
 * The statement that stores records.  It is made of the names in the URL, and
 * of what the server says about the table; records are its parameters:
 * $1::text[] are the records, and with a key $2::text[] are their keys.
 *
 * One thread's.
 */

#include <libpq-fe.h>

struct failure;
struct target;

struct plan {
	char *statement; /* malloc'd, or NULL */
	char *lossy;     /* why rows can be lost, or ""; malloc'd */
};

/*
 * Looks at the table, makes it if it is missing and is to be made, and checks
 * that the statement works there.  -1: it can't be done, as the failure says.
 * Blocks until the server has answered.
 */
int plan_make(struct plan *, PGconn *, const struct target *, struct failure *);
void plan_free(struct plan *);

#endif
