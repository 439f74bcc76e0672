#ifndef TEXT_H
#define TEXT_H

/*
 * Text of letters, for people to read.  Letters come from anywhere: what is
 * printed of them goes through utf8_tame() first.
 */

#include <stddef.h>
#include <stdint.h>

struct json_slice;

/*
 * Returns how many columns a line may have: the width of the terminal, or
 * SIZE_MAX if standard output is not a terminal.
 */
size_t text_width(void);

/*
 * Returns a member's value as a C string, malloc'd: a string decoded, any other
 * value as it stands, and "" if there is none.  Ends the process if there is no
 * memory.
 */
char *text_of(const struct json_slice *);

/* Writes a time as local time, 2026-11-23 15:04:05; "-" for 0. */
#define TEXT_TIME_SIZE 32
void text_time(int64_t calendar_us, char text[TEXT_TIME_SIZE]);

/* Prints a line, cut after so many columns. */
void text_line(const char *line, size_t columns);

#endif
