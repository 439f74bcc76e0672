#ifndef FAULT_H
#define FAULT_H

/*
 * What an error of the server means for the records that were sent.
 * SQLSTATE: appendix A of the manual of PostgreSQL.
 *
 * Pure functions.
 */

#include <stdbool.h>
#include <stddef.h>

enum fault {
	FAULT_RECORD, /* one of the records can't be stored */
	FAULT_SIZE,   /* there may have been too many of them */
	FAULT_PASSES, /* the same can be tried again */
	FAULT_LOST,   /* the same, with another connection */
	FAULT_CONFIG, /* nothing can be stored */
};

/*
 * The SQLSTATE is "" if there is none, as the connection has broken.
 * `function` is the server's own that reports the error, or NULL.
 */
enum fault fault_judge(const char *sqlstate, const char *function);

/*
 * The same for an attempt to connect, of which libpq tells only a message:
 * with PQERRORS_VERBOSE, "connection to ... failed: FATAL:  28P01: ...".  Sets
 * the SQLSTATE, or "", and the text of the message, one line.
 */
#define FAULT_TEXT_SIZE 1024
enum fault fault_of_connecting(const char *message, char sqlstate[6], char text[FAULT_TEXT_SIZE]);

#endif
