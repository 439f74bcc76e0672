#ifndef SHIPPER_H
#define SHIPPER_H

/*
 * The work of pmetrics ship: when spans, and metrics, are posted, how long a
 * collector that is away is waited for, and how that ends.  One thread, which
 * waits for the network, for signals and for the command at once.
 */

#include <stdbool.h>
#include <stdint.h>

/* What the command line says. */
struct shipper_wanted {
	const char *endpoint;    /* NULL: the environment says */
	int64_t interval, grace; /* ns */
	bool once, verbose;
	char **files;   /* ends with NULL; NULL: none are named */
	char **command; /* NULL: none */
};

/* Ships until all is done, or it is stopped.  Returns the exit status. */
int shipper_run(const struct shipper_wanted *);

#endif
