#ifndef PCHAN_CONTROL_H
#define PCHAN_CONTROL_H

/*
 * Lines of a helper that are for the tool that has started it, among those that
 * are records or answers: they begin with "@KEY ", where KEY is random, and in
 * the helper's environment.  Any thread; nothing blocks.
 */

#include <stddef.h>
#include <stdint.h>

#include "json/text.h"

#define CONTROL_VARIABLE "PCHAN_KEY"
#define CONTROL_KEY_SIZE 17    /* 16 digits and a NUL */
#define CONTROL_PREFIX_SIZE 19 /* "@KEY " with its NUL */

/* A new key, and the prefix of its lines. */
void control_key(char key[CONTROL_KEY_SIZE], char prefix[CONTROL_PREFIX_SIZE]);

/* The helper's: adds "@KEY WORD ". */
void control_begin(struct text *, const char *key, const char *word);

/*
 * The helper's: adds a line "stat NAME NUMBER [LABEL]" but for its line feed;
 * NULL: the number is "-", and the label may be NULL.
 */
void control_stat(
    struct text *, const char *key, const char *name, const uint64_t *number, const char *label);

#endif
