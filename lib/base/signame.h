#ifndef PCHAN_SIGNAME_H
#define PCHAN_SIGNAME_H

/* The name of a signal, for messages and dead letters. */

#define SIGNAME_SIZE 16

/*
 * Writes the name: "SIGSEGV", or "SIG34" for a signal without one, such as the
 * real-time signals.  Any thread.
 */
void signame(int sig, char name[SIGNAME_SIZE]);

#endif
