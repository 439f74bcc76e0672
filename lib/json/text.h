#ifndef PCHAN_TEXT_H
#define PCHAN_TEXT_H

/*
 * JSON that is written by hand, where a tree would be too slow: a text that
 * grows.  Without memory it fails, and stays as it is from then on; the writer
 * need not look before the end.
 *
 * One thread's at a time; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* {0} is an empty one. */
struct text {
	char *data; /* malloc'd, or NULL; no NUL at its end */
	size_t len, room;
	bool failed; /* there was no memory for something */
};

/* Frees the data; the text is empty then, and has not failed. */
void text_free(struct text *);

/* Room for n bytes behind those that are there; NULL: the text has failed. */
char *text_room(struct text *, size_t n);

/* Adds bytes as they are; a C string as it is. */
static inline void
text_bytes(struct text *t, const char *bytes, size_t n)
{
	char *at = t->data != NULL && t->room - t->len >= n ? t->data + t->len : text_room(t, n);

	if (at == NULL || t->failed)
		return;
	memcpy(at, bytes, n);
	t->len += n;
}

void text_raw(struct text *, const char *s);

/* The same for a literal, whose length the compiler knows. */
#define TEXT_LITERAL(text, s) text_bytes(text, s, sizeof(s) - 1)

/* Adds a number in decimal digits. */
void text_number(struct text *, uint64_t);

/*
 * Adds a JSON string with its quotes, escaped; each byte that is not UTF-8
 * becomes U+FFFD.  One is of len bytes, which may be NUL, the other a C string.
 */
void text_chars(struct text *, const char *s, size_t len);
void text_string(struct text *, const char *s);

#endif
