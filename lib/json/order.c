/* The order of keys. */

#include "json/order.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTEGER_DIGITS 18 /* any integer of so many digits is an int64_t */

/*
 * Where the difference of two exponents is known well enough: no text is so
 * long that its digits before or after the point make up for it.
 */
#define FAR 100000000000000000

/* Makes room for len bytes; what was in the room is lost. */
static int
reserve(struct json_order *order, size_t len)
{
	if (len <= order->size)
		return 0;
	free(order->room);
	order->size = 0;
	if ((order->room = malloc(len)) == NULL)
		return -1;
	order->size = len;
	return 0;
}

static bool
parse_integer(const char *p, size_t len, int64_t *integer)
{
	bool negative = *p == '-';
	int64_t value = 0;

	p += negative;
	len -= negative;
	if (len == 0 || len > INTEGER_DIGITS || (*p == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned char)p[i] - (unsigned)'0';

		if (digit > 9)
			return false;
		value = value * 10 + digit;
	}
	*integer = negative ? -value : value;
	return true;
}

static const char *
skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Parses a number as in RFC 8259, section 6. */
static bool
parse_decimal(struct json_order *order, const char *p, const char *end)
{
	order->negative = *p == '-';
	p += order->negative;
	/* The digits before the point, */
	const char *first = p, *point = p = skip_digits(p, end);
	if (point == first || (*first == '0' && point - first > 1))
		return false;
	/* those after it, */
	if (p < end && *p == '.' && (p = skip_digits(p + 1, end)) == point + 1)
		return false;
	/* and the exponent. */
	const char *digits_end = p, *exponent = end;
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		order->exponent_negative = p < end && *p == '-';
		p += p < end && (*p == '-' || *p == '+');
		exponent = p;
		if ((p = skip_digits(p, end)) == exponent)
			return false;
	}
	if (p != end)
		return false;
	while (first < digits_end && (*first == '0' || *first == '.'))
		first++;
	order->data = first;
	order->len = (size_t)(end - first);
	order->digits = (size_t)(digits_end - first);
	order->exponent = (size_t)(exponent - first);
	order->point = point - first + (first > point);
	return true;
}

static int
number_of(struct json_order *order, const struct json_slice *value)
{
	order->kind = JSON_ORDER_INTEGER;
	if (parse_integer(value->data, value->len, &order->integer))
		return 0;
	order->kind = JSON_ORDER_DECIMAL;
	order->exponent_negative = false;
	if (!parse_decimal(order, value->data, value->data + value->len)) {
		errno = EINVAL;
		return -1;
	}
	if (order->digits == 0) {
		order->kind = JSON_ORDER_INTEGER;
		order->integer = 0;
	}
	return 0;
}

static int
string_of(struct json_order *order, const struct json_slice *value)
{
	order->kind = JSON_ORDER_STRING;
	if (memchr(value->data, '\\', value->len) == NULL) {
		order->data = value->data + 1;
		order->len = value->len - 2;
		/* White space after the string would be JSON, too. */
		if (value->data[value->len - 1] == '"' && json_check(value->data, value->len, NULL))
			return 0;
	} else {
		if (reserve(order, value->len) == -1)
			return -1;
		order->data = order->room;
		order->len = json_unquote(value->data, value->len, order->room);
		if (order->len != (size_t)-1)
			return 0;
	}
	errno = EINVAL;
	return -1;
}

int
json_order_of(struct json_order *order, const struct json_slice *value)
{
	if (value->len > 0 && *value->data == '"')
		return string_of(order, value);
	if (value->len > 0)
		return number_of(order, value);
	errno = EINVAL;
	return -1;
}

static int
sign(const struct json_order *number)
{
	if (number->kind == JSON_ORDER_DECIMAL)
		return number->negative ? -1 : 1;
	return (number->integer > 0) - (number->integer < 0);
}

/* The digit of the exponent that counts 10 to the power of i, with its sign. */
static int
exponent_digit(const struct json_order *number, size_t i)
{
	if (i >= number->len - number->exponent)
		return 0;
	int digit = number->data[number->len - 1 - i] - '0';
	return number->exponent_negative ? -digit : digit;
}

/*
 * The exponent of a less the exponent of b.  From FAR on it is only known to be
 * so far, as the digits that follow cannot bring it back.
 */
static int64_t
exponent_difference(const struct json_order *a, const struct json_order *b)
{
	size_t a_len = a->len - a->exponent, b_len = b->len - b->exponent;
	int64_t difference = 0;

	for (size_t i = a_len > b_len ? a_len : b_len; i-- > 0;) {
		difference = difference * 10 + exponent_digit(a, i) - exponent_digit(b, i);
		if (difference >= FAR || difference <= -FAR)
			break;
	}
	return difference;
}

/* The digit at *i, and moves *i on; 0 where there are no more. */
static char
next_digit(const struct json_order *number, size_t *i)
{
	if (*i < number->digits && number->data[*i] == '.')
		++*i;
	return *i < number->digits ? number->data[(*i)++] : '0';
}

/* Compares two decimals without their signs. */
static int
compare_sizes(const struct json_order *a, const struct json_order *b)
{
	int64_t difference = exponent_difference(a, b) + a->point - b->point;
	size_t i = 0, j = 0;

	if (difference != 0)
		return difference < 0 ? -1 : 1;
	while (i < a->digits || j < b->digits) {
		char x = next_digit(a, &i), y = next_digit(b, &j);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

/* The number as a decimal; an integer other than 0 is written into `text`. */
static struct json_order
as_decimal(const struct json_order *number, char text[24])
{
	struct json_order decimal = *number;

	if (number->kind == JSON_ORDER_INTEGER) {
		int len = snprintf(text, 24, "%" PRId64, imaxabs(number->integer));

		decimal = (struct json_order){.kind = JSON_ORDER_DECIMAL, .data = text};
		decimal.len = decimal.digits = decimal.exponent = (size_t)len;
		decimal.point = len;
	}
	return decimal;
}

static int
compare_numbers(const struct json_order *a, const struct json_order *b)
{
	int a_sign = sign(a), b_sign = sign(b);
	char a_text[24], b_text[24];

	if (a_sign != b_sign)
		return a_sign - b_sign;
	struct json_order x = as_decimal(a, a_text), y = as_decimal(b, b_text);
	return a_sign * compare_sizes(&x, &y);
}

static int
compare_strings(const struct json_order *a, const struct json_order *b)
{
	int difference = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	if (difference != 0)
		return difference;
	return (a->len > b->len) - (a->len < b->len);
}

int
json_order_compare_any(const struct json_order *a, const struct json_order *b)
{
	if (a->kind == JSON_ORDER_STRING && b->kind == JSON_ORDER_STRING)
		return compare_strings(a, b);
	if (a->kind == JSON_ORDER_STRING || b->kind == JSON_ORDER_STRING)
		return a->kind == JSON_ORDER_STRING ? 1 : -1;
	return compare_numbers(a, b);
}

int
json_order_keep_any(struct json_order *kept, const struct json_order *order)
{
	char *room;
	size_t size;

	if (reserve(kept, order->len + 1) == -1)
		return -1;
	room = kept->room;
	size = kept->size;
	*kept = *order;
	kept->room = room;
	kept->size = size;
	kept->data = memcpy(room, order->data, order->len);
	return 0;
}

void
json_order_forget(struct json_order *order)
{
	free(order->room);
	*order = (struct json_order){0};
}
