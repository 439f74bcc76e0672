#include "server.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <microhttpd.h>

#include "accept.h"
#include "base/gzip.h"

#define CONNECTIONS 256     /* of each socket, at most; see IDLE */
#define SPARE 24            /* descriptors left for the answers */
#define IDLE 10U            /* s, after which a connection ends */
#define MEMORY (32U * 1024) /* of a connection; headers must fit */
#define BODY_MOST (64 * 1024)

struct server {
	size_t n;
	struct MHD_Daemon **daemon; /* one for each socket */
	struct pollfd *poll;        /* theirs, the timer's, the end's */
	const struct route *routes;
	void *arg;
};

struct request {
	struct MHD_Connection *connection;
	size_t body; /* bytes of it that came, and were thrown away */
};

const char *
request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

int
request_socket(const struct request *r)
{
	struct MHD_Daemon *daemon =
	    MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_DAEMON)->daemon;

	return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;
}

void
server_say(struct reply *reply, unsigned status, const char *line)
{
	int len;

	reply->status = status;
	reply->type = "text/plain; charset=utf-8";
	if ((len = asprintf(&reply->body, "%s\n", line)) == -1) {
		reply->body = NULL; /* the status says it */
		len = 0;
	}
	reply->len = (size_t)len;
}

/* Packs the body, if the client likes that. */
static bool
pack(const struct request *r, struct reply *reply)
{
	size_t len;
	char *packed;

	if (reply->len == 0 || !accept_gzip(request_header(r, "Accept-Encoding")) ||
	    (packed = gzip(reply->body, reply->len, &len)) == NULL)
		return false;
	free(reply->body);
	reply->body = packed;
	reply->len = len;
	return true;
}

static enum MHD_Result
send_reply(const struct request *r, struct reply *reply)
{
	bool packed = pack(r, reply);
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(reply->len, reply->body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (response == NULL) {
		free(reply->body);
		return MHD_NO;
	}
	if (reply->type != NULL)
		MHD_add_response_header(response, "Content-Type", reply->type);
	if (packed)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	MHD_add_response_header(response, "Vary", "Accept, Accept-Encoding");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	for (const char *const *h = reply->headers; h != NULL && *h != NULL; h += 2)
		MHD_add_response_header(response, h[0], h[1]);
	result = MHD_queue_response(r->connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static void
find_answer(const struct server *s, const struct request *r, const char *path, struct reply *reply)
{
	const struct route *route = s->routes;

	while (route->path != NULL && strcmp(route->path, path) != 0)
		route++;
	if (route->path == NULL)
		server_say(reply, 404, "There is nothing here; see /.");
	else
		route->answer(s->arg, r, reply);
}

/* Whether the client announces a body that we don't want to read. */
static bool
is_too_long(const struct request *r)
{
	const char *length = request_header(r, "Content-Length");

	return length != NULL && strtoull(length, NULL, 10) > BODY_MOST;
}

/*
 * Called once with the headers, then for each piece of the body, and at its
 * end.  A body means nothing here, but has to be read: where the server answers
 * before, the client may lose the answer.  One that is too long is not waited
 * for.
 */
static enum MHD_Result
answer(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
    const char *version, const char *data, size_t *len, void **state)
{
	static const char *const allow[] = {"Allow", "GET, HEAD", NULL};
	static const char *const close[] = {"Connection", "close", NULL};
	struct request *r = *state;
	struct reply reply = {0};

	(void)version;
	(void)data;
	if (r == NULL) {
		if ((*state = r = calloc(1, sizeof(*r))) == NULL)
			return MHD_NO;
		r->connection = connection;
		if (!is_too_long(r))
			return MHD_YES;
		server_say(&reply, 413, "A request needs no body.");
		reply.headers = close;
		return send_reply(r, &reply);
	}
	if (*len > 0) {
		r->body += *len;
		*len = 0;
		return r->body <= BODY_MOST ? MHD_YES : MHD_NO;
	}
	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		find_answer(arg, r, path, &reply);
	else {
		server_say(&reply, 405, "Only GET and HEAD are understood.");
		reply.headers = allow;
	}
	return send_reply(r, &reply);
}

static void
forget_request(void *arg, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)connection;
	(void)code;
	free(*state);
	*state = NULL;
}

/* What clients do wrong is no matter of ours. */
static void __attribute__((format(printf, 2, 0)))
say_nothing(void *arg, const char *format, va_list args)
{
	(void)arg;
	(void)format;
	(void)args;
}

/* How many connections each of n sockets may have. */
static unsigned
share_descriptors(size_t n)
{
	struct rlimit rl;
	rlim_t share;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return CONNECTIONS;
	share = rl.rlim_cur > SPARE ? (rl.rlim_cur - SPARE) / n : 0;
	return share < 1 ? 1 : share < CONNECTIONS ? (unsigned)share : CONNECTIONS;
}

static struct MHD_Daemon *
start_daemon(struct server *s, int fd, unsigned connections)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer, s,
	    MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT, IDLE,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY, MHD_OPTION_NOTIFY_COMPLETED,
	    forget_request, NULL, MHD_OPTION_END);
}

struct server *
server_new(const int *sockets, size_t n, const struct route *routes, void *arg)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->routes = routes;
	s->arg = arg;
	s->daemon = calloc(n, sizeof(*s->daemon));
	s->poll = calloc(n + 2, sizeof(*s->poll));
	if (s->daemon == NULL || s->poll == NULL)
		goto err;
	for (; s->n < n; s->n++) {
		s->daemon[s->n] = start_daemon(s, sockets[s->n], share_descriptors(n));
		if (s->daemon[s->n] == NULL)
			goto err;
		s->poll[s->n].fd =
		    MHD_get_daemon_info(s->daemon[s->n], MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
		s->poll[s->n].events = POLLIN;
	}
	return s;
err:
	server_free(s);
	errno = ENOMEM;
	return NULL;
}

void
server_free(struct server *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		MHD_stop_daemon(s->daemon[i]);
	free(s->daemon);
	free(s->poll);
	free(s);
}

/* How many ms the daemons can sleep; -1: until something happens. */
static int
time_to_sleep(const struct server *s)
{
	MHD_UNSIGNED_LONG_LONG ms, least = INT32_MAX;

	for (size_t i = 0; i < s->n; i++)
		if (MHD_get_timeout(s->daemon[i], &ms) == MHD_YES && ms < least)
			least = ms;
	return least == INT32_MAX ? -1 : (int)least;
}

static unsigned
count_connections(struct MHD_Daemon *daemon)
{
	return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/*
 * A daemon that has all its connections does not listen.  The run that closes
 * some does not change that, only the one after it, and nothing else may call
 * for that one.
 */
static int
run_daemon(struct MHD_Daemon *daemon)
{
	unsigned before = count_connections(daemon);

	if (MHD_run(daemon) == MHD_NO)
		return -1;
	if (count_connections(daemon) < before && MHD_run(daemon) == MHD_NO)
		return -1;
	return 0;
}

int
server_run(struct server *s, int until, const struct server_timer *timer)
{
	struct pollfd *due = &s->poll[s->n], *end = &s->poll[s->n + 1];

	*due = (struct pollfd){.fd = timer->fd, .events = POLLIN};
	*end = (struct pollfd){.fd = until, .events = POLLIN};
	while (end->revents == 0) {
		if (poll(s->poll, s->n + 2, time_to_sleep(s)) == -1 && errno != EINTR)
			return -1;
		if (due->revents != 0)
			timer->due(s->arg);
		for (size_t i = 0; i < s->n; i++)
			if (run_daemon(s->daemon[i]) == -1)
				return -1;
	}
	return 0;
}
