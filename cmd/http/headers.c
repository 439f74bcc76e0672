#include "headers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AUTHORIZATION "PCHAN_HTTP_AUTHORIZATION"
#define SECRET_LEAST 6 /* bytes of a value that could be a secret */

/* These say how the body is sent, and that is the helper's. */
static const char *const ours[] = {"Content-Length", "Transfer-Encoding", "Content-Encoding",
    "Expect", "Connection", "traceparent", "tracestate", "Idempotency-Key"};

static int
add(struct curl_slist **list, const char *header)
{
	struct curl_slist *longer = curl_slist_append(*list, header);

	if (longer == NULL)
		return -1;
	*list = longer;
	return 0;
}

static bool
is_named(const char *header, const char *name)
{
	size_t len = strlen(name);

	return strncasecmp(header, name, len) == 0 && header[len] == ':';
}

/* What is wrong with a header; NULL: nothing. */
static const char *
judge(const char *header)
{
	size_t name = strspn(header,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~");

	if (name == 0 || header[name] != ':')
		return "must be 'Name: value'";
	for (const char *p = header + name; *p != '\0'; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 127)
			return "has a control character in its value";
	if (header[name + 1 + strspn(header + name + 1, " \t")] == '\0')
		return "has no value";
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (is_named(header, ours[i]))
			return "is a header that pchan sets itself";
	return NULL;
}

static int
read_line(struct headers *h, char *line, size_t len, char why[HEADERS_WHY_SIZE])
{
	const char *wrong;

	while (len > 0 && strchr("\r\n \t", line[len - 1]) != NULL)
		line[--len] = '\0';
	if (len == 0 || *line == '#')
		return 0;
	wrong = strlen(line) < len ? "has a NUL" : judge(line);
	if (wrong == NULL && add(&h->given, line) == -1)
		wrong = "out of memory";
	if (wrong != NULL)
		snprintf(why, HEADERS_WHY_SIZE, "%s", wrong);
	return wrong != NULL ? -1 : 0;
}

static int
read_file(struct headers *h, const char *file, char why[HEADERS_WHY_SIZE])
{
	FILE *f = fopen(file, "re");
	char wrong[HEADERS_WHY_SIZE], *line = NULL;
	size_t size = 0;
	ssize_t len;
	int n = 0, result = 0;

	if (f == NULL) {
		snprintf(why, HEADERS_WHY_SIZE, "header-file %.400s: %s", file, strerror(errno));
		return -1;
	}
	while (result == 0 && (len = getline(&line, &size, f)) != -1) {
		n++;
		result = read_line(h, line, (size_t)len, wrong);
	}
	if (result == -1)
		snprintf(
		    why, HEADERS_WHY_SIZE, "header-file %.400s, line %d: %.80s", file, n, wrong);
	else if (ferror(f)) {
		snprintf(why, HEADERS_WHY_SIZE, "header-file %.400s: %s", file, strerror(errno));
		result = -1;
	}
	free(line);
	fclose(f);
	return result;
}

/* The Authorization of the environment, unless the file has one. */
static int
read_environment(struct headers *h, char why[HEADERS_WHY_SIZE])
{
	const char *value = getenv(AUTHORIZATION);
	char *line, wrong[HEADERS_WHY_SIZE];
	int len, result;

	if (value == NULL || *value == '\0')
		return 0;
	for (const struct curl_slist *l = h->given; l != NULL; l = l->next)
		if (is_named(l->data, "Authorization"))
			return 0;
	if ((len = asprintf(&line, "Authorization: %s", value)) == -1) {
		snprintf(why, HEADERS_WHY_SIZE, "out of memory");
		return -1;
	}
	if ((result = read_line(h, line, (size_t)len, wrong)) == -1)
		snprintf(why, HEADERS_WHY_SIZE, "$" AUTHORIZATION ": %.80s", wrong);
	free(line);
	return result;
}

/* The list of a type; the user's Content-Type comes before ours. */
static int
make_list(struct headers *h, enum headers_type type, bool gzip)
{
	static const char *const content[HEADERS_TYPES] = {"Content-Type: application/json",
	    "Content-Type: text/plain; charset=utf-8", "Content-Type: application/x-ndjson"};
	struct curl_slist **list = &h->list[type];
	bool typed = false;

	for (const struct curl_slist *l = h->given; l != NULL; l = l->next) {
		typed = typed || is_named(l->data, "Content-Type");
		if (add(list, l->data) == -1)
			return -1;
	}
	if ((!typed && add(list, content[type]) == -1) ||
	    (gzip && add(list, "Content-Encoding: gzip") == -1))
		return -1;
	return add(list, "Expect:"); /* no wait for "100 Continue" */
}

int
headers_read(struct headers *h, const char *file, bool gzip, char why[HEADERS_WHY_SIZE])
{
	*h = (struct headers){0};
	if ((file != NULL && read_file(h, file, why) == -1) || read_environment(h, why) == -1)
		return -1;
	for (unsigned type = 0; type < HEADERS_TYPES; type++)
		if (make_list(h, type, gzip) == -1) {
			snprintf(why, HEADERS_WHY_SIZE, "out of memory");
			return -1;
		}
	return 0;
}

void
headers_free(struct headers *h)
{
	for (size_t i = 0; i < HEADERS_TYPES; i++)
		curl_slist_free_all(h->list[i]);
	curl_slist_free_all(h->given);
	*h = (struct headers){0};
}

struct curl_slist *
headers_copy(const struct headers *h, enum headers_type type, const char *const *more, size_t n)
{
	struct curl_slist *list = NULL;

	for (const struct curl_slist *l = h->list[type]; l != NULL; l = l->next)
		if (add(&list, l->data) == -1)
			goto err;
	for (size_t i = 0; i < n; i++)
		if (more[i] != NULL && add(&list, more[i]) == -1)
			goto err;
	return list;
err:
	curl_slist_free_all(list);
	return NULL;
}

/* A secret may be the value, or its last word ("Bearer SECRET"). */
bool
headers_are_in(const struct headers *h, const char *text)
{
	for (const struct curl_slist *l = h->given; l != NULL; l = l->next) {
		const char *value = strchr(l->data, ':') + 1, *word;

		value += strspn(value, " \t");
		word = strrchr(value, ' ') != NULL ? strrchr(value, ' ') + 1 : value;
		if (strlen(word) >= SECRET_LEAST && strstr(text, word) != NULL)
			return true;
	}
	return false;
}
