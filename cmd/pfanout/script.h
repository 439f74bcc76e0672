#ifndef SCRIPT_H
#define SCRIPT_H

/*
 * Which word of a command is a program text for a shell or another interpreter,
 * as in `sh -c 'echo $1'`.  What is put into such a word becomes code.  Knows
 * the common interpreters, also behind env, timeout, sudo and the like; for
 * others it says no.
 */

#include <stdbool.h>
#include <stddef.h>

/* A program text among the words of a command. */
struct script {
	const char *interpreter; /* who runs it: "bash", "/usr/bin/python3" */
	const char *option;      /* the word before it: "-c" */
	const char *argument;    /* what is in it the first argument: "$1" */
	const char *before;      /* what precedes the arguments: " sh", or "" */
};

/* Whether argv[i] is the text of a program; then *script says whose. */
bool script_is_text(char *const argv[], size_t i, struct script *script);

#endif
