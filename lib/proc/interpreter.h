#ifndef PCHAN_INTERPRETER_H
#define PCHAN_INTERPRETER_H

/*
 * Why a file that is there cannot be started: execve(2) fails with ENOENT, "No
 * such file", if the interpreter that the file names is missing.  The
 * interpreter is that of the line #! of a script, or the loader of a program.
 *
 * Any thread.
 */

#include <stdbool.h>

#define INTERPRETER_WHY_SIZE 256

/*
 * Whether the script at path names an interpreter that is missing.  Then why is
 * a message without the path, with the remedy.  False if path is no script or
 * cannot be read.
 */
bool interpreter_is_missing(const char *path, char why[INTERPRETER_WHY_SIZE]);

/*
 * The message for an errno of child_spawn(), without the path: the one about
 * the interpreter or that of shortage_text().  path may be NULL, if no file was
 * found.
 */
const char *interpreter_error(const char *path, int error, char why[INTERPRETER_WHY_SIZE]);

#endif
