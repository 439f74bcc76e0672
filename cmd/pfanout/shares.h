#ifndef SHARES_H
#define SHARES_H

/*
 * The marks on their way to the outputs of pfanout --to (mark.h): each output,
 * and standard output, gets every mark with a share of its weight, so that the
 * whole comes back when all have finished.  The sink puts marks in, each output
 * takes its own.  Nobody waits for an output: what it does not take stays here.
 *
 * Any thread; nothing blocks.
 */

#include <stdbool.h>

struct mark;
struct shares;

/*
 * For n outputs, and standard output, which is one of them (`sink`) or beside
 * them (n).  NULL with errno ENOMEM.
 */
struct shares *shares_new(unsigned n, unsigned sink);
void shares_free(struct shares *);

/*
 * Every other output gets its share of the mark, which is left with that of
 * standard output.  -1 with errno: ENOMEM, or ERANGE if the weight is too small
 * to be divided.
 */
int shares_put(struct shares *, struct mark *);

/* No mark comes any more. */
void shares_end(struct shares *);

/* Output i takes its share of the next mark.  False: there is none now. */
bool shares_take(struct shares *, unsigned i, struct mark *);

/* Whether output i has taken all, and none comes any more. */
bool shares_are_over(struct shares *, unsigned i);

#endif
