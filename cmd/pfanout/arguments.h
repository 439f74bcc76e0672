#ifndef ARGUMENTS_H
#define ARGUMENTS_H

/*
 * The arguments of exec mode, with what is put in for each record: {} the
 * record, {.path} the value at a path (a string without its quotes), {#} the
 * record's number, {%} the worker's slot.  They are whole arguments or parts of
 * them, and never see a shell.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arguments;
struct record;

/*
 * Parses the command and its arguments, which must outlive the result.  NULL
 * with *why (a static text) and *bad, the argument that is wrong.
 */
struct arguments *arguments_new(char *const argv[], const char **why, const char **bad);
void arguments_free(struct arguments *);

/* Whether the command itself depends on the record. */
bool arguments_names_command(const struct arguments *);

enum arguments_status {
	ARGUMENTS_OK,
	ARGUMENTS_NO_KEY, /* *bad: the argument whose path has no value */
	ARGUMENTS_NUL,    /* *bad: the argument that would hold a NUL */
	ARGUMENTS_NO_MEMORY,
};

/*
 * The arguments for a record: *argv is one malloc'd block.  *bad is what was
 * given to arguments_new().
 */
enum arguments_status arguments_fill(
    const struct arguments *, const struct record *, unsigned slot, char ***argv, const char **bad);

#endif
