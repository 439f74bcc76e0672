#ifndef SERVER_H
#define SERVER_H

/*
 * A small HTTP server for GET and HEAD (libmicrohttpd).  It does all its work
 * in the thread that calls server_run(): a client that stalls waits by itself,
 * and holds up nobody.
 */

#include <stddef.h>

struct server;

/* What a client asks for; lives as long as the call. */
struct request;

/* A header of the request, or NULL.  The first one of that name. */
const char *request_header(const struct request *, const char *name);

/* The socket of the server that the client came to. */
int request_socket(const struct request *);

/* The answer.  All zero but the status is an empty page. */
struct reply {
	unsigned status;
	const char *type; /* Content-Type */
	char *body;       /* malloc'd; becomes the server's */
	size_t len;
	/* More headers: pairs of a name and a value; ends with NULL. */
	const char *const *headers;
};

/* What answers a path; the first route with the path of the request does. */
struct route {
	const char *path;
	void (*answer)(void *arg, const struct request *, struct reply *);
};

/*
 * A server on these sockets, which become the server's.  Routes end with one of
 * zeroes; they and `arg`, which is passed to them, are the caller's.  NULL with
 * errno.
 */
struct server *server_new(const int *sockets, size_t n, const struct route *, void *arg);
void server_free(struct server *);

/* What is to be done now and then, with the server's `arg`. */
struct server_timer {
	int fd; /* readable when it is due */
	void (*due)(void *arg);
};

/*
 * Serves until the descriptor is readable.  -1 with errno.
 */
int server_run(struct server *, int until, const struct server_timer *);

/* A reply of a line of plain text. */
void server_say(struct reply *, unsigned status, const char *line);

#endif
