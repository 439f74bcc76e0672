#include "endpoint.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/units.h"

#define PREFIX "OTEL_EXPORTER_OTLP_"
#define DEFAULT_BASE "http://localhost:4318"
#define DEFAULT_TIMEOUT (10 * CLOCK_S)
#define TIMEOUT_MOST 86400000 /* ms */
#define NAME_SIZE 64

static const struct {
	const char *variable, *path;
} signals[] = {
    [ENDPOINT_TRACES] = {"TRACES_", "/v1/traces"},
    [ENDPOINT_METRICS] = {"METRICS_", "/v1/metrics"},
};

/* Adds a line.  -1 with errno ENOMEM. */
static int __attribute__((format(printf, 2, 3))) complain(struct endpoint *e, const char *fmt, ...)
{
	char **more = reallocarray(e->warning, e->warnings + 1, sizeof(*more));
	va_list ap;
	int n;

	if (more == NULL)
		return -1;
	e->warning = more;
	va_start(ap, fmt);
	n = vasprintf(&e->warning[e->warnings], fmt, ap);
	va_end(ap);
	if (n == -1)
		return -1;
	e->warnings++;
	return 0;
}

static const char *
set_value(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

/*
 * The value of a variable, that of the signal first, and its name; NULL:
 * neither is set.
 */
static const char *
find(enum endpoint_signal s, const char *what, char name[NAME_SIZE])
{
	const char *value;

	snprintf(name, NAME_SIZE, PREFIX "%s%s", signals[s].variable, what);
	if ((value = set_value(name)) != NULL)
		return value;
	snprintf(name, NAME_SIZE, PREFIX "%s", what);
	return set_value(name);
}

/* The URL. */

static char *
join(const char *base, const char *path)
{
	size_t len = strlen(base);
	char *url;

	while (len > 0 && base[len - 1] == '/')
		len--;
	return asprintf(&url, "%.*s%s", (int)len, base, path) == -1 ? NULL : url;
}

/* Where the part after "http://" begins; NULL: it is no such URL. */
static const char *
authority_of(const char *url)
{
	const char *rest = strncasecmp(url, "http://", 7) == 0 ? url + 7
	    : strncasecmp(url, "https://", 8) == 0             ? url + 8
							       : NULL;

	if (rest == NULL || *rest == '\0' || *rest == '/')
		return NULL;
	for (const char *p = rest; *p != '\0'; p++)
		if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p))
			return NULL;
	return rest;
}

/* The URL without "user:password@". */
static char *
without_user(const char *url, const char *rest)
{
	size_t len = strcspn(rest, "/?#");
	const char *at = memrchr(rest, '@', len);
	char *shown;

	if (at == NULL)
		return strdup(url);
	return asprintf(&shown, "%.*s%s", (int)(rest - url), url, at + 1) == -1 ? NULL : shown;
}

static int
read_url(struct endpoint *e, enum endpoint_signal s, const char *base)
{
	char name[NAME_SIZE] = "--endpoint";
	const char *rest;
	bool verbatim = false;

	if (base == NULL && (base = find(s, "ENDPOINT", name)) != NULL)
		verbatim = strcmp(name, PREFIX "ENDPOINT") != 0;
	if (base == NULL)
		base = DEFAULT_BASE;
	if ((e->url = verbatim ? strdup(base) : join(base, signals[s].path)) == NULL)
		return -1;
	if ((rest = authority_of(e->url)) == NULL) {
		if (complain(e, "%s: %s: not a URL such as " DEFAULT_BASE, name, base) == 0)
			errno = EINVAL;
		return -1;
	}
	return (e->shown = without_user(e->url, rest)) != NULL ? 0 : -1;
}

/* Headers. */

/* Decodes %XX in place.  False: it has what no header can have. */
static bool
decode(char *text)
{
	char *out = text;

	for (const char *p = text; *p != '\0'; p++) {
		int high, low;

		*out = *p;
		if (*p == '%' && (high = hex_digit(p[1])) >= 0 && (low = hex_digit(p[2])) >= 0) {
			*out = (char)(high * 16 + low);
			p += 2;
		}
		if (iscntrl((unsigned char)*out))
			return false;
		out++;
	}
	*out = '\0';
	return true;
}

static char *
trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	for (len = strlen(text); len > 0 && strchr(" \t", text[len - 1]) != NULL; len--)
		continue;
	text[len] = '\0';
	return text;
}

static bool
is_token(const char *name)
{
	const char *p = name;

	while (isalnum((unsigned char)*p) || (*p != '\0' && strchr("!#$%&'*+-.^_`|~", *p) != NULL))
		p++;
	return p > name && *p == '\0';
}

/* Adds the header of "key=value".  0; 1: it is none; -1 with errno ENOMEM. */
static int
add_header(struct endpoint *e, char *pair)
{
	char *value = strchr(pair, '='), **more;

	if (value == NULL)
		return 1;
	*value++ = '\0';
	pair = trim(pair);
	value = trim(value);
	if (!decode(pair) || !is_token(pair) || !decode(value))
		return 1;
	if ((more = reallocarray(e->header, e->headers + 1, sizeof(*more))) == NULL)
		return -1;
	e->header = more;
	/* libcurl would take a header without a value off. */
	if (asprintf(&e->header[e->headers], "%s%s%s", pair, *value != '\0' ? ": " : ";", value) ==
	    -1)
		return -1;
	e->headers++;
	return 0;
}

static void
free_headers(struct endpoint *e)
{
	while (e->headers > 0)
		free(e->header[--e->headers]);
	free(e->header);
	e->header = NULL;
}

/* The values may be secrets, so they are not shown. */
static int
read_headers(struct endpoint *e, enum endpoint_signal s)
{
	char name[NAME_SIZE], *copy, *rest, *pair;
	const char *value = find(s, "HEADERS", name);
	int result = 0;

	if (value == NULL)
		return 0;
	if ((copy = rest = strdup(value)) == NULL)
		return -1;
	while (result == 0 && (pair = strsep(&rest, ",")) != NULL)
		if (*trim(pair) != '\0')
			result = add_header(e, pair);
	free(copy);
	if (result != 1)
		return result;
	free_headers(e);
	return complain(e, "%s: not key=value,...: it is ignored", name);
}

/* The others. */

static int
read_timeout(struct endpoint *e, enum endpoint_signal s)
{
	char name[NAME_SIZE];
	const char *value = find(s, "TIMEOUT", name), *why;
	int64_t ms;

	if (value == NULL)
		return 0;
	if (units_number(value, 1, TIMEOUT_MOST, &ms, &why) == -1)
		return complain(e, "%s: %s: not %s: it is ignored", name, value, why);
	e->timeout = ms * CLOCK_MS;
	return 0;
}

static int
read_compression(struct endpoint *e, enum endpoint_signal s)
{
	char name[NAME_SIZE];
	const char *value = find(s, "COMPRESSION", name);

	if (value == NULL)
		return 0;
	e->gzip = strcmp(value, "gzip") == 0;
	if (e->gzip || strcmp(value, "none") == 0)
		return 0;
	return complain(e, "%s: %s: not gzip or none: it is ignored", name, value);
}

static int
read_protocol(struct endpoint *e, enum endpoint_signal s)
{
	char name[NAME_SIZE];
	const char *value = find(s, "PROTOCOL", name);

	if (value == NULL || strcmp(value, "http/json") == 0)
		return 0;
	return complain(e, "%s: %s: there is only http/json, which is used", name, value);
}

int
endpoint_read(struct endpoint *e, enum endpoint_signal s, const char *base)
{
	char name[NAME_SIZE];

	*e = (struct endpoint){.timeout = DEFAULT_TIMEOUT,
	    .authority = find(s, "CERTIFICATE", name),
	    .certificate = find(s, "CLIENT_CERTIFICATE", name),
	    .key = find(s, "CLIENT_KEY", name)};
	if (read_headers(e, s) == 0 && read_timeout(e, s) == 0 && read_compression(e, s) == 0 &&
	    read_protocol(e, s) == 0)
		return read_url(e, s, base);
	errno = ENOMEM;
	return -1;
}

void
endpoint_free(struct endpoint *e)
{
	free(e->url);
	free(e->shown);
	free_headers(e);
	while (e->warnings > 0)
		free(e->warning[--e->warnings]);
	free(e->warning);
}
