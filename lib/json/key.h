#ifndef PCHAN_JSON_KEY_H
#define PCHAN_JSON_KEY_H

/*
 * The value at a key path, in a form in which equal values have equal bytes: a
 * string's decoded characters, so that it does not matter how they are escaped,
 * and the text of any other value as it stands, so that 1 and 1.0 are two
 * values.
 *
 * Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/json.h"

struct json_key {
	const char *data; /* in the text, or in `owned` */
	size_t len;
	char *owned; /* malloc'd, or NULL */
};

/*
 * Finds the key in the text; it is valid as long as the text, and freed with
 * json_key_forget().  -1: there is no value at that path, the value is a string
 * that is not valid, or there is no memory (errno ENOMEM).
 */
int json_key_find(struct json_key *, const struct json_path *, const char *text, size_t len);

bool json_key_equal(const struct json_key *, const struct json_key *);

/*
 * hash_bytes() of the key.  What is hashed is part of the interface, as
 * pchan-formats(5) documents it: of a string a quote and its decoded characters
 * (but no quote at the end), of any other value its text.  With hash_jump()
 * this is the key's partition.
 */
uint64_t json_key_hash(const struct json_key *);

/* Frees what the key owns, and makes it the empty key. */
void json_key_forget(struct json_key *);

#endif
