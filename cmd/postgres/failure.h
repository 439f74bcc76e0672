#ifndef FAILURE_H
#define FAILURE_H

/*
 * Why something was not stored, in words.
 *
 * One thread's; nothing blocks.
 */

#include <libpq-fe.h>

#include "fault.h"

struct target;

struct failure {
	enum fault fault;
	char sqlstate[6]; /* "" if there is none */
	char text[FAULT_TEXT_SIZE + 512];
};

/* What the server says about a statement: "division by zero (22012)". */
void failure_of_result(struct failure *, const PGconn *, const PGresult *);

/* Why there is no connection, and which part of the URL that is about. */
void failure_of_connecting(struct failure *, const PGconn *);

/* Sets a fault and its text. */
void failure_set(struct failure *, enum fault, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Of a FAULT_CONFIG: puts the table in front, and the remedy behind. */
void failure_of_table(struct failure *, const struct target *);

#endif
