#ifndef PCHAN_COMPLETE_H
#define PCHAN_COMPLETE_H

/*
 * Completions for shells.  The scripts of completions/ know nothing of options:
 * with each Tab they run
 *
 *	TOOL --complete [word ...]
 *
 * with the words after the tool's name up to the cursor, the last of which is
 * being typed and may be empty.  The answer has a line for each candidate: the
 * word, a tab, what it means.  The shell keeps those that match.  For a word
 * `--option=value` the candidates are values.  A line that begins with a colon
 * says what the shell itself is to complete:
 *
 *	:files		the name of a file
 *	:folders	the name of a folder
 *	:command N	a command line that begins with word N (0: the first)
 */

#include <stddef.h>

struct optable;
struct options_tool;

/*
 * The answer.  The table is filled, but nothing is given in it yet.  The caller
 * frees the text.  NULL with errno: out of memory.
 */
char *complete_text(const struct options_tool *, struct optable *, char *const *words, size_t n);

#endif
