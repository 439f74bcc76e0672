#include "listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <microhttpd.h>

#include "admission.h"
#include "base/clock.h"
#include "engine/helper.h"
#include "site.h"

#define SPARE 24U           /* descriptors left for all else */
#define IDLE 10U            /* s, after which a silent connection ends */
#define MEMORY (64U * 1024) /* of a connection; headers must fit */
#define THROWN_MOST 65536U  /* bytes of a body that is read in vain */
#define LOOK_EVERY 1000     /* ms, for connections that are too slow */

/* How far a request is. */
enum phase {
	READS,   /* its body comes */
	THROWS,  /* its body comes in vain: the answer is known */
	WAITS,   /* the visit is the taker's */
	ANSWERS, /* the answer is known, and not sent */
	SENT
};

struct listener_request {
	struct listener *listener;
	struct connection *connection;
	struct MHD_Connection *mhd;
	enum phase phase;
	bool suspended;
	size_t thrown, thrown_most;
	unsigned status;
	char *json; /* of the answer */
	struct visit visit;
};

/* A connection, and since when it sends a request, or is idle. */
struct connection {
	TAILQ_ENTRY(connection) next;
	int fd;
	int64_t since; /* CLOCK_NEVER: it waits for us */
};

/* cppcheck-suppress unusedStructMember ; in a macro */
TAILQ_HEAD(connections, connection);

struct listener {
	const struct site *site;
	struct MHD_Daemon *daemon;
	void (*take)(void *arg, struct visit *);
	void *arg;
	struct body_memory memory;
	struct connections connections;
	int64_t looked;
	size_t waiting, answering;
	bool full, stopping;
};

static const char *
header(struct MHD_Connection *mhd, const char *name)
{
	return MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
}

/* {"error":"TEXT"}, of a text that needs no escapes. */
static char *
error_json(const char *text)
{
	char *json;

	return asprintf(&json, "{\"error\":\"%s\"}\n", text) == -1 ? NULL : json;
}

/* What some statuses need besides. */
static void
add_headers(struct MHD_Response *response, unsigned status)
{
	MHD_add_response_header(response, "Content-Type", "application/json");
	if (status == 503)
		MHD_add_response_header(response, "Retry-After", "1");
	if (status == 405)
		MHD_add_response_header(response, "Allow", "POST, PUT");
	if (status == 401)
		MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
}

static enum MHD_Result
send_answer(struct listener_request *r, bool closes)
{
	char *json = r->json;
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    json != NULL ? strlen(json) : 0, json, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	r->json = NULL;
	add_headers(response, r->status);
	if (closes)
		MHD_add_response_header(response, "Connection", "close");
	result = MHD_queue_response(r->mhd, r->status, response);
	MHD_destroy_response(response);
	if (r->phase == ANSWERS)
		r->listener->answering--;
	r->phase = SENT;
	return result;
}

/* The answer is known; the rest of the body is read, so that it arrives. */
static void
throw_rest(struct listener_request *r, unsigned status, const char *text, size_t most)
{
	body_free(&r->visit.body);
	r->phase = THROWS;
	r->thrown_most = most;
	r->status = status;
	r->json = error_json(text);
}

static void
refuse_body(struct listener_request *r, enum body_state state)
{
	/* A client that sends more than this must see its connection end. */
	size_t most = (size_t)r->listener->site->max_body;

	switch (state) {
	case BODY_GOOD:
		break;
	case BODY_TOO_LONG:
		throw_rest(r, 413, "the body is longer than max-body", most);
		break;
	case BODY_NO_MEMORY:
		throw_rest(r, 503, "no more records can be taken now", most);
		break;
	case BODY_BAD_GZIP:
		throw_rest(r, 400, "the body is no gzip, or not all of it", most);
		break;
	}
}

/* The head has come. */
static enum MHD_Result
begin_request(struct listener_request *r, const char *path, const char *method)
{
	struct listener *l = r->listener;
	struct admission a = {.path = path,
	    .method = method,
	    .authorization = header(r->mhd, "Authorization"),
	    .origin = header(r->mhd, "Origin"),
	    .encoding = header(r->mhd, "Content-Encoding"),
	    .length = header(r->mhd, "Content-Length")};
	/* Some connections are left for those who get a 503. */
	struct admission_rules rules = {.path = l->site->path,
	    .token = l->site->token,
	    .max_body = l->site->max_body,
	    .memory = l->memory.most - l->memory.used,
	    .full = l->full || l->waiting >= (size_t)l->site->connections * 3 / 4 + 1,
	    .stopping = l->stopping};
	struct admission_verdict verdict = admission_judge(&a, &rules);

	if (verdict.status == 0) {
		refuse_body(r,
		    body_begin(&r->visit.body, &l->memory, (size_t)l->site->max_body,
			admission_is_gzip(a.encoding)));
		return MHD_YES;
	}
	throw_rest(r, verdict.status, verdict.text, THROWN_MOST);
	/* A long body is not waited for. */
	if (a.length != NULL && strtoull(a.length, NULL, 10) > THROWN_MOST)
		return send_answer(r, true);
	return MHD_YES;
}

static enum MHD_Result
take_data(struct listener_request *r, const char *data, size_t len)
{
	if (r->phase == READS)
		refuse_body(r, body_add(&r->visit.body, data, len));
	else
		r->thrown += len;
	return r->thrown <= r->thrown_most ? MHD_YES : MHD_NO;
}

/* All of the request has come: the taker may answer at once, or later. */
static enum MHD_Result
end_body(struct listener_request *r)
{
	struct listener *l = r->listener;

	if (r->phase == READS)
		refuse_body(r, body_end(&r->visit.body));
	if (r->phase == THROWS)
		return send_answer(r, false);
	r->visit.traceparent = header(r->mhd, "traceparent");
	r->visit.tracestate = header(r->mhd, "tracestate");
	r->phase = WAITS;
	r->connection->since = CLOCK_NEVER;
	l->waiting++;
	l->take(l->arg, &r->visit);
	if (r->phase == ANSWERS)
		return send_answer(r, false);
	MHD_suspend_connection(r->mhd);
	r->suspended = true;
	return MHD_YES;
}

static struct listener_request *
new_request(struct listener *l, struct MHD_Connection *mhd)
{
	struct listener_request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->listener = l;
	r->mhd = mhd;
	r->visit.request = r;
	r->connection =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	return r;
}

/*
 * Called once with the head, then for each piece of the body, at its end, and
 * again when the connection was suspended and goes on.
 */
static enum MHD_Result
handle(void *arg, struct MHD_Connection *mhd, const char *path, const char *method,
    const char *version, const char *data, size_t *len, void **state)
{
	struct listener_request *r = *state;
	size_t n = *len;

	(void)version;
	if (r == NULL) {
		if ((*state = r = new_request(arg, mhd)) == NULL)
			return MHD_NO;
		return begin_request(r, path, method);
	}
	*len = 0;
	if (n > 0)
		return take_data(r, data, n);
	return r->phase == ANSWERS ? send_answer(r, false) : end_body(r);
}

void
visit_answer(struct visit *v, unsigned status, char *json)
{
	struct listener_request *r = v->request;

	r->phase = ANSWERS;
	r->status = status;
	r->json = json;
	r->listener->waiting--;
	r->listener->answering++;
	body_free(&v->body);
	if (r->suspended)
		MHD_resume_connection(r->mhd);
}

/* The request is over, in whatever way. */
static void
forget_request(
    void *arg, struct MHD_Connection *mhd, void **state, enum MHD_RequestTerminationCode code)
{
	struct listener_request *r = *state;

	(void)arg;
	(void)mhd;
	(void)code;
	if (r == NULL)
		return;
	if (r->phase == ANSWERS)
		r->listener->answering--;
	r->connection->since = clock_now();
	body_free(&r->visit.body);
	free(r->json);
	free(r);
	*state = NULL;
}

static void
note_connection(
    void *arg, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct listener *l = arg;
	struct connection *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		if ((c = calloc(1, sizeof(*c))) == NULL)
			helper_fail("out of memory");
		c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		c->since = clock_now();
		TAILQ_INSERT_TAIL(&l->connections, c, next);
		*context = c;
	} else if (c != NULL) {
		TAILQ_REMOVE(&l->connections, c, next);
		free(c);
		*context = NULL;
	}
}

/* What clients do wrong is no matter of ours. */
static void __attribute__((format(printf, 2, 0)))
say_nothing(void *arg, const char *format, va_list args)
{
	(void)arg;
	(void)format;
	(void)args;
}

/* As many connections as the site wants, and descriptors allow. */
static unsigned
count_descriptors(const struct site *site)
{
	struct rlimit rl;
	rlim_t want = (rlim_t)site->connections;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return (unsigned)want;
	if (rl.rlim_cur < want + SPARE) {
		rl.rlim_cur = rl.rlim_max < want + SPARE ? rl.rlim_max : want + SPARE;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	if (rl.rlim_cur < want + SPARE)
		helper_fail("option connections=%u: the process may have %u descriptors, and needs "
			    "%u more than connections",
		    (unsigned)want, (unsigned)rl.rlim_cur, SPARE);
	return (unsigned)want;
}

struct listener *
listener_new(const struct site *site, int fd, void (*take)(void *arg, struct visit *), void *arg)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		helper_fail("out of memory");
	l->site = site;
	l->take = take;
	l->arg = arg;
	l->memory.most = (size_t)site->memory;
	TAILQ_INIT(&l->connections);
	l->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, handle, l, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, count_descriptors(site),
	    MHD_OPTION_CONNECTION_TIMEOUT, IDLE, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
	    MHD_OPTION_NOTIFY_COMPLETED, forget_request, NULL, MHD_OPTION_NOTIFY_CONNECTION,
	    note_connection, l, MHD_OPTION_END);
	if (l->daemon == NULL)
		helper_fail("the server does not start: %s", strerror(errno));
	return l;
}

void
listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	MHD_stop_daemon(l->daemon);
	free(l);
}

void
listener_set_full(struct listener *l, bool full)
{
	l->full = full;
}

void
listener_stop(struct listener *l)
{
	MHD_socket fd = MHD_quiesce_daemon(l->daemon);

	l->stopping = true;
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
}

bool
listener_is_answering(const struct listener *l)
{
	return l->answering > 0;
}

int
listener_fd(const struct listener *l)
{
	return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int
listener_timeout(const struct listener *l)
{
	MHD_UNSIGNED_LONG_LONG ms;
	int most = TAILQ_EMPTY(&l->connections) ? -1 : LOOK_EVERY;

	if (MHD_get_timeout(l->daemon, &ms) != MHD_YES)
		return most;
	return most == -1 || ms < (unsigned)most ? (int)ms : most;
}

/* Connections whose client is too slow end; the daemon sees that. */
static void
end_slow(struct listener *l)
{
	const int64_t now = clock_now();
	struct connection *c;

	if (now - l->looked < LOOK_EVERY * CLOCK_MS)
		return;
	l->looked = now;
	TAILQ_FOREACH (c, &l->connections, next)
		if (c->since != CLOCK_NEVER && now - c->since > l->site->timeout)
			(void)shutdown(c->fd, SHUT_RDWR);
}

static unsigned
count_connections(const struct listener *l)
{
	return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/*
 * A daemon that has all its connections does not listen.  The run that closes
 * some does not change that, only the one after it, and nothing else may call
 * for that one.
 */
void
listener_run(struct listener *l)
{
	unsigned before = count_connections(l);

	end_slow(l);
	if (MHD_run(l->daemon) == MHD_NO ||
	    (count_connections(l) < before && MHD_run(l->daemon) == MHD_NO))
		helper_fail("the server fails: %s", strerror(errno));
}
