#include "array.h"

#include <arpa/inet.h>
#include <stdint.h>

#define TEXT_TYPE 25 /* the OID of text */

static void
number(struct text *to, size_t n)
{
	uint32_t bytes = htonl((uint32_t)n);

	text_bytes(to, (const char *)&bytes, sizeof(bytes));
}

void
array_begin(struct text *to, size_t n)
{
	to->len = 0;
	number(to, 1);
	number(to, 0);
	number(to, TEXT_TYPE);
	number(to, n);
	number(to, 1);
}

void
array_add(struct text *to, const char *data, size_t len)
{
	number(to, len);
	text_bytes(to, data, len);
}
