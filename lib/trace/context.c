#include "trace/context.h"

#include <stdlib.h>
#include <string.h>

/* VERSION-TRACE_ID-SPAN_ID-FLAGS: where each part begins. */
#define TRACE_AT 3
#define SPAN_AT (TRACE_AT + 2 * CONTEXT_TRACE_ID + 1)
#define FLAGS_AT (SPAN_AT + 2 * CONTEXT_SPAN_ID + 1)
#define TEXT_LEN (CONTEXT_TEXT_SIZE - 1)

#define INVALID_VERSION 0xff

/* The value of a lower case hexadecimal digit; -1 if it is none. */
static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
is_zero(const unsigned char *bytes, size_t n)
{
	while (n > 0 && bytes[n - 1] == 0)
		n--;
	return n == 0;
}

bool
context_read(const char *text, size_t len, struct context *context)
{
	struct context c;
	unsigned char version;

	if (len < TEXT_LEN || text[TRACE_AT - 1] != '-' || text[SPAN_AT - 1] != '-' ||
	    text[FLAGS_AT - 1] != '-')
		return false;
	if (!context_unhex(text, 2, &version, 1) || version == INVALID_VERSION)
		return false;
	if (len > TEXT_LEN && (version == 0 || text[TEXT_LEN] != '-'))
		return false;
	if (!context_unhex(
		text + TRACE_AT, sizeof(c.trace_id) * 2, c.trace_id, sizeof(c.trace_id)) ||
	    !context_unhex(text + SPAN_AT, sizeof(c.span_id) * 2, c.span_id, sizeof(c.span_id)) ||
	    !context_unhex(text + FLAGS_AT, 2, &c.flags, 1))
		return false;
	if (is_zero(c.trace_id, sizeof(c.trace_id)) || is_zero(c.span_id, sizeof(c.span_id)))
		return false;
	c.flags &= CONTEXT_SAMPLED | CONTEXT_RANDOM;
	*context = c;
	return true;
}

void
context_print(const struct context *c, char text[CONTEXT_TEXT_SIZE])
{
	memcpy(text, "00-", TRACE_AT);
	context_hex(c->trace_id, sizeof(c->trace_id), text + TRACE_AT);
	text[SPAN_AT - 1] = '-';
	context_hex(c->span_id, sizeof(c->span_id), text + SPAN_AT);
	text[FLAGS_AT - 1] = '-';
	context_hex(&c->flags, 1, text + FLAGS_AT);
}

void
context_new_trace(struct context *c)
{
	do
		arc4random_buf(c->trace_id, sizeof(c->trace_id));
	while (is_zero(c->trace_id, sizeof(c->trace_id)));
	c->flags = CONTEXT_RANDOM;
}

void
context_new_span(struct context *c)
{
	do
		arc4random_buf(c->span_id, sizeof(c->span_id));
	while (is_zero(c->span_id, sizeof(c->span_id)));
}

void
context_hex(const unsigned char *bytes, size_t n, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 0xf];
	}
	*text = '\0';
}

bool
context_unhex(const char *text, size_t len, unsigned char *bytes, size_t n)
{
	if (len != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}
