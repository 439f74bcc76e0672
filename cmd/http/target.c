#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "base/clock.h"
#include "json/json.h"

#define BATCH_MOST 100000
#define PARALLEL_MOST 256

static int
fail(char why[URL_WHY_SIZE], const char *what, const char *remedy)
{
	snprintf(why, URL_WHY_SIZE, "%s: %s", what, remedy);
	return -1;
}

/* A part of the URL, curl_free()d by the caller; NULL: it is not there. */
static char *
get_part(CURLU *u, CURLUPart part)
{
	char *text = NULL;

	return curl_url_get(u, part, &text, 0) == CURLUE_OK ? text : NULL;
}

static bool
has_part(CURLU *u, CURLUPart part)
{
	char *text = get_part(u, part);

	curl_free(text);
	return text != NULL;
}

/* The URL without what may be secret in it. */
static char *
show(CURLU *u)
{
	CURLU *copy = curl_url_dup(u);
	char *text = NULL, *shown = NULL;

	if (copy != NULL && curl_url_set(copy, CURLUPART_QUERY, NULL, 0) == CURLUE_OK &&
	    (text = get_part(copy, CURLUPART_URL)) != NULL)
		shown = strdup(text);
	curl_free(text);
	curl_url_cleanup(copy);
	return shown;
}

/* The fragment's options are read as those in the query of other engines. */
static int
read_options(struct target *t, const char *fragment, char why[URL_WHY_SIZE])
{
	char *id = NULL, *text;
	const char *path_why;
	const struct url_rule rules[] = {
	    {"batch", URL_NUMBER, &t->batch, 1, BATCH_MOST},
	    {"batch-bytes", URL_SIZE, &t->batch_bytes, 0, 0},
	    {"parallel", URL_NUMBER, &t->parallel, 1, PARALLEL_MOST},
	    {"timeout", URL_DURATION, &t->timeout, 0, 0},
	    {"method", URL_TEXT, &t->method, 0, 0},
	    {"header-file", URL_TEXT, &t->header_file, 0, 0},
	    {"gzip", URL_FLAG, &t->gzip, 0, 0},
	    {"id", URL_TEXT, &id, 0, 0},
	    {"cacert", URL_TEXT, &t->cacert, 0, 0},
	    {"cert", URL_TEXT, &t->cert, 0, 0},
	    {"key", URL_TEXT, &t->key, 0, 0},
	    {NULL, URL_TEXT, NULL, 0, 0},
	};
	int result;

	if (asprintf(&text, "%s:///?%s", t->tls ? "https" : "http", fragment) == -1)
		return fail(why, "options", "out of memory");
	result = url_parse(&t->options, text, why);
	free(text);
	if (result == -1 || url_options(&t->options, rules, why) == -1)
		return -1;
	if (id != NULL && (t->id = json_path_new(id, &path_why)) == NULL)
		return fail(why, "option id", path_why);
	return 0;
}

/* Which options go together. */
static int
check_options(const struct target *t, char why[URL_WHY_SIZE])
{
	if (strcmp(t->method, "POST") != 0 && strcmp(t->method, "PUT") != 0 &&
	    strcmp(t->method, "PATCH") != 0)
		return fail(why, "option method", "must be POST, PUT or PATCH");
	if (t->timeout < CLOCK_MS)
		return fail(why, "option timeout", "must be at least 1ms");
	if (t->id != NULL && t->batch > 1)
		return fail(why, "option id", "a batch has no Idempotency-Key: leave out batch=");
	if (!t->tls && (t->cacert != NULL || t->cert != NULL || t->key != NULL))
		return fail(why, "options cacert, cert and key", "only https:// has them");
	if (t->key != NULL && t->cert == NULL)
		return fail(why, "option key", "needs cert=, the certificate of the key");
	return 0;
}

static int
read_parts(struct target *t, CURLU *u, char why[URL_WHY_SIZE])
{
	char *fragment, *text;
	int result;

	if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD))
		return fail(why, "user and password",
		    "leave them out, everybody sees them in the list of processes: "
		    "#header-file=FILE has a line 'Authorization: ...'");
	fragment = get_part(u, CURLUPART_FRAGMENT);
	result = read_options(t, fragment != NULL ? fragment : "", why);
	curl_free(fragment);
	if (result == -1 || check_options(t, why) == -1)
		return -1;
	(void)curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	if ((text = get_part(u, CURLUPART_URL)) != NULL)
		t->url = strdup(text);
	curl_free(text);
	t->shown = show(u);
	if (t->url == NULL || t->shown == NULL)
		return fail(why, "the URL", "out of memory");
	return 0;
}

int
target_read(struct target *t, const char *text, char why[URL_WHY_SIZE])
{
	size_t scheme = url_scheme(text);
	CURLU *u = curl_url();
	CURLUcode error;
	int result = -1;

	*t = (struct target){.tls = scheme == 5 && memcmp(text, "https", 5) == 0,
	    .batch = 1,
	    .batch_bytes = 1 << 20,
	    .parallel = 8,
	    .timeout = 30 * CLOCK_S,
	    .method = "POST"};
	if (u == NULL)
		(void)fail(why, "the URL", "out of memory");
	else if (!t->tls && !(scheme == 4 && memcmp(text, "http", 4) == 0))
		(void)fail(why, "the scheme", "must be http:// or https://");
	else if (text[scheme + 3] == '/') /* libcurl would look behind it */
		(void)fail(why, "the host", "is missing");
	else if ((error = curl_url_set(u, CURLUPART_URL, text, 0)) != CURLUE_OK)
		(void)fail(why, "the URL", curl_url_strerror(error));
	else
		result = read_parts(t, u, why);
	curl_url_cleanup(u);
	if (result == -1)
		target_free(t);
	return result;
}

void
target_free(struct target *t)
{
	free(t->url);
	free(t->shown);
	json_path_free(t->id);
	url_free(&t->options);
	*t = (struct target){0};
}
