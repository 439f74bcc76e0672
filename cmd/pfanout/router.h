#ifndef ROUTER_H
#define ROUTER_H

/*
 * The router of pfanout --to: takes records from the source, checks them, and
 * hands them over to the outputs.  Those that no output can have leave as dead
 * letters.
 */

struct chan;
struct router;
struct spread;

/* NULL with errno ENOMEM. */
struct router *router_new(struct spread *);
void router_free(struct router *);

/*
 * The thread of the router: runs until `in` is closed and drained and the
 * outputs have taken everything, or the stage has given up.
 */
void router_run(struct router *, struct chan *in, struct chan *out);

#endif
