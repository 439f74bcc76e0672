#ifndef KEY_H
#define KEY_H

/* Which flow a record belongs to: the value at a path of it. */

#include <stdbool.h>
#include <stddef.h>

struct json_path;
struct record;

#define KEY_MAX 1024 /* bytes of a key that is accepted */

struct key {
	const char *data; /* in the record, or in `owned` */
	size_t len;
	char *owned; /* NULL: nothing is */
};

/*
 * Sets the key to the value as it stands there; of a string the characters, however they are escaped.  In a retry envelope
 * (if may_be_envelope) it looks into the record inside.  -1: there is no value, or no memory.
 */
int key_find(struct key *, const struct json_path *, const struct record *, bool may_be_envelope);

/* Frees what it owns; it is the empty key then. */
void key_forget(struct key *);

#endif
