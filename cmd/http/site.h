#ifndef SITE_H
#define SITE_H

/*
 * The URL of from-http-server: where it listens, for which path, and what it
 * takes at most.
 *
 *	http-server://HOST:PORT/path?max-body=1M&token-file=FILE
 */

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "engine/url.h"

struct site {
	struct address address;
	char *path; /* with its slash; all others are not found */

	uint64_t max_body;   /* bytes of a body, unpacked */
	uint64_t memory;     /* bytes of all bodies */
	int64_t connections; /* at a time */
	int64_t timeout;     /* ns, for a client to send a request */
	char *token;         /* that clients must know; or NULL */
};

/*
 * Reads the text, and the file of the token.  -1, and `why` names the part that
 * is wrong.  Free it with site_free() if it was read.
 */
int site_read(struct site *, const char *text, char why[URL_WHY_SIZE]);
void site_free(struct site *);

#endif
