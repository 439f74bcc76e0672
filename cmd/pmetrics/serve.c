/* Answers the scrapes of Prometheus. */

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accept.h"
#include "address.h"
#include "commands.h"
#include "metrics/look.h"
#include "scrape.h"
#include "server.h"
#include "stage/cli.h"
#include "stage/options.h"
#include "stop.h"
#include "usage.h"

#define ADDRESSES 16

struct serve {
	size_t n;
	struct address address[ADDRESSES];
	const char *path; /* of the metrics */
};

static void
answer_metrics(void *arg, const struct request *request, struct reply *reply)
{
	struct scrape_how how = {
	    .format = accept_format(request_header(request, "Accept")), .self = true};
	struct look look;

	(void)arg;
	if (look_take(&look, true) == 0) {
		reply->body = scrape(&look, &how, &reply->len);
		look_free(&look);
	}
	if (reply->body == NULL) {
		server_say(reply, 500, "Out of memory.");
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

/* Where there is what. */
static void
answer_root(void *arg, const struct request *request, struct reply *reply)
{
	const struct serve *serve = arg;
	int len;

	(void)request;
	len = asprintf(&reply->body,
	    "<!DOCTYPE html>\n<html lang=\"en\"><title>pmetrics</title>\n<h1>pmetrics</h1>\n"
	    "<ul><li><a href=\"%s\">Metrics</a><li><a "
	    "href=\"/-/healthy\">Health</a></ul>\n</html>\n",
	    serve->path);
	if (len == -1) {
		server_say(reply, 500, "Out of memory.");
		return;
	}
	reply->len = (size_t)len;
	reply->status = 200;
	reply->type = "text/html; charset=utf-8";
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

/* The path goes into a page: it has no characters that mean something there. */
static int
parse_path(void *field, const char *value, const char **why)
{
	*why = "a path such as /metrics, of letters, digits and . _ ~ / -";
	if (*value != '/' ||
	    value[strspn(value,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~/-")] != '\0')
		return -1;
	*(const char **)field = value;
	return 0;
}

static void
parse(struct serve *serve, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {0, "web.listen-address", OPTION_FUNCTION, serve, .parse = parse_address},
	    {0, "web.telemetry-path", OPTION_FUNCTION, &serve->path, .parse = parse_path},
	    {0},
	};
	const char *why;

	*serve = (struct serve){.path = "/metrics"};
	(void)usage_parse(argc, argv, rows, NULL, 0);
	if (serve->n == 0)
		serve->n = address_parse("127.0.0.1:9464", &serve->address[0], &why) == 0;
}

/* Listens everywhere, before anybody is told. */
static void
listen_all(const struct serve *serve, int *sockets)
{
	char name[ADDRESSES][ADDRESS_TEXT_SIZE];
	const char *why;

	for (size_t i = 0; i < serve->n; i++) {
		const struct address *a = &serve->address[i];

		if ((sockets[i] = address_listen(a, name[i], &why)) == -1)
			errx(2, "serve: cannot listen on %s:%s: %s", a->host, a->port, why);
	}
	for (size_t i = 0; i < serve->n; i++)
		warnx("listening on http://%s%s", name[i], serve->path);
}

int
serve_command(int argc, char **argv)
{
	struct serve serve;
	struct server *server;
	int sockets[ADDRESSES], stop, result;

	cli_check_descriptors();
	parse(&serve, argc, argv);

	const struct route routes[] = {
	    {serve.path, answer_metrics},
	    {"/-/healthy", answer_healthy},
	    {"/-/ready", answer_ready},
	    {"/", answer_root},
	    {0},
	};

	signal(SIGPIPE, SIG_IGN);
	if ((stop = stop_open()) == -1)
		err(2, "serve: signals");
	listen_all(&serve, sockets);
	if ((server = server_new(sockets, serve.n, routes, &serve)) == NULL)
		err(2, "serve");
	if ((result = server_run(server, stop)) == -1)
		warn("serve");
	server_free(server);
	close(stop);
	return result == -1 ? 2 : 0;
}
