#include "post.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/gzip.h"
#include "base/version.h"
#include "endpoint.h"
#include "libcurl.h"

struct post {
	const struct libcurl *curl;
	const struct endpoint *endpoint;
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	char body[POST_BODY + 1];
	struct post_answer *answer; /* of the request under way */
};

/* Callbacks: of the body what there is room for, of the headers one. */
static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct post *p = arg;
	size_t room = POST_BODY - p->answer->len;
	size_t len = size * n < room ? size * n : room;

	memcpy(p->body + p->answer->len, data, len);
	p->answer->len += len;
	return size * n;
}

static size_t
take_header(char *data, size_t size, size_t n, void *arg)
{
	static const char name[] = "retry-after:";
	struct post *p = arg;
	size_t len = size * n, skip = sizeof(name) - 1;

	if (len <= skip || strncasecmp(data, name, skip) != 0)
		return len;
	while (skip < len && data[skip] == ' ')
		skip++;
	snprintf(p->answer->retry_after, sizeof(p->answer->retry_after), "%.*s",
	    (int)(strcspn(data + skip, "\r\n")), data + skip);
	return len;
}

static int
add_header(struct post *p, const char *header)
{
	struct curl_slist *list = p->curl->slist_append(p->headers, header);

	if (list == NULL)
		return -1;
	p->headers = list;
	return 0;
}

static int
add_headers(struct post *p, const char *type)
{
	char line[128];

	snprintf(line, sizeof(line), "Content-Type: %s", type);
	/* Without the wait for "100 Continue". */
	if (add_header(p, line) == -1 || add_header(p, "Expect:") == -1 ||
	    (p->endpoint->gzip && add_header(p, "Content-Encoding: gzip") == -1))
		return -1;
	for (size_t i = 0; i < p->endpoint->headers; i++)
		if (add_header(p, p->endpoint->header[i]) == -1)
			return -1;
	return 0;
}

static CURLcode
set_files(struct post *p)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = p->curl->easy_setopt;
	const struct endpoint *e = p->endpoint;
	CURLcode error = CURLE_OK;

	if (e->authority != NULL)
		error = set(p->easy, CURLOPT_CAINFO, e->authority);
	if (e->certificate != NULL && error == CURLE_OK)
		error = set(p->easy, CURLOPT_SSLCERT, e->certificate);
	if (e->key != NULL && error == CURLE_OK)
		error = set(p->easy, CURLOPT_SSLKEY, e->key);
	return error;
}

static CURLcode
set_options(struct post *p)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = p->curl->easy_setopt;
	CURLcode error;

	if ((error = set(p->easy, CURLOPT_URL, p->endpoint->url)) != CURLE_OK ||
	    (error = set(p->easy, CURLOPT_HTTPHEADER, p->headers)) != CURLE_OK)
		return error;
	set(p->easy, CURLOPT_USERAGENT, "pchan/" PCHAN_VERSION);
	set(p->easy, CURLOPT_POST, 1L);
	set(p->easy, CURLOPT_NOSIGNAL, 1L);
	set(p->easy, CURLOPT_ERRORBUFFER, p->error);
	set(p->easy, CURLOPT_WRITEFUNCTION, take_body);
	set(p->easy, CURLOPT_WRITEDATA, p);
	set(p->easy, CURLOPT_HEADERFUNCTION, take_header);
	set(p->easy, CURLOPT_HEADERDATA, p);
	return set_files(p);
}

struct post *
post_new(const struct endpoint *e, const char *type, const char **why)
{
	struct post *p;
	CURLcode error;

	*why = NULL;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	p->endpoint = e;
	if ((p->curl = libcurl_load(why)) == NULL)
		goto err;
	if ((p->easy = p->curl->easy_init()) == NULL || add_headers(p, type) == -1)
		goto err;
	if ((error = set_options(p)) == CURLE_OK)
		return p;
	*why = p->curl->easy_strerror(error);
err:
	post_free(p);
	return NULL;
}

void
post_free(struct post *p)
{
	if (p == NULL)
		return;
	if (p->headers != NULL)
		p->curl->slist_free_all(p->headers);
	if (p->easy != NULL)
		p->curl->easy_cleanup(p->easy);
	if (p->multi != NULL)
		p->curl->multi_cleanup(p->multi);
	free(p);
}

/* Waits for the network, and `wait`.  True: one of the latter is readable. */
static bool
wait_for(struct post *p, const struct post_wait *wait, int64_t left)
{
	struct curl_waitfd fd[2];
	unsigned n = 0;
	int events, ms = left > 60 * CLOCK_S ? 60000 : (int)((left + CLOCK_MS - 1) / CLOCK_MS);

	for (size_t i = 0; i < 2; i++)
		if (wait->fd[i] != -1)
			fd[n++] =
			    (struct curl_waitfd){.fd = wait->fd[i], .events = CURL_WAIT_POLLIN};
	if (p->curl->multi_poll(p->multi, fd, n, ms, &events) != CURLM_OK)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (fd[i].revents != 0)
			return true;
	return false;
}

/* Runs the request to its end, its time, or an error.  Returns which. */
static CURLcode
run(struct post *p, const struct post_wait *wait)
{
	const int64_t latest = clock_after(clock_now(), p->endpoint->timeout);
	int64_t until = clock_earlier(latest, wait->attend(wait->arg));
	int running = 1, left;
	const CURLMsg *end;

	for (;;) {
		if (p->curl->multi_perform(p->multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (running == 0)
			break;
		if (clock_now() >= until)
			return CURLE_OPERATION_TIMEDOUT;
		if (wait_for(p, wait, until - clock_now()))
			until = clock_earlier(latest, wait->attend(wait->arg));
	}
	end = p->curl->multi_info_read(p->multi, &left);
	return end != NULL ? end->data.result : CURLE_FAILED_INIT;
}

/* What the transfer's end means. */
static void
conclude(struct post *p, CURLcode code, int64_t begun, struct post_answer *answer)
{
	char took[24];

	p->body[answer->len] = '\0';
	answer->body = p->body;
	if (code == CURLE_OK) {
		p->curl->easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &answer->status);
		return;
	}
	if (code == CURLE_OPERATION_TIMEDOUT) {
		snprintf(took, sizeof(took), "%.1f s", (double)(clock_now() - begun) / 1e9);
		snprintf(answer->error, sizeof(answer->error), "no answer in %s", took);
		return;
	}
	snprintf(answer->error, sizeof(answer->error), "%s",
	    *p->error != '\0' ? p->error : p->curl->easy_strerror(code));
}

int
post_send(struct post *p, const char *data, size_t len, const struct post_wait *wait,
    struct post_answer *answer)
{
	const int64_t begun = clock_now();
	char *packed = NULL;
	CURLcode code;

	if (p->endpoint->gzip && (packed = gzip(data, len, &len)) == NULL)
		return -1;
	*answer = (struct post_answer){0};
	p->answer = answer;
	*p->error = '\0';
	p->curl->easy_setopt(p->easy, CURLOPT_POSTFIELDS, packed != NULL ? packed : data);
	p->curl->easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	if (p->multi == NULL)
		p->multi = p->curl->multi_init();
	if (p->multi == NULL || p->curl->multi_add_handle(p->multi, p->easy) != CURLM_OK) {
		free(packed);
		errno = ENOMEM;
		return -1;
	}
	code = run(p, wait);
	/* A connection whose answer is still to come is closed with that. */
	p->curl->multi_remove_handle(p->multi, p->easy);
	conclude(p, code, begun, answer);
	free(packed);
	return 0;
}
