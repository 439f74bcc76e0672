#ifndef PCHAN_JSON_H
#define PCHAN_JSON_H

/*
 * JSON texts (RFC 8259) looked at in place: is this text JSON, and where in it
 * is the value at this path? Nothing is copied, no tree is built, nothing
 * recurses.  Everything off the hot path uses jansson.
 *
 * Any thread; nothing blocks.  Slices point into the caller's text.
 */

#include <stdbool.h>
#include <stddef.h>

#define JSON_MAX_DEPTH 1024 /* nested arrays and objects; more is an error */

struct json_error {
	size_t offset;    /* in bytes, of the first byte that cannot be there */
	const char *what; /* "unexpected character", ...: static, lower case */
};

/* A stretch of somebody else's bytes. */
struct json_slice {
	const char *data;
	size_t len;
};

/*
 * Whether text[0..len) is one JSON text: a value of any type, white space
 * around it, valid UTF-8, no NUL.  If it is not, *err says where and why,
 * unless err is NULL.
 */
bool json_check(const char *text, size_t len, struct json_error *err);

/*
 * The same; and *seen says whether an object in the text may have a member
 * traceparent: false is certain.
 */
bool json_check_traced(const char *text, size_t len, bool *seen, struct json_error *err);

/* Whether the text has nothing but JSON white space (space, tab, CR, LF). */
bool json_blank(const char *text, size_t len);

struct json_path;

/*
 * Compiles a key path as jq writes it: `.user.id`, `.tags[0]`, `."odd name"`,
 * `.["odd name"]`, `.` (the whole text).  A name is [A-Za-z_][A-Za-z0-9_]*, or
 * quoted with JSON's escapes.  Negative indexes, slices and filters are
 * refused.  Returns the path, which the caller frees, or NULL with *why set to
 * a static text ("out of memory", with errno ENOMEM, if it was that).
 */
struct json_path *json_path_new(const char *path, const char **why);
void json_path_free(struct json_path *);

/*
 * Finds the value at the path, as it stands in the text, without white space
 * around it: {"a":1.10} has `1.10` at .a.  Of members with the same name the
 * last wins, as in jq; names are compared after unescaping.  False if there is
 * no such value.  In a text that has not been checked the result is what a
 * lenient search finds; nothing outside text[0..len) is read.
 */
bool json_path_get(
    const struct json_path *, const char *text, size_t len, struct json_slice *value);

/*
 * Whether the text is an object whose first member has this name and this
 * string as its value.  White space between tokens is skipped; name and string
 * must stand there without escapes, except \/.  The rest of the text is not
 * looked at.
 */
bool json_first_member(const char *text, size_t len, const char *name, const char *value);

/*
 * Decodes a JSON string, given with its quotes, to UTF-8; lone surrogates
 * become U+FFFD.  out has room for len bytes.  Returns how many were written,
 * or (size_t)-1 if the string is not valid.  No NUL is added, but the string
 * can contain one.
 */
size_t json_unquote(const char *string, size_t len, char *out);

/*
 * Whether a JSON string, given with its quotes, is this text once decoded.  If
 * the string is not valid, the answer can be either.
 */
bool json_string_is(const char *string, size_t len, const char *text, size_t text_len);

#endif
