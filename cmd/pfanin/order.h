#ifndef ORDER_H
#define ORDER_H

/* The orders in which records of several inputs go on; source.h runs them. */

struct feed;

/* One record of each input in turn; an input that is slow is waited for. */
void order_round_robin(struct feed *, void *unused);

/* One input after the other. */
void order_concat(struct feed *, void *unused);

/*
 * A merge of inputs that are sorted by a key; arg is the struct pfanin.  Holds
 * one record of each input, and sends the first of them in the order of
 * json/order.h; of equal keys, that of the input that was named first.  A
 * record that belongs before one that has been sent is dead (`late`), one
 * without a key as well (`no_key`).
 */
void order_merge(struct feed *, void *arg);

#endif
