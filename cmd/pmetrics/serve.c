/* Answers the scrapes of Prometheus, and shows the pipelines to people. */

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accept.h"
#include "base/address.h"
#include "commands.h"
#include "host.h"
#include "live.h"
#include "metrics/look.h"
#include "page.h"
#include "scrape.h"
#include "server.h"
#include "stage/cli.h"
#include "stage/options.h"
#include "stop.h"
#include "usage.h"
#include "viewjson.h"

#define ADDRESSES 16
#define WINDOW 10.0 /* s, of the page */

struct serve {
	size_t n;
	struct address address[ADDRESSES];
	int socket[ADDRESSES];
	const char *path; /* of the metrics */
	unsigned how;     /* as look_take() is told */
	struct live *live;
};

static void
answer_metrics(void *arg, const struct request *request, struct reply *reply)
{
	struct scrape_how how = {
	    .format = accept_format(request_header(request, "Accept")), .self = true};
	const struct serve *serve = arg;
	struct look look;

	if (look_take(&look, serve->how) == 0) {
		reply->body = scrape(&look, &how, &reply->len);
		look_free(&look);
	}
	if (reply->body == NULL) {
		server_say(reply, 500, strerror(errno));
		return;
	}
	reply->status = 200;
	reply->type = exposition_content_type(how.format);
}

static void
answer_healthy(void *arg, const struct request *request, struct reply *reply)
{
	(void)arg;
	(void)request;
	server_say(reply, 200, "pmetrics is healthy.");
}

static void
answer_ready(void *arg, const struct request *request, struct reply *reply)
{
	(void)arg;
	(void)request;
	server_say(reply, 200, "pmetrics is ready.");
}

/*
 * Whether a browser may see the answer: at a socket that only this machine can
 * reach, the page must have been asked for by a name of this machine.  If not,
 * replies.
 */
static bool
is_for_us(const struct serve *serve, const struct request *request, struct reply *reply)
{
	const char *host = request_header(request, "Host");
	const int fd = request_socket(request);
	size_t i = 0;

	while (i + 1 < serve->n && serve->socket[i] != fd)
		i++;
	if (host == NULL || !address_is_loopback(fd) || host_is_ours(host, serve->address[i].host))
		return true;
	server_say(reply, 403,
	    "This name is none of this server's; use localhost, or what is given with "
	    "--web.listen-address.");
	return false;
}

/* The view, or NULL; then replies. */
static json_t *
view_for(const struct serve *serve, const struct request *request, struct reply *reply)
{
	json_t *view;

	if (!is_for_us(serve, request, reply))
		return NULL;
	if ((view = live_json(serve->live)) == NULL)
		server_say(reply, 500, strerror(errno));
	return view;
}

static void
answer_view(void *arg, const struct request *request, struct reply *reply)
{
	static const char *const headers[] = {
	    "Cache-Control", "no-store", "Cross-Origin-Resource-Policy", "same-origin", NULL};
	json_t *view = view_for(arg, request, reply);

	if (view == NULL)
		return;
	reply->body = json_dumps(view, VIEWJSON_FLAGS);
	json_decref(view);
	if (reply->body == NULL) {
		server_say(reply, 500, "Out of memory.");
		return;
	}
	reply->len = strlen(reply->body);
	reply->status = 200;
	reply->type = "application/json";
	reply->headers = headers;
}

static void
answer_page(void *arg, const struct request *request, struct reply *reply)
{
	const struct serve *serve = arg;
	json_t *view = view_for(serve, request, reply);

	if (view == NULL)
		return;
	reply->body = page_render(view, serve->path, &reply->len);
	json_decref(view);
	if (reply->body == NULL) {
		server_say(reply, 500, "Out of memory.");
		return;
	}
	reply->status = 200;
	reply->type = "text/html; charset=utf-8";
	reply->headers = page_headers;
}

static void
look_again(void *arg)
{
	live_due(((const struct serve *)arg)->live);
}

static int
parse_address(void *field, const char *value, const char **why)
{
	struct serve *serve = field;

	*why = "at most 16 addresses";
	if (serve->n == ADDRESSES)
		return -1;
	if (address_parse(value, &serve->address[serve->n], why) == -1)
		return -1;
	serve->n++;
	return 0;
}

/* What is beside the metrics, which may take the place of the page. */
static const struct route others[] = {
    {"/-/healthy", answer_healthy},
    {"/-/ready", answer_ready},
    {"/api/v1/pipelines", answer_view},
    {"/", answer_page},
};

#define OTHERS (sizeof(others) / sizeof(others[0]))

/* The path goes into a page: it has no characters that mean something there. */
static int
parse_path(void *field, const char *value, const char **why)
{
	*why = "a path such as /metrics, of letters, digits and . _ ~ / -";
	if (*value != '/' ||
	    value[strspn(value,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~/-")] != '\0')
		return -1;
	*why = "a path such as /metrics, which has no other use";
	for (size_t i = 0; i < OTHERS; i++)
		if (others[i].answer != answer_page && strcmp(value, others[i].path) == 0)
			return -1;
	*(const char **)field = value;
	return 0;
}

static void
parse(struct serve *serve, int argc, char **argv)
{
	bool all_users = false;
	const struct option_row rows[] = {
	    {0, "web.listen-address", "HOST:PORT",
		"where to listen (default 127.0.0.1:9464); :9464 is all addresses; may be given "
		"several times",
		OPTION_FUNCTION, serve, .parse = parse_address},
	    {0, "web.telemetry-path", "PATH", "where the metrics are (default /metrics)",
		OPTION_FUNCTION, &serve->path, .parse = parse_path},
	    {0, "all-users", NULL, "the stages of all users (for root)", OPTION_FLAG,
		OPTION_FIELD(all_users)},
	    {0},
	};
	const char *why;

	(void)usage_parse(argc, argv, rows, NULL, OPERAND_NONE);
	serve->how = usage_look(argv[0], all_users);
	if (serve->n == 0)
		serve->n = address_parse("127.0.0.1:9464", &serve->address[0], &why) == 0;
}

/* Listens everywhere, before anybody is told. */
static void
listen_all(struct serve *serve)
{
	char name[ADDRESSES][ADDRESS_TEXT_SIZE];
	const char *why;

	for (size_t i = 0; i < serve->n; i++) {
		const struct address *a = &serve->address[i];

		if ((serve->socket[i] = address_listen(a, name[i], &why)) == -1)
			errx(2, "serve: cannot listen on %s:%s: %s", a->host, a->port, why);
	}
	for (size_t i = 0; i < serve->n; i++)
		warnx("listening on http://%s%s", name[i], serve->path);
}

int
serve_command(int argc, char **argv)
{
	struct serve serve = {.path = "/metrics"};
	struct route routes[1 + OTHERS + 1] = {0};
	struct server *server;
	struct server_timer timer;
	int stop, result;

	cli_check_descriptors();
	parse(&serve, argc, argv);

	routes[0] = (struct route){serve.path, answer_metrics};
	memcpy(&routes[1], others, sizeof(others));
	signal(SIGPIPE, SIG_IGN);
	if ((stop = stop_open()) == -1)
		err(2, "serve: signals");
	if ((serve.live = live_new(WINDOW, serve.how)) == NULL)
		err(2, "serve");
	listen_all(&serve);
	usage_warn_off(argv[0], serve.how);
	if ((server = server_new(serve.socket, serve.n, routes, &serve)) == NULL)
		err(2, "serve");
	timer = (struct server_timer){live_fd(serve.live), look_again};
	if ((result = server_run(server, stop, &timer)) == -1)
		warn("serve");
	server_free(server);
	live_free(serve.live);
	close(stop);
	return result == -1 ? 2 : 0;
}
