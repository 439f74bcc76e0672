#ifndef WANTED_H
#define WANTED_H

/* The command line of pmetrics trace. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/context.h"

#define WANTED_DIGITS (2 * CONTEXT_TRACE_ID)

struct wanted {
	char id[WANTED_DIGITS + 1]; /* or its first digits; "": none */
	uint32_t slowest;           /* 0: not given */
	bool failed, json;
	char **file; /* the caller's, with room for argc */
	size_t files;
};

/*
 * Fills in what is wanted, of a struct of zeroes with `file`.  Ends the process
 * as cli_parse() does.
 */
void wanted_parse(struct wanted *, int argc, char **argv);

#endif
