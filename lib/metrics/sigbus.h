#ifndef PCHAN_SIGBUS_H
#define PCHAN_SIGBUS_H

/*
 * Access to a mapped file that others may cut: where the file has ended, the
 * kernel sends SIGBUS.
 */

#include <stdbool.h>

/*
 * Calls access(arg).  False: it met a SIGBUS, and did not return.  So it must
 * hold no lock and no memory.  One thread at a time, others wait; calls may not
 * be nested.
 */
bool sigbus_guard(void (*access)(void *), void *arg);

#endif
