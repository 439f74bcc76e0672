#ifndef PCHAN_JSON_H
#define PCHAN_JSON_H

/*
 * JSON texts (RFC 8259) looked at in place: is this one, and where in it is the
 * value at this path?  Nothing is copied, no tree is built, no recursion.  For
 * everything off the hot path there is jansson.
 */

#include <stdbool.h>
#include <stddef.h>

#define JSON_MAX_DEPTH 1024 /* nested arrays and objects; one more is an error */

struct json_error {
	size_t offset;    /* in bytes, of the first byte that can't be */
	const char *what; /* "unexpected character", ...: static, lower case */
};

/* A stretch of somebody else's bytes. */
struct json_slice {
	const char *data;
	size_t len;
};

/*
 * Whether text[0..len) is one JSON text: any type of value, white space around
 * it, valid UTF-8, no NUL.  If not and err is not NULL, *err says where and why.
 */
bool json_check(const char *text, size_t len, struct json_error *err);

/* Whether there is nothing but JSON white space (space, tab, CR, LF). */
bool json_blank(const char *text, size_t len);

struct json_path;

/*
 * Compiles a key path as jq writes it: `.user.id`, `.tags[0]`, `."odd name"`,
 * `.["odd name"]`, `.` (the whole); a name is [A-Za-z_][A-Za-z0-9_]*, or quoted with JSON's
 * escapes.  No negative index, no slices, no filters.  NULL with *why set to a
 * static text (or errno ENOMEM and *why "out of memory").
 */
struct json_path *json_path_new(const char *path, const char **why);
void json_path_free(struct json_path *);

/*
 * The value at the path, as it stands in the text, without white space around
 * it: {"a":1.10} has `1.10` at .a.  Of members with one name the last wins, as in jq; names
 * are compared after unescaping.  False when there is none.  The text need not have been
 * checked: then what is found is what a lenient look finds, and nothing outside [0..len) is read.
 */
bool json_path_get(
    const struct json_path *, const char *text, size_t len, struct json_slice *value);

/*
 * Whether the text is an object whose first member has this name and this plain
 * string (no escapes in either, but for \/) as its value; white space between tokens is passed over.
 * The rest of the text is not looked at.
 */
bool json_first_member(const char *text, size_t len, const char *name, const char *value);

/*
 * Decodes a JSON string, quotes included, to UTF-8 (lone surrogates become U+FFFD).
 * out has room for len bytes; returns how many were written (no NUL is added, one
 * may be inside), or (size_t)-1 if it is no valid string.
 */
size_t json_unquote(const char *string, size_t len, char *out);

/*
 * Whether a JSON string (quotes included), decoded, is this text.  It need not have
 * been checked; if it is none, the answer may be either.
 */
bool json_string_is(const char *string, size_t len, const char *text, size_t text_len);

#endif
