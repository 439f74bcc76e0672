#ifndef FILES_H
#define FILES_H

/* The FILEs of a command line, each once. */

/*
 * Returns the files to be read for these operands (a list that ends with NULL)
 * as a list of the same kind, to be freed with files_free().  Symbolic links
 * are resolved.  Leaves out what belongs to another operand, such as FILE.1 and
 * FILE.cursor where the shell has expanded FILE*.  Ends the process if there is
 * no memory.
 */
char **files_of(char *const *operands);

/* Frees the list and its names. */
void files_free(char **files);

#endif
