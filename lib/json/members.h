#ifndef PCHAN_MEMBERS_H
#define PCHAN_MEMBERS_H

/*
 * Members of a JSON object by their names, all in one pass.  A key path finds
 * one value; this finds several, and allocates nothing, so that it cannot fail.
 */

#include <stdbool.h>
#include <stddef.h>

struct json_slice;

/*
 * Sets values[i] to the value of the member names[i], as it stands in the text,
 * without white space around it, or to {NULL, 0} if there is no such member.
 * Of members with the same name the last wins; names are compared after
 * unescaping.
 * *last is all that stands between the colon of the last member and the closing
 * brace, {NULL, 0} if there are no members.  The text is one that json_check()
 * accepts; in any other the result can be anything inside text[0..len), and
 * nothing outside it is read.  Any thread; nothing blocks.
 */
void members_find(const char *text, size_t len, const char *const *names, size_t n,
    struct json_slice *values, struct json_slice *last);

/*
 * Where another first member goes: behind the brace with which the text, a JSON
 * text, begins.  -1: it is no object.  *empty: the object has no members.
 */
long members_begin(const char *text, size_t len, bool *empty);

#endif
