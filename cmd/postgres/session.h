#ifndef SESSION_H
#define SESSION_H

/*
 * A connection with the server that comes and goes, and one transaction at a
 * time.
 *
 * One thread's.  Nothing blocks, except that session_look() waits for the
 * server when it looks at the table.
 */

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct failure;
struct session;
struct target;
struct text;

enum session_event {
	SESSION_NOTHING,
	SESSION_READY,  /* a transaction can be sent */
	SESSION_STORED, /* it is durable; another one can be sent */
	/*
	 * It was not stored, or there is no connection.  After a FAULT_LOST it
	 * may have been stored nevertheless.
	 */
	SESSION_FAILED,
};

/* The target must outlive the session.  NULL: no memory. */
struct session *session_new(const struct target *);
void session_free(struct session *);

/* Whether session_connect() is to be called. */
bool session_is_down(const struct session *);

/* Whether session_send() may be called. */
bool session_is_idle(const struct session *);

/* Begins to connect; what comes of it is seen by session_look(). */
void session_connect(struct session *);

/* Begins a transaction: arrays of records, and of their keys (or NULL). */
void session_send(struct session *, const struct text *records, const struct text *keys);

/*
 * What to wait for, and until when (CLOCK_NEVER).  False: for nothing.
 */
bool session_awaits(const struct session *, struct pollfd *, int64_t *until);

/* What has happened; revents is what poll(2) says. */
enum session_event session_look(struct session *, short revents, struct failure *);

#endif
