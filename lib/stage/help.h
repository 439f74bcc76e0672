#ifndef PCHAN_HELP_H
#define PCHAN_HELP_H

/* What --help prints, made of the tables of options.h. */

struct optable;
struct options_tool;

/*
 * The text for a tool or for a command of its own, with the options that may be
 * given to it, no wider than 80 columns.  The caller frees the text.  NULL with
 * errno: out of memory.
 */
char *help_text(const struct options_tool *, const struct optable *);

#endif
