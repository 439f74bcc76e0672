#ifndef TEMPLATE_H
#define TEMPLATE_H

/*
 * The arguments of exec mode, with what is put in for each record: {} the record, {.path} the value at
 * a path (a string without its quotes), {#} the record's number, {%} the worker's
 * slot.  They are whole arguments or parts of them and never see a shell.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record;
struct template;

/* NULL with *why (a static text) and *bad, the argument that is wrong. */
struct template *template_new(char *const argv[], const char **why, const char **bad);
void template_free(struct template *);

/* Whether the command itself depends on the record. */
bool template_names_command(const struct template *);

enum template_status {
	TEMPLATE_OK,
	TEMPLATE_NO_KEY, /* *bad: the argument whose path has no value */
	TEMPLATE_NUL,    /* *bad: the argument that would hold a NUL */
	TEMPLATE_NO_MEMORY,
};

/* The arguments for a record: *argv is one malloc'd block. */
enum template_status template_fill(
    const struct template *, const struct record *, unsigned slot, char ***argv, const char **bad);

#endif
