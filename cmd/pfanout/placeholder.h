#ifndef PLACEHOLDER_H
#define PLACEHOLDER_H

/*
 * A {.path} as it stands in an argument of exec mode and in a file name of
 * --to.
 */

#include <stddef.h>

struct json_path;

/*
 * The length of the {.path} at the start of the text, with its braces; 0 if the
 * text does not begin with one.  A } in a quoted name does not end it.
 */
size_t placeholder_length(const char *text);

/*
 * Compiles the path of the placeholder that has this length.  Returns the path,
 * which the caller frees, or NULL with *why as json_path_new().
 */
struct json_path *placeholder_path(const char *text, size_t len, const char **why);

#endif
