#include "outcome.h"

#include <stdio.h>
#include <string.h>

#include "base/retryafter.h"
#include "base/utf8.h"

#define BODY_SHOWN 200 /* bytes of the body in a message */

/* What no status says: the transfer failed. */
static enum outcome_kind
judge_transfer(const struct outcome_answer *a)
{
	switch (a->code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return OUTCOME_REFUSED;
	default:
		return a->connected ? OUTCOME_AGAIN : OUTCOME_AWAY;
	}
}

static enum outcome_kind
judge_status(long status)
{
	switch (status) {
	case 400:
	case 413:
	case 422:
		return OUTCOME_UNFIT;
	case 401:
	case 403:
	case 404:
	case 405:
	case 407:
		return OUTCOME_REFUSED;
	case 408:
	case 425:
	case 429:
		return OUTCOME_AGAIN;
	}
	if (status >= 200 && status <= 299)
		return OUTCOME_TAKEN;
	if (status >= 300 && status <= 399)
		return OUTCOME_REFUSED;
	return status >= 500 ? OUTCOME_AGAIN : OUTCOME_REJECTED;
}

/* Adds the first bytes of a text, as one line; nothing if it is empty. */
static void
add_head(struct outcome *o, const char *text, size_t len, size_t most)
{
	size_t at = strlen(o->text), head;

	while (len > 0 && strchr(" \t\r\n", *text) != NULL)
		text++, len--;
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	/* Nobody reads a page in a message. */
	if (len == 0 || *text == '<')
		return;
	head = utf8_head(text, len, most);
	snprintf(o->text + at, sizeof(o->text) - at, ": %.*s%s", (int)head, text,
	    head < len ? "..." : "");
	for (char *p = o->text + at; *p != '\0'; p++)
		if (*p == '\n' || *p == '\r' || *p == '\t')
			*p = ' ';
	utf8_tame(o->text, strlen(o->text), "");
}

void
outcome_judge(const struct outcome_answer *a, int64_t now, struct outcome *o)
{
	*o = (struct outcome){.wait = -1};
	if (a->code != CURLE_OK) {
		o->kind = judge_transfer(a);
		snprintf(o->text, sizeof(o->text), "%s",
		    *a->error != '\0' ? a->error : curl_easy_strerror(a->code));
		utf8_tame(o->text, strlen(o->text), "");
		return;
	}
	o->kind = judge_status(a->status);
	snprintf(o->text, sizeof(o->text), "%ld", a->status);
	if (a->status >= 300 && a->status <= 399 && *a->location != '\0') {
		snprintf(o->text, sizeof(o->text),
		    "%ld: a redirect, which is not followed, to %.200s", a->status, a->location);
		utf8_tame(o->text, strlen(o->text), "");
	} else
		add_head(o, a->body, a->len, BODY_SHOWN);
	if (o->kind == OUTCOME_AGAIN)
		o->wait = retryafter_read(a->retry_after, now);
}
