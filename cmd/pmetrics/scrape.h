#ifndef SCRAPE_H
#define SCRAPE_H

/* All metrics of one moment, as text. */

#include <stdbool.h>
#include <stddef.h>

#include "exposition.h"

struct look;

struct scrape_how {
	enum exposition_format format;
	bool self; /* with the numbers of this process */
	bool tame; /* names are harmless to a terminal */
};

/*
 * The text; the caller frees it.  NULL with errno ENOMEM.
 */
char *scrape(const struct look *, const struct scrape_how *, size_t *len);

#endif
