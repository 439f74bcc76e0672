#ifndef PCHAN_JSON_ORDER_H
#define PCHAN_JSON_ORDER_H

/*
 * The order of keys, for a merge: numbers before strings; numbers by their
 * exact value, whatever their length and however they are written (100, 1e2 and
 * 100.0 are equal, and so are 0 and -0); strings by the bytes of their decoded
 * characters.  Other values are not keys.
 *
 * An integer of up to 18 digits is kept as a number.  Any other number is
 * compared digit by digit where it stands in the text, and so is a string
 * without escapes.
 *
 * Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/json.h"

enum json_order_kind { JSON_ORDER_INTEGER, JSON_ORDER_DECIMAL, JSON_ORDER_STRING };

/* The place of a key in the order.  It begins as {0}. */
struct json_order {
	enum json_order_kind kind;
	int64_t integer; /* INTEGER: the value */
	/*
	 * STRING: the decoded characters.  DECIMAL: the number from its first
	 * digit that is not 0; in the text or in `room`.
	 */
	const char *data;
	size_t len;
	/*
	 * DECIMAL: the value is 0.DIGITS times 10 to the power of the exponent
	 * plus `point`, where DIGITS are the digits of data[0..digits).
	 */
	bool negative;
	size_t digits;
	int64_t point;
	bool exponent_negative;
	size_t exponent; /* where its digits begin; len: there are none */
	char *room;      /* malloc'd, or NULL */
	size_t size;     /* of the room */
};

/*
 * The place of a value that json_path_get() has found.  It is valid as long as
 * the text.  Returns -1 with errno EINVAL if the value is not a valid number or
 * string, and with ENOMEM.  An order can be used again and again, and keeps its
 * room until json_order_forget(); after a failure it is not to be compared.
 */
int json_order_of(struct json_order *, const struct json_slice *value);

/* json_order_compare() of any two. */
int json_order_compare_any(const struct json_order *, const struct json_order *);

/* Negative, 0 or positive, as memcmp(3). */
static inline int
json_order_compare(const struct json_order *a, const struct json_order *b)
{
	if (a->kind == JSON_ORDER_INTEGER && b->kind == JSON_ORDER_INTEGER)
		return (a->integer > b->integer) - (a->integer < b->integer);
	return json_order_compare_any(a, b);
}

/* json_order_keep() of any. */
int json_order_keep_any(struct json_order *kept, const struct json_order *order);

/*
 * Makes *kept the same place as *order, but independent of the text.  Uses the
 * room that *kept has, as far as it goes.  Returns 0, or -1 with errno ENOMEM.
 */
static inline int
json_order_keep(struct json_order *kept, const struct json_order *order)
{
	if (order->kind != JSON_ORDER_INTEGER)
		return json_order_keep_any(kept, order);
	kept->kind = JSON_ORDER_INTEGER;
	kept->integer = order->integer;
	return 0;
}

/* Frees the room; the order is {0} again. */
void json_order_forget(struct json_order *);

#endif
