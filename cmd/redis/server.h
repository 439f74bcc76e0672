#ifndef REDIS_SERVER_H
#define REDIS_SERVER_H

/*
 * The server, to which commands are sent, and which replies to them in their
 * order.  A connection that is lost is made again, for ever, with a back-off;
 * each begins with the password, the database, and the question whether the
 * server is ready.  What can't pass (a wrong password) ends the process.
 *
 *	AWAY -> CONNECTS -> SHAKES -> GREETS -> READY
 *	  ^--------'-----------'---------'---------'
 *
 * The main thread's.  Nothing blocks but the resolver, while a connection is
 * made.
 */

#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "json/text.h"
#include "target.h"

struct server;

/* What happens; called by server_step(), and server_lose(). */
struct server_events {
	/* Commands can be sent; none is outstanding.  May be NULL. */
	void (*ready)(void *arg);
	/* There will be no reply to what is outstanding. */
	void (*lost)(void *arg);
	/* The reply to a command, with what server_command() was told. */
	void (*reply)(void *arg, int what, uint64_t n, const redisReply *);
};

/* `what` is that of the caller: at least 0. */
struct server *server_new(const struct target *, const struct server_events *, void *arg);
void server_free(struct server *);

bool server_is_ready(const struct server *);

/*
 * The text to which a command is to be written (command.h), whose reply the
 * caller will know by `what` and n.  Only while the server is ready.
 */
struct text *server_command(struct server *, int what, uint64_t n);

/* Commands without a reply. */
uint64_t server_owed(const struct server *);

/* The longest value that the server takes. */
uint64_t server_longest(const struct server *);

/* How often a connection that was ready has been lost. */
uint64_t server_losses(const struct server *);

/* Gives the connection up: the server has this trouble. */
void server_lose(struct server *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Ends the process: the server has this against the key. */
void server_refuse(const struct server *, const char *error) __attribute__((noreturn));

/* What to wait for, and until when at most (CLOCK_NEVER: for ever). */
void server_poll(const struct server *, struct pollfd *, int64_t *until);

/* The timeout of poll(2), ms, for that time. */
int server_timeout(int64_t until);

/* Does what can be done after that. */
void server_step(struct server *, short revents);

#endif
