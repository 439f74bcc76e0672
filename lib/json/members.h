#ifndef PCHAN_MEMBERS_H
#define PCHAN_MEMBERS_H

/*
 * The top-level members of a JSON object by their names, all in one look.  A
 * struct json_path finds one; this finds many, without memory of its own, so that it can't fail.
 */

#include <stddef.h>

struct json_slice;

/*
 * Sets values[i] to the value of the member names[i], as it stands in the text, without
 * white space around it, and to {NULL, 0} if there is none.  Of members with one name the last
 * wins; names are compared after unescaping.  *last is all that stands between the
 * colon of the last member and the closing brace.  For a text that json_check() has found good; of
 * another one it may find anything, but reads nothing outside of [0..len).
 */
void members_find(const char *object, size_t len, const char *const *names, size_t n,
    struct json_slice *values, struct json_slice *last);

#endif
