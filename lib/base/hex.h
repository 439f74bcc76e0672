#ifndef PCHAN_HEX_H
#define PCHAN_HEX_H

/*
 * Bytes as hexadecimal digits.  Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>

/* The value of a digit, of lower or upper case; -1: it is none. */
int hex_digit(char c);

/* n bytes as 2n lower case digits and a NUL. */
void hex_print(const void *bytes, size_t n, char *text);

/*
 * The other way round, of a text of this length.  False: the text is not 2n
 * such digits, and bytes can have anything.
 */
bool hex_read(const char *text, size_t len, void *bytes, size_t n);

#endif
