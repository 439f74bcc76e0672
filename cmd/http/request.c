#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/gzip.h"
#include "base/version.h"
#include "json/json.h"
#include "trace/carrier.h"

#define ID_MOST 255 /* bytes of an Idempotency-Key */

/* Callbacks: the head of the body, and two headers. */
static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct outcome_answer *a = arg;
	size_t room = sizeof(a->body) - a->len, len = size * n < room ? size * n : room;

	memcpy(a->body + a->len, data, len);
	a->len += len;
	return size * n;
}

static void
take_value(const char *line, size_t len, const char *name, char *value, size_t size)
{
	size_t skip = strlen(name);

	if (len <= skip || strncasecmp(line, name, skip) != 0)
		return;
	while (skip < len && (line[skip] == ' ' || line[skip] == '\t'))
		skip++;
	while (len > skip && strchr("\r\n ", line[len - 1]) != NULL)
		len--;
	snprintf(value, size, "%.*s", (int)(len - skip), line + skip);
}

static size_t
take_header(char *data, size_t size, size_t n, void *arg)
{
	struct outcome_answer *a = arg;

	take_value(data, size * n, "Retry-After:", a->retry_after, sizeof(a->retry_after));
	take_value(data, size * n, "Location:", a->location, sizeof(a->location));
	return size * n;
}

static CURLcode
set_tls(CURL *easy, const struct target *t)
{
	CURLcode error = CURLE_OK;

	if (t->cacert != NULL)
		error = curl_easy_setopt(easy, CURLOPT_CAINFO, t->cacert);
	if (t->cert != NULL && error == CURLE_OK)
		error = curl_easy_setopt(easy, CURLOPT_SSLCERT, t->cert);
	if (t->key != NULL && error == CURLE_OK)
		error = curl_easy_setopt(easy, CURLOPT_SSLKEY, t->key);
	/* Requests share a connection if it turns out to be HTTP/2. */
	if (t->tls)
		curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	return error;
}

int
request_init(
    struct request *r, const struct target *t, const struct headers *headers, const char **why)
{
	CURL *easy = curl_easy_init();
	CURLcode error = CURLE_OUT_OF_MEMORY;
	long timeout = (long)(t->timeout / CLOCK_MS);

	*r = (struct request){.easy = easy, .target = t, .headers = headers};
	if (easy == NULL || (error = curl_easy_setopt(easy, CURLOPT_URL, t->url)) != CURLE_OK ||
	    (error = set_tls(easy, t)) != CURLE_OK) {
		*why = curl_easy_strerror(error);
		request_end(r);
		return -1;
	}
	curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "pchan/" PCHAN_VERSION);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t->method);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->answer.error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &r->answer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, &r->answer);
	return 0;
}

static void
forget_body(struct request *r)
{
	free(r->body);
	r->body = NULL;
	curl_slist_free_all(r->list);
	r->list = NULL;
}

void
request_end(struct request *r)
{
	if (r->easy != NULL)
		curl_easy_cleanup(r->easy);
	forget_body(r);
	free(r->bundle);
	*r = (struct request){0};
}

/* The records as lines, malloc'd. */
static char *
join(const struct bundle *b)
{
	char *body = malloc(b->bytes), *to = body;

	if (body == NULL)
		return NULL;
	for (size_t i = 0; i < b->n; i++) {
		memcpy(to, b->record[i].data, b->record[i].len);
		to += b->record[i].len;
		*to++ = '\n';
	}
	return body;
}

static int
set_body(struct request *r)
{
	const struct bundle *b = r->bundle;
	const char *data = b->record[0].data;
	size_t len = b->record[0].len;
	char *packed;

	if (r->target->batch > 1) {
		if ((r->body = join(b)) == NULL)
			return -1;
		data = r->body;
		len = b->bytes;
	}
	if (r->target->gzip) {
		if ((packed = gzip(data, len, &len)) == NULL)
			return -1;
		free(r->body);
		data = r->body = packed;
	}
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, data);
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	return 0;
}

/*
 * The header of the record's id.  A value that is no string goes as it stands
 * in the record.  NULL and *why: there is none, or it fits into no header.
 */
static char *
make_id(const struct request *r, const struct taker_record *record, const char **why)
{
	struct json_slice value;
	char id[6 * ID_MOST], *header;
	size_t len;

	*why = "no value for the Idempotency-Key at the path of id=";
	if (!json_path_get(r->target->id, record->data, record->len, &value))
		return NULL;
	*why = "the value for the Idempotency-Key must be 1 to 255 printable characters of ASCII";
	if ((len = value.len) > sizeof(id))
		return NULL;
	memcpy(id, value.data, len);
	if (*id == '"')
		len = json_unquote(value.data, value.len, id);
	if (len == 0 || len > ID_MOST)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (id[i] < ' ' || id[i] > '~')
			return NULL;
	if (asprintf(&header, "Idempotency-Key: %.*s", (int)len, id) == -1)
		return NULL;
	return header;
}

/* The W3C headers of the record's context. */
static void
make_context(const struct taker_record *record, char **parent, char **state)
{
	char text[CONTEXT_TEXT_SIZE];
	struct carrier c;

	if (!carrier_is_likely(record->data, record->len))
		return;
	carrier_read(record->data, record->len, &c);
	if (!c.found)
		return;
	context_print(&c.context, text);
	if (asprintf(parent, "traceparent: %s", text) == -1)
		*parent = NULL;
	if (*c.state != '\0' && asprintf(state, "tracestate: %s", c.state) == -1)
		*state = NULL;
}

/* The headers; a request of a single record may have some of its own. */
static int
set_headers(struct request *r, const char **why)
{
	const struct taker_record *first = &r->bundle->record[0];
	enum headers_type type = HEADERS_NDJSON;
	char *more[3] = {NULL};
	int result = 0;

	if (r->target->batch == 1)
		type = json_check(first->data, first->len, NULL) ? HEADERS_JSON : HEADERS_TEXT;
	if (r->target->id != NULL && (more[0] = make_id(r, first, why)) == NULL)
		return -1;
	if (r->bundle->n == 1 && type != HEADERS_TEXT)
		make_context(first, &more[1], &more[2]);
	if (more[0] != NULL || more[1] != NULL) {
		r->list = headers_copy(r->headers, type, (const char *const *)more, 3);
		if (r->list == NULL) {
			errno = ENOMEM;
			result = -1;
		}
	}
	curl_easy_setopt(
	    r->easy, CURLOPT_HTTPHEADER, r->list != NULL ? r->list : r->headers->list[type]);
	for (size_t i = 0; i < 3; i++)
		free(more[i]);
	return result;
}

int
request_load(struct request *r, struct bundle *b, const char **why)
{
	errno = 0;
	r->bundle = b;
	r->answer.status = 0;
	r->answer.len = 0;
	*r->answer.error = *r->answer.retry_after = *r->answer.location = '\0';
	if (set_headers(r, why) == 0 && set_body(r) == 0)
		return 0;
	r->bundle = NULL;
	forget_body(r);
	return -1;
}

struct bundle *
request_unload(struct request *r, CURLcode code)
{
	struct bundle *b = r->bundle;
	curl_off_t until_sent = 0;

	r->answer.code = code;
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &r->answer.status);
	curl_easy_getinfo(r->easy, CURLINFO_PRETRANSFER_TIME_T, &until_sent);
	r->answer.connected = until_sent > 0;
	r->bundle = NULL;
	forget_body(r);
	return b;
}
