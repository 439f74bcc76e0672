#ifndef PCHAN_KAFKA_META_H
#define PCHAN_KAFKA_META_H

/*
 * What a record was in Kafka, as a member for the record: meta=NAME.
 *
 *	"NAME":{"topic":"t","partition":0,"offset":7,"timestamp":1700000000000,
 *	    "key":"k"}
 *
 * One thread's; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/text.h"

struct meta {
	const char *topic;
	int32_t partition;
	int64_t offset;
	int64_t timestamp; /* ms since 1970; -1: the server has none */
	const char *key;   /* any bytes; NULL: none */
	size_t key_len;
	bool tombstone; /* the record has no value */
};

/*
 * Makes the text this member, with a NUL.  In the key each byte that is not
 * UTF-8, or is zero, becomes U+FFFD.
 */
void meta_write(struct text *, const char *name, const struct meta *);

#endif
