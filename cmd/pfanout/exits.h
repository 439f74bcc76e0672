#ifndef EXITS_H
#define EXITS_H

/*
 * What the exit status of a command means for what it worked on.  Pure.
 *
 * Status 0 is success, 75 (EX_TEMPFAIL of sysexits.h) asks for another attempt,
 * 65 (EX_DATAERR) rejects, and any other one is a failure like others.  Lists
 * of the command line say otherwise; a status that is in one of them is in none
 * by default.
 */

#include <stdbool.h>

/* A list of statuses; {0} is one that was not given. */
struct exit_list {
	bool given;
	bool has[256];
};

struct exits {
	struct exit_list ok;     /* --ok-status */
	struct exit_list retry;  /* --retry-status */
	struct exit_list reject; /* --reject-status */
};

enum exit_meaning {
	MEANS_SUCCESS,
	MEANS_FAILURE,
	MEANS_RETRY,  /* it wants another attempt */
	MEANS_REJECT, /* another attempt would be in vain */
};

/*
 * Reads "N[,N]...", with numbers from 1 to 255, or "none".  -1: *why says what
 * is allowed.
 */
int exit_list_parse(struct exit_list *, const char *text, const char **why);

/*
 * Completes the lists that were not given.  Returns 0, or a status that is in
 * two lists.
 */
int exits_settle(struct exits *);

enum exit_meaning exits_mean(const struct exits *, int status);

#endif
