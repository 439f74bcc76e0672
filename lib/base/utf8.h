#ifndef PCHAN_UTF8_H
#define PCHAN_UTF8_H

/*
 * UTF-8 (RFC 3629) for what people read: names, messages, what a worker wrote
 * to stderr.  These can be any bytes, and must become text that fits.  (Records
 * are checked by json_check().) Lengths are in bytes; NUL is a character.
 *
 * Any thread; nothing blocks.
 */

#include <stddef.h>

/*
 * The length of the character that begins at s, where there are len > 0 bytes;
 * 0 if there is no valid character.
 */
size_t utf8_char(const char *s, size_t len);

/*
 * A malloc'd copy with U+FFFD in place of each byte that is not UTF-8.  NULL
 * with errno ENOMEM.
 */
char *utf8_clean(const char *s, size_t len, size_t *clean_len);

/*
 * How many bytes to keep of the start, or of the end, so that they are whole
 * characters and no more than max bytes.
 */
size_t utf8_head(const char *s, size_t len, size_t max);
size_t utf8_tail(const char *s, size_t len, size_t max);

/*
 * How many bytes of the start fit into so many columns of a terminal.  A wide
 * character has two columns; for a character whose width is not known this
 * errs towards two.
 */
size_t utf8_fit(const char *s, size_t len, size_t columns);

/*
 * Makes the text harmless to a terminal, in place: each byte of a character
 * that would control the terminal becomes a question mark, and so does each
 * byte that is not UTF-8, as a terminal may take that for a control character,
 * too.  Control characters are C0 (except those in `kept`), DEL, C1 (U+0080 to
 * U+009F), and those that turn the direction of text (U+202A to U+202E, U+2066
 * to U+2069).  Whatever bytes of a record, a letter or a file name are shown to
 * people pass through here.
 */
void utf8_tame(char *text, size_t len, const char *kept);

#endif
