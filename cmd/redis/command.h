#ifndef REDIS_COMMAND_H
#define REDIS_COMMAND_H

/*
 * Commands as Redis reads them (RESP, an array of strings), written to a text
 * that grows.  Without memory the text fails.
 *
 * Nothing blocks.
 */

#include <stddef.h>
#include <stdint.h>

#include "json/text.h"

/* A command of so many words, its name included; the words follow. */
void command_begin(struct text *, size_t words);
void command_bytes(struct text *, const void *data, size_t len);
void command_word(struct text *, const char *);
void command_number(struct text *, uint64_t);

/* A whole command; NULL follows its last word. */
void command_words(struct text *, ...) __attribute__((sentinel));

#endif
