#ifndef TOKENS_H
#define TOKENS_H

/*
 * The tokens of a helper: each stands for all records that the helper has
 * printed before it.  A token counts once these have been sent on, and then
 * also for all tokens before it.  Pure: the caller has a lock.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_SIZE 33 /* with its NUL */

struct token {
	uint64_t end; /* of the records before it: an offset in the pipe */
	char text[TOKEN_SIZE];
};

/* {0} at first. */
struct tokens {
	struct token *queue; /* those that do not count yet */
	size_t n, room;
	uint64_t sent;           /* records were sent on up to this offset */
	char latest[TOKEN_SIZE]; /* of those that count */
	bool fresh;              /* nobody has taken it */
};

void tokens_free(struct tokens *);

/* Whether a text can be a token: 1 to 32 bytes, printable, no blanks. */
bool tokens_allow(const char *text, size_t len);

/*
 * A token has come, behind records that end at this offset.  1: it counts at
 * once; 0: not yet; -1 with errno ENOMEM.
 */
int tokens_come(struct tokens *, const char *text, size_t len, uint64_t end);

/* Records were sent on up to this offset.  Whether another token counts now. */
bool tokens_sent(struct tokens *, uint64_t end);

/* Takes the latest one that counts.  False: there is none that is new. */
bool tokens_take(struct tokens *, char text[TOKEN_SIZE]);

#endif
