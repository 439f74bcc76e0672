#ifndef LISTENER_H
#define LISTENER_H

/*
 * The server: takes requests in, with their bodies, and answers when it is
 * told.  What comes too slowly, or is too much, never leaves it.
 *
 * For one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "body.h"

struct listener;
struct site;

/* A request whose body is complete. */
struct visit {
	TAILQ_ENTRY(visit) next; /* the taker's */
	uint64_t token, records; /* the taker's, too */
	struct body body;
	const char *traceparent, *tracestate; /* headers, or NULL */
	struct listener_request *request;
};

TAILQ_HEAD(visits, visit);

/*
 * Listens on the socket.  take(arg, visit) is called by listener_run() for each
 * complete request, which is answered by visit_answer(), then or later.  Ends
 * the process if that can't be had.
 */
struct listener *listener_new(
    const struct site *, int fd, void (*take)(void *arg, struct visit *), void *arg);
void listener_free(struct listener *);

/*
 * Answers with a status and a JSON text, malloc'd, which is the listener's
 * then; NULL: no memory for one.  The visit is gone when listener_run() is
 * called next.
 */
void visit_answer(struct visit *, unsigned status, char *json);

/* Whether no more records can be taken now: requests get 503. */
void listener_set_full(struct listener *, bool full);

/* No more connections, and requests get 503. */
void listener_stop(struct listener *);

/* Whether answers are still under way to their clients. */
bool listener_is_answering(const struct listener *);

/* A descriptor for poll(2), and how many ms at most to wait; -1: no limit. */
int listener_fd(const struct listener *);
int listener_timeout(const struct listener *);

/* Does what can be done; does not block. */
void listener_run(struct listener *);

#endif
