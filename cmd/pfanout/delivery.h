#ifndef DELIVERY_H
#define DELIVERY_H

/*
 * One output of pfanout --to: waits for its reader, writes the parcels that it
 * gets, and sees its reader leave.
 */

struct chan;
struct delivery;
struct spread;

/* Of output i.  NULL with errno ENOMEM. */
struct delivery *delivery_new(struct spread *, unsigned i);
void delivery_free(struct delivery *);

/*
 * The thread of the output: runs until nothing comes for it any more, it can't
 * be written to, or the stage has given up; then it closes the output.
 */
void delivery_run(struct delivery *, struct chan *out);

#endif
