#include "site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define CONNECTIONS_MOST 10000
#define TOKEN_LEAST 16 /* a shorter one can be guessed */

#define FAIL(why, ...) (snprintf(why, URL_WHY_SIZE, __VA_ARGS__), -1)

static int
read_address(struct site *s, const struct url *u, char why[URL_WHY_SIZE])
{
	const char *host = u->n_hosts > 0 ? u->host[0].name : "127.0.0.1";
	const char *port = u->n_hosts > 0 ? u->host[0].port : "";

	if (*u->user != '\0')
		return FAIL(why, "user %s: leave it out; token-file= says who may post", u->user);
	if (u->n_hosts > 1)
		return FAIL(why, "host %s: a server has one address", u->host[1].name);
	if (strlen(host) >= sizeof(s->address.host))
		return FAIL(why, "the host is too long");
	snprintf(s->address.host, sizeof(s->address.host), "%s", host);
	snprintf(s->address.port, sizeof(s->address.port), "%s", *port != '\0' ? port : "0");
	return 0;
}

/* The first line of the file. */
static int
read_token(struct site *s, const char *file, char why[URL_WHY_SIZE])
{
	FILE *f = fopen(file, "re");
	size_t size = 0;
	ssize_t len;

	if (f == NULL)
		return FAIL(why, "token-file %.150s: %s", file, strerror(errno));
	len = getline(&s->token, &size, f);
	fclose(f);
	while (len > 0 && strchr("\r\n \t", s->token[len - 1]) != NULL)
		s->token[--len] = '\0';
	if (len < TOKEN_LEAST || strlen(s->token) != (size_t)len)
		return FAIL(why,
		    "token-file %.150s: its first line must be a token of at least %d characters",
		    file, TOKEN_LEAST);
	return 0;
}

static int
read_options(struct site *s, const struct url *u, char why[URL_WHY_SIZE])
{
	char *token_file = NULL;
	const struct url_rule rules[] = {
	    {"max-body", URL_SIZE, &s->max_body, 0, 0},
	    {"memory", URL_SIZE, &s->memory, 0, 0},
	    {"connections", URL_NUMBER, &s->connections, 1, CONNECTIONS_MOST},
	    {"timeout", URL_DURATION, &s->timeout, 0, 0},
	    {"token-file", URL_TEXT, &token_file, 0, 0},
	    {NULL, URL_TEXT, NULL, 0, 0},
	};

	if (url_options(u, rules, why) == -1)
		return -1;
	if (s->timeout < CLOCK_S)
		return FAIL(why, "option timeout: must be at least 1s");
	if (s->memory < s->max_body)
		return FAIL(why, "option memory: must be at least max-body");
	return token_file != NULL ? read_token(s, token_file, why) : 0;
}

int
site_read(struct site *s, const char *text, char why[URL_WHY_SIZE])
{
	struct url u;
	int result;

	*s = (struct site){
	    .max_body = 16 << 20, .memory = 64 << 20, .connections = 256, .timeout = 30 * CLOCK_S};
	if (url_parse(&u, text, why) == -1)
		return -1;
	if (asprintf(&s->path, "/%s", u.path) == -1) {
		s->path = NULL;
		result = FAIL(why, "out of memory");
	} else if ((result = read_address(s, &u, why)) == 0)
		result = read_options(s, &u, why);
	url_free(&u);
	if (result == -1)
		site_free(s);
	return result;
}

void
site_free(struct site *s)
{
	free(s->path);
	free(s->token);
	*s = (struct site){0};
}
