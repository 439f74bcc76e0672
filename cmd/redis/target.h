#ifndef REDIS_TARGET_H
#define REDIS_TARGET_H

/*
 * What a URL of Redis says: where the server is, who we are there, and which
 * key is meant.
 *
 *	redis://[USER@]HOST[:PORT][,HOST[:PORT]...]/KEY?OPTION=VALUE&...
 *
 * rediss:// is the same over TLS.  The password is in $REDISCLI_AUTH, or in the
 * file that config= names.
 *
 * The main thread's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/url.h"

#define TARGET_SHOWN_SIZE 256

struct target {
	struct url url;
	bool tls;
	const char *key;      /* the stream, or the bucket */
	const char *password; /* NULL: there is none */
	const char *socket;   /* a path, or NULL: TCP */
	const char *config, *ca, *cert, *cert_key;
	int64_t db;
	bool keeps_nothing;            /* that the server must not lose */
	char shown[TARGET_SHOWN_SIZE]; /* for messages: without options */
};

/*
 * Reads the URL, with the options that `own` adds; `kind` says what the key is
 * ("stream").  Ends the process where something is wrong.
 */
void target_read(struct target *, const char *text, const char *kind, const struct url_rule *own);
void target_free(struct target *);

#endif
