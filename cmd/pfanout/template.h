#ifndef TEMPLATE_H
#define TEMPLATE_H

/*
 * The file name of --to 'dir/{.user}.ndjson', in which each {.path} stands for
 * a value of the record: of a string its characters, of a number, true or false
 * its text.  (So the number 1 and the string "1" name one file.)  {{ stands for
 * a brace.
 *
 * Whatever a record says, its name is that of a file in the folder, and one
 * that people can see and type: a value has no slash, is not empty, not `.` and
 * not `..`, has no characters that control a terminal, and makes no name that
 * begins with a dot, unless the template begins so, or that is longer than
 * NAME_MAX.
 *
 * Any thread; nothing blocks.
 */

#include <limits.h>
#include <stddef.h>

struct name_template;

/*
 * Parses the name.  Only its last component can have placeholders, so that the
 * folder is known.  Returns NULL with *why, a static text, if it is wrong
 * ("out of memory", with errno ENOMEM, if it was that).
 */
struct name_template *template_new(const char *text, const char **why);
void template_free(struct name_template *);

/* The path of the one file, if there is no placeholder; else NULL. */
const char *template_path(const struct name_template *);

/* The folder of the files, if there is a placeholder. */
const char *template_folder(const struct name_template *);

enum template_status {
	TEMPLATE_OK,
	TEMPLATE_NO_KEY,     /* there is no value: reason no_key */
	TEMPLATE_UNROUTABLE, /* a value makes no name: reason unroutable */
};

/*
 * The name in the folder for a record, of a template that has a placeholder.
 * If there is none, `error` says why, for the dead letter.
 */
enum template_status template_fill(const struct name_template *, const char *record, size_t len,
    char name[NAME_MAX + 1], char *error, size_t size);

#endif
