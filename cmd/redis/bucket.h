#ifndef REDIS_BUCKET_H
#define REDIS_BUCKET_H

/*
 * A bucket (base/bucket.h) that is a key of the server, and the script by which
 * all machines take from it, on the server's clock.
 *
 * The key is a hash: `rate`, "AMOUNT PER BURST UNIT", for which all must ask;
 * `debt`, what is missing in the bucket, which may be more than the burst;
 * `at`, when that was so, us.  The key expires when the bucket has been full
 * for a minute: no key is a full bucket.
 *
 * Knows no server; nothing blocks.
 */

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "json/text.h"

/* A rate as text, and what the bucket says. */
#define BUCKET_RATE_SIZE 80

struct bucket_answer {
	bool differs; /* another rate is in force; nothing was taken */
	/* That rate, or else what is missing in the bucket, a decimal. */
	char text[BUCKET_RATE_SIZE];
};

/* Whether the text is a rate, "AMOUNT PER BURST UNIT", all at least 1. */
bool bucket_is_rate(const char *text);

/* Writes the command that has the server learn the script. */
void bucket_write_load(struct text *);

/*
 * Writes the command that takes n, if the rate is in force; where `changes` is
 * set, the rate comes into force first.  n may be 0.
 */
void bucket_write_take(
    struct text *, const char *sha, const char *key, const char *rate, uint64_t n, bool changes);

/* Reads the reply.  False: it is none of the script's. */
bool bucket_read_answer(const redisReply *, struct bucket_answer *);

#endif
