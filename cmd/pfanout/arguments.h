#ifndef ARGUMENTS_H
#define ARGUMENTS_H

/*
 * The arguments of exec mode, with what is put in for each record: {} the
 * record, {.path} the value at a path (a string without its quotes), {#} the
 * record's number, {%} the worker's slot.  For a batch {#} is its number, and
 * {n} its size.  They are whole arguments or parts of them, and never see a
 * shell, unless the command is one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arguments;
struct record;

/* What the arguments are for. */
enum {
	/*
	 * Records are plain lines; else they are JSON, and {} is without the
	 * white space around it.
	 */
	ARGUMENTS_RAW = 1,
	/* Batches: {} and {.path} are wrong. */
	ARGUMENTS_BATCH = 2,
};

/*
 * Parses the command and its arguments, which must outlive the result.  how is
 * a set of these bits.  NULL with *why (a static text) and *bad, the argument
 * that is wrong.
 */
struct arguments *arguments_new(
    char *const argv[], unsigned how, const char **why, const char **bad);
void arguments_free(struct arguments *);

/*
 * The first placeholder of the i-th argument (0: the command) that stands for
 * what a record holds, so not {#}, {%} or {n}: as it is written there, *len
 * bytes.  NULL if there is none.
 */
const char *arguments_data(const struct arguments *, size_t i, size_t *len);

/* Whether the command itself depends on the record. */
bool arguments_names_command(const struct arguments *);

enum arguments_status {
	ARGUMENTS_OK,
	ARGUMENTS_NO_KEY, /* *bad: the argument whose path has no value */
	ARGUMENTS_NUL,    /* *bad: the argument that would hold a NUL */
	ARGUMENTS_NO_MEMORY,
};

/* What the placeholders stand for. */
struct arguments_facts {
	const struct record *record;
	uint64_t number;
	size_t size;   /* of the batch */
	unsigned slot; /* the worker's */
};

/*
 * The arguments for a record or batch: *argv is one malloc'd block.  *bad is
 * what was given to arguments_new().
 */
enum arguments_status arguments_fill(
    const struct arguments *, const struct arguments_facts *, char ***argv, const char **bad);

#endif
