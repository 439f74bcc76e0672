#ifndef PCHAN_SIGNAME_H
#define PCHAN_SIGNAME_H

/* The name of a signal, for messages and dead letters. */

#define SIGNAME_SIZE 16

/*
 * "SIGSEGV"; "SIG34" for one that has no name, as the real-time signals have
 * none.  Any thread.
 */
void signame(int sig, char name[SIGNAME_SIZE]);

#endif
