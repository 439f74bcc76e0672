#include "reply.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/retryafter.h"
#include "base/utf8.h"
#include "post.h"

#define MESSAGE_MOST 200 /* bytes of a server's message */

/* The statuses that servers send, by the names of RFC 9110. */
static const struct {
	long status;
	const char *name;
	bool again;
} statuses[] = {
    {400, "Bad Request", false},
    {401, "Unauthorized", false},
    {403, "Forbidden", false},
    {404, "Not Found", false},
    {405, "Method Not Allowed", false},
    {413, "Content Too Large", false},
    {415, "Unsupported Media Type", false},
    {429, "Too Many Requests", true},
    {500, "Internal Server Error", false},
    {502, "Bad Gateway", true},
    {503, "Service Unavailable", true},
    {504, "Gateway Timeout", true},
    {0},
};

/* The member as a number: 64-bit integers are strings in OTLP/JSON. */
static uint64_t
number(const json_t *value)
{
	if (json_is_integer(value))
		return json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
	return json_is_string(value) && isdigit((unsigned char)*json_string_value(value))
	    ? strtoull(json_string_value(value), NULL, 10)
	    : 0;
}

static void
add_message(struct reply *r, const char *message, size_t len)
{
	size_t head = utf8_head(message, len, MESSAGE_MOST), at = strlen(r->text);

	if (head == 0)
		return;
	snprintf(r->text + at, sizeof(r->text) - at, "%s%.*s%s", at > 0 ? ": " : "", (int)head,
	    message, head < len ? "..." : "");
	utf8_tame(r->text, strlen(r->text), "");
}

/* The partialSuccess of a body, which may be anything. */
static void
read_partial(const json_t *body, struct reply *r)
{
	const json_t *partial = json_object_get(body, "partialSuccess"), *message, *n;

	if ((n = json_object_get(partial, "rejectedSpans")) == NULL)
		n = json_object_get(partial, "rejectedDataPoints");
	r->rejected = number(n);
	message = json_object_get(partial, "errorMessage");
	if (json_is_string(message))
		add_message(r, json_string_value(message), json_string_length(message));
}

/* An error's body is a google.rpc.Status, or a text for people. */
static void
read_message(const struct post_answer *a, const json_t *body, struct reply *r)
{
	const json_t *message = json_object_get(body, "message");
	size_t len = a->len;

	if (json_is_string(message)) {
		add_message(r, json_string_value(message), json_string_length(message));
		return;
	}
	while (len > 0 && isspace((unsigned char)a->body[len - 1]))
		len--;
	/* Nobody reads a page in a message. */
	if (len > 0 && a->body[0] != '<')
		add_message(r, a->body, len);
}

void
reply_judge(const struct post_answer *a, int64_t now, struct reply *r)
{
	json_t *body;
	size_t i = 0;

	*r = (struct reply){.kind = REPLY_AGAIN, .after = -1};
	if (a->status == 0) {
		add_message(r, a->error, strlen(a->error));
		return;
	}
	body = json_loadb(a->body, a->len, 0, NULL);
	if (a->status >= 200 && a->status <= 299) {
		r->kind = REPLY_TAKEN;
		read_partial(body, r);
	} else {
		while (statuses[i].status != 0 && statuses[i].status != a->status)
			i++;
		r->kind = statuses[i].again ? REPLY_AGAIN : REPLY_REJECTED;
		snprintf(r->text, sizeof(r->text), "%ld%s%s", a->status,
		    statuses[i].name != NULL ? " " : "",
		    statuses[i].name != NULL ? statuses[i].name : "");
		read_message(a, body, r);
		if (r->kind == REPLY_AGAIN)
			r->after = retryafter_read(a->retry_after, now);
	}
	json_decref(body);
}
