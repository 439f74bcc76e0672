#ifndef KEY_H
#define KEY_H

/*
 * The key of a record: its value at a path (json/key.h).  Records with the same
 * key belong to the same flow.
 */

#include <stdbool.h>
#include <stddef.h>

#include "json/key.h"

struct record;

/* The longest key that is accepted, in bytes. */
#define KEY_MAX 1024

struct key {
	struct json_key value;
	char *payload; /* malloc'd, or NULL: the record in an envelope */
};

/*
 * Finds the key of a record.  With may_be_envelope, it looks into the payload
 * of a retry envelope.  The key is valid as long as the record; free it with
 * key_forget().  -1: there is no value at that path, or no memory.
 */
int key_find(struct key *, const struct json_path *, const struct record *, bool may_be_envelope);

/* Frees what the key owns, and makes it the empty key. */
void key_forget(struct key *);

#endif
