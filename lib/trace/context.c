#include "trace/context.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

/* VERSION-TRACE_ID-SPAN_ID-FLAGS: where each part begins. */
#define TRACE_AT 3
#define SPAN_AT (TRACE_AT + 2 * CONTEXT_TRACE_ID + 1)
#define FLAGS_AT (SPAN_AT + 2 * CONTEXT_SPAN_ID + 1)
#define TEXT_LEN (CONTEXT_TEXT_SIZE - 1)

#define INVALID_VERSION 0xff

static bool
is_zero(const unsigned char *bytes, size_t n)
{
	while (n > 0 && bytes[n - 1] == 0)
		n--;
	return n == 0;
}

static uint64_t
rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

bool
context_read(const char *text, size_t len, struct context *context)
{
	struct context c;
	unsigned char version;

	if (len < TEXT_LEN || text[TRACE_AT - 1] != '-' || text[SPAN_AT - 1] != '-' ||
	    text[FLAGS_AT - 1] != '-')
		return false;
	if (!hex_read(text, 2, &version, 1) || version == INVALID_VERSION)
		return false;
	if (len > TEXT_LEN && (version == 0 || text[TEXT_LEN] != '-'))
		return false;
	if (!hex_read(text + TRACE_AT, sizeof(c.trace_id) * 2, c.trace_id, sizeof(c.trace_id)) ||
	    !hex_read(text + SPAN_AT, sizeof(c.span_id) * 2, c.span_id, sizeof(c.span_id)) ||
	    !hex_read(text + FLAGS_AT, 2, &c.flags, 1))
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
	hex_print(c->trace_id, sizeof(c->trace_id), text + TRACE_AT);
	text[SPAN_AT - 1] = '-';
	hex_print(c->span_id, sizeof(c->span_id), text + SPAN_AT);
	text[FLAGS_AT - 1] = '-';
	hex_print(&c->flags, 1, text + FLAGS_AT);
}

/*
 * 64 random bits: xoshiro256** (Blackman and Vigna, 2018), which is far quicker
 * than the system call that arc4random(3) can be.  Each thread has its own.
 */
static uint64_t
next_random(void)
{
	static _Thread_local uint64_t s[4];
	uint64_t result, shifted;

	while ((s[0] | s[1] | s[2] | s[3]) == 0)
		arc4random_buf(s, sizeof(s));
	result = rotate(s[1] * 5, 7) * 9;
	shifted = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return result;
}

void
context_new_trace(struct context *c)
{
	uint64_t id[CONTEXT_TRACE_ID / sizeof(uint64_t)];

	do {
		id[0] = next_random();
		id[1] = next_random();
	} while ((id[0] | id[1]) == 0);
	memcpy(c->trace_id, id, sizeof(id));
	c->flags = CONTEXT_RANDOM;
}

void
context_new_span(struct context *c)
{
	uint64_t id;

	while ((id = next_random()) == 0)
		continue;
	memcpy(c->span_id, &id, sizeof(id));
}
