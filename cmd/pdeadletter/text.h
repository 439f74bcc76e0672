#ifndef TEXT_H
#define TEXT_H

/*
 * What letters say, for people: they come from anywhere, so what would steer a terminal is
 * printed as a question mark.
 */

#include <stddef.h>
#include <stdint.h>

struct json_slice;

/* Columns that a line may have: the terminal's width, or SIZE_MAX where standard output is none. */
size_t text_width(void);

/*
 * A member's value as a C string, malloc'd: a string decoded, anything else as it stands, "" if there
 * is none.  Ends the process without memory.
 */
char *text_of(const struct json_slice *);

/* Replaces control characters in place, but for those in `kept`. */
void text_tame(char *text, size_t len, const char *kept);

/* The local time of it, as 2026-11-23 15:04:05; "-" for 0. */
#define TEXT_TIME_SIZE 32
void text_time(int64_t calendar_us, char text[TEXT_TIME_SIZE]);

/* Prints a line, cut to so many columns. */
void text_line(const char *line, size_t columns);

#endif
