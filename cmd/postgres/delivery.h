#ifndef DELIVERY_H
#define DELIVERY_H

/*
 * Stores the records of stdin and answers them, until stdin ends.  While a
 * transaction is on its way the next records are collected: one record alone
 * goes at once, and many go together.
 *
 * The main thread's.  Ends the process if nothing can be stored.
 */

struct target;

void delivery_run(const struct target *);

#endif
