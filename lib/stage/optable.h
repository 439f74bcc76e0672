#ifndef PCHAN_OPTABLE_H
#define PCHAN_OPTABLE_H

/*
 * All that may be given on a command line, in the order of --help: the options,
 * and after them what stands for an option in a rule.  Says what was given, and
 * what goes together.
 */

#include <stdbool.h>
#include <stddef.h>

#include "stage/options.h"

#define OPTABLE_MAX 64  /* options and stand-ins of a tool */
#define OPTABLE_NAME 32 /* "--max-record" */

struct optable {
	size_t options; /* of the entries; the others are stand-ins */
	size_t n;
	struct option_row row[OPTABLE_MAX];
	/* In messages and rules: "-j", or "--window" without a letter. */
	char name[OPTABLE_MAX][OPTABLE_NAME];
	bool given[OPTABLE_MAX];
};

/* Adds the options of a tool's own. */
void optable_add(struct optable *, const struct option_row *rows);

/*
 * Adds options that all tools share, with the texts that the tool's own rows
 * have for them (OPTION_COMMON).
 */
void optable_add_common(
    struct optable *, const struct option_row *rows, const struct option_row *own);

/*
 * Adds what is no option, but may stand for one in a rule, after all options.
 * NULL: nothing is added.
 */
void optable_add_stand_in(struct optable *, const char *name, bool given);

/* The entry of this name ("-j", "--window"); t->n: there is none. */
size_t optable_find(const struct optable *, const char *name);

/* The first rule that what was given breaks; NULL: none. */
const struct option_rule *optable_broken(const struct optable *, const struct option_rule *);

/*
 * Whether this option may be added to what was given: no rule excludes it, and
 * what it needs exists.
 */
bool optable_offers(const struct optable *, const struct option_rule *, size_t option);

#endif
