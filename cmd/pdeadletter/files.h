#ifndef FILES_H
#define FILES_H

/* The FILEs of a command line, each once. */

/*
 * What is to be read of these operands (the list ends with NULL), as a list of the same kind, malloc'd as its names are:
 * links resolved, and without what belongs to another one, as FILE.1 and FILE.cursor do when the shell
 * has made them of FILE*.
 */
char **files_of(char *const *operands);
void files_free(char **files);

#endif
