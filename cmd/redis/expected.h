#ifndef REDIS_EXPECTED_H
#define REDIS_EXPECTED_H

/*
 * The replies that are expected, in the order of their commands.
 *
 * Knows no server; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct expected_reply {
	int what;
	uint64_t n;
};

/* {0} is empty. */
struct expected {
	struct expected_reply *ring;
	size_t room; /* a power of two, or 0 */
	uint64_t first, end;
};

void expected_free(struct expected *);

/* -1 with errno ENOMEM. */
int expected_add(struct expected *, int what, uint64_t n);

/* The next one.  False: none is expected. */
bool expected_take(struct expected *, struct expected_reply *);

uint64_t expected_count(const struct expected *);
void expected_forget(struct expected *);

#endif
