#ifndef PCHAN_SHORTAGE_H
#define PCHAN_SHORTAGE_H

/* What is too scarce for one more thread or process, for messages. */

/*
 * The text of an errno of pthread_create(3) or fork(2): that of strerror(3),
 * and the remedy where there is one.  Any thread.
 */
const char *shortage_text(int error);

#endif
