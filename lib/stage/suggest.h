#ifndef PCHAN_SUGGEST_H
#define PCHAN_SUGGEST_H

/*
 * What was probably meant by a word that is no option or no command: a mistyped
 * name, or the habit of another program (struct option_habit).
 */

#include <stdbool.h>
#include <stddef.h>

struct optable;
struct options_command;
struct options_tool;

/*
 * "-L" or "--retries=3".  True: the text is what to write, such as
 * "-a, --attempts".
 */
bool suggest_option(
    const struct options_tool *, const struct optable *, const char *word, char *text, size_t size);

/*
 * The same for a number behind this flag, which takes none here.
 */
bool suggest_number(
    const struct options_tool *, const struct optable *, const char *flag, char *text, size_t size);

/* NULL: nothing is like this word. */
const struct options_command *suggest_command(const struct options_tool *, const char *word);

#endif
