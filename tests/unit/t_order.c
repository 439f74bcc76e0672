/*
 * The order of keys: a table in ascending order, of which every pair is
 * compared; values that are not keys; random numbers beside their digits
 * written out in full.
 */

#include "json/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "t.h"
#include "t_random.h"

#define ROWS(rows) (sizeof(rows) / sizeof(rows[0]))

#define NINES18 "999999999999999999"
#define TEN18 "1000000000000000000"

/* Rows of one group are equal; a higher group is later in the order. */
static const struct {
	int group;
	const char *text;
} ascending[] = {
    {1, "-1e1000000000000000000000000000001"},
    {2, "-1e1000000000000000000000000000000"},
    {2, "-0.1e+1000000000000000000000000000001"},
    {2, "-10.00E999999999999999999999999999999"},
    {3, "-1e401"},
    {4, "-1e400"},
    {5, "-" TEN18},
    {6, "-" NINES18},
    {7, "-12.5"},
    {7, "-12.50"},
    {7, "-125e-1"},
    {8, "-12.49999999999999999999999999999999999999"},
    {9, "-12"},
    {10, "-1"},
    {11, "-1e-400"},
    {12, "0"},
    {12, "-0"},
    {12, "0.0"},
    {12, "-0.000e99999999999999999999999999"},
    {12, "0E+0"},
    {13, "1e-99999999999999999999999999999999999999"},
    {14, "1e-9999999999999999999999999999999999999"},
    {15, "1e-400"},
    {15, "0.001e-397"},
    {15, "0.00000000001000e-000000000000000000000000000389"},
    {16, "0.05"},
    {16, "5e-2"},
    {17, "0.5"},
    {18, "0.50000000000000000000000000000000000000000000000000000000001"},
    {19, "1"},
    {19, "1.0"},
    {19, "10e-1"},
    {20, "1.1"},
    {20, "1.10"},
    {21, "1.11"},
    {22, "2"},
    {23, "9.99"},
    {24, "10"},
    {25, "99"},
    {26, "100"},
    {26, "1e2"},
    {26, "1E+02"},
    {26, "100.00"},
    {26, "0.0001e6"},
    {27, "100.000000000000000000000000001"},
    {28, "9007199254740992"},
    {29, "9007199254740993"},
    {29, "9.007199254740993e15"},
    {30, NINES18},
    {31, NINES18 ".5"},
    {32, TEN18},
    {32, "1e18"},
    {32, "0.1e19"},
    {33, "1000000000000000001"},
    {34, "9223372036854775807"},
    {35, "9223372036854775808"},
    {36, "12345678901234567890123456789012345678901234567890"},
    {37, "12345678901234567890123456789012345678901234567891"},
    {38, "1e400"},
    {39, "1.0000001e400"},
    {40, "1e401"},
    {41, "9.9e" NINES18},
    {42, "10e" NINES18},
    {42, "1e" TEN18},
    {42, "0.001e1000000000000000003"},
    {43, "10.1e" NINES18},
    {44, "1e9223372036854775807"},
    {45, "1e9223372036854775808"},
    {46, "1e18446744073709551616"},
    {47, "1e99999999999999999999999999999999999999"},
    {47, "1e+00099999999999999999999999999999999999999"},
    {48, "2e99999999999999999999999999999999999999"},
    {49, "1e100000000000000000000000000000000000000"},
    {50, "\"\""},
    {51, "\"\\u0000\""},
    {52, "\"\\u0000\\u0000\""},
    {53, "\"\\n\""},
    {53, "\"\\u000a\""},
    {54, "\"1\""},
    {55, "\"10\""},
    {56, "\"2\""},
    {57, "\"2026-11-26T07:55:16.000Z\""},
    {58, "\"2026-11-26T07:55:16Z\""},
    {59, "\"A\""},
    {59, "\"\\u0041\""},
    {60, "\"A/\""},
    {60, "\"A\\/\""},
    {61, "\"AA\""},
    {62, "\"a\""},
    {63, "\"a\\\\\""},
    {64, "\"\xc3\xa9\""},
    {64, "\"\\u00e9\""},
    {65, "\"\xef\xbf\xbd\""},
    {65, "\"\\ud800\""},
    {66, "\"\xf0\x9f\x98\x80\""},
    {66, "\"\\ud83d\\ude00\""},
};

static const char *const no_keys[] = {"", "null", "true", "false", "{}", "[1]", "{\"a\":1}", "-",
    "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1E-", "1e5.5", "1.5.5",
    "0x10", "1 ", " 1", "--1", "1-", "Infinity", "NaN", "12345678901234567890x",
    "1234567890123456789 ", "0123456789012345678901", "\"", "\"a", "\"a\"b\"", "\"a\nb\"",
    "\"\xff\"", "\"a\" ", "\"\\n\" ", "\"\xc3\"", "\"\\x\"", "\"\\u12\"", "\"\\\"", "\"a\\n\xff\""};

/*
 * The place of a text in a block of its exact size, which is left to the
 * caller.
 */
static int
order_of(struct json_order *order, const char *text, char **block)
{
	size_t len = strlen(text);
	struct json_slice value;

	*block = malloc(len + (len == 0));
	memcpy(*block, text, len);
	value = (struct json_slice){*block, len};
	return json_order_of(order, &value);
}

static int
sign(int n)
{
	return (n > 0) - (n < 0);
}

/* -1, 0 or 1, or 9 if one of them is no key.  Both orders must agree. */
static int
compare(const char *a, const char *b)
{
	struct json_order x = {0}, y = {0}, kept = {0};
	char *a_block, *b_block;
	int there, back, result = 9;

	if (order_of(&x, a, &a_block) == 0 && order_of(&y, b, &b_block) == 0) {
		there = sign(json_order_compare(&x, &y));
		back = sign(json_order_compare(&y, &x));
		CHECK((there > 0) == (back < 0) && (there < 0) == (back > 0), "%s %s", a, b);
		CHECK(json_order_keep(&kept, &x) == 0);
		memset(a_block, '!', strlen(a));
		CHECK(sign(json_order_compare(&kept, &y)) == there, "%s %s", a, b);
		CHECK(json_order_compare(&kept, &kept) == 0, "%s", a);
		result = there;
		free(b_block);
	}
	free(a_block);
	json_order_forget(&x);
	json_order_forget(&y);
	json_order_forget(&kept);
	return result;
}

static void
test_ascending(void)
{
	for (size_t i = 0; i < ROWS(ascending); i++)
		for (size_t j = 0; j < ROWS(ascending); j++) {
			int a = ascending[i].group, b = ascending[j].group;
			int got = compare(ascending[i].text, ascending[j].text);

			CHECK(got == (a > b) - (a < b), "%s %s: %d", ascending[i].text,
			    ascending[j].text, got);
		}
}

static void
test_no_keys(void)
{
	struct json_order order = {0};
	char *block;

	for (size_t i = 0; i < ROWS(no_keys); i++) {
		errno = 0;
		CHECK(order_of(&order, no_keys[i], &block) == -1 && errno == EINVAL, "%s",
		    no_keys[i]);
		free(block);
	}
	json_order_forget(&order);
}

/* One order for all kinds of keys: nothing of the one before is left. */
static void
test_again(void)
{
	struct json_order order = {0}, kept = {0}, fresh;
	char *block, *other;

	for (int i = 0; i < 20000; i++) {
		const char *text = ascending[next_random() % ROWS(ascending)].text;

		fresh = (struct json_order){0};
		CHECK(order_of(&order, text, &block) == 0);
		CHECK(order_of(&fresh, text, &other) == 0);
		CHECK(json_order_compare(&order, &fresh) == 0, "%s", text);
		CHECK(json_order_keep(&kept, &order) == 0);
		free(block);
		CHECK(json_order_compare(&kept, &fresh) == 0, "%s", text);
		free(other);
		json_order_forget(&fresh);
	}
	json_order_forget(&order);
	json_order_forget(&kept);
	CHECK(order.room == NULL && order.size == 0);
}

/* A random number, and its digits from 10 to the power of 79 to that of -80. */
#define SPAN 160

struct number {
	char text[80];
	char digits[SPAN + 1];
	bool negative, zero;
};

static size_t
put_digits(char *p, int n)
{
	/* Few digits, so that many numbers are close to each other. */
	for (int i = 0; i < n; i++)
		p[i] = "00019"[next_random() % 5];
	return (size_t)n;
}

static struct number
random_number(void)
{
	int whole = 1 + (int)(next_random() % (next_random() % 8 == 0 ? 25 : 3));
	int fraction = next_random() % 2 ? (int)(next_random() % (next_random() % 8 ? 3 : 25)) : 0;
	int exponent = next_random() % 2 ? (int)(next_random() % 9) - 4 : 0;
	struct number n = {.negative = next_random() % 4 == 0};
	char raw[64], *p = n.text;

	put_digits(raw, whole + fraction);
	if (whole > 1 && raw[0] == '0')
		raw[0] = '1';
	p += sprintf(p, "%s%.*s%s%.*s", n.negative ? "-" : "", whole, raw, fraction ? "." : "",
	    fraction, raw + whole);
	if (exponent != 0 || next_random() % 4 == 0)
		sprintf(p, "%c%s%0*d", next_random() % 2 ? 'e' : 'E',
		    exponent > 0 && next_random() % 2 ? "+" : "", (int)(next_random() % 4),
		    exponent);
	memset(n.digits, '0', SPAN);
	memcpy(n.digits + 80 - whole - exponent, raw, (size_t)(whole + fraction));
	n.zero = strspn(n.digits, "0") == SPAN;
	return n;
}

static int
compare_written_out(const struct number *a, const struct number *b)
{
	int a_sign = a->zero ? 0
	    : a->negative    ? -1
			     : 1,
	    b_sign = b->zero ? 0
	    : b->negative    ? -1
			     : 1;
	int sizes = strcmp(a->digits, b->digits);

	if (a_sign != b_sign)
		return a_sign < b_sign ? -1 : 1;
	return a_sign * ((sizes > 0) - (sizes < 0));
}

static void
test_random(void)
{
	int equal = 0;

	for (int i = 0; i < 100000; i++) {
		struct number a = random_number(), b = random_number();
		int want = compare_written_out(&a, &b), got = compare(a.text, b.text);

		equal += want == 0;
		CHECK(got == want, "%s %s: %d", a.text, b.text, got);
	}
	CHECK(equal > 1000, "%d pairs are equal", equal);
}

/* Numbers of a megabyte. */
static void
test_long(void)
{
	size_t len = 1 << 20;
	char *a = malloc(len + 1), *b = malloc(len + 1);

	memset(a, '7', len);
	memset(b, '7', len);
	a[len] = b[len] = '\0';
	CHECK(compare(a, b) == 0);
	b[len - 1] = '8';
	CHECK(compare(a, b) == -1);
	a[1] = b[1] = 'e';
	CHECK(compare(a, b) == -1);
	a[0] = b[0] = '-';
	a[1] = b[1] = '7';
	a[2] = b[2] = '.';
	CHECK(compare(a, b) == 1);
	a[len - 1] = '\0';
	CHECK(compare(a, b) == 1);
	free(a);
	free(b);
}

int
main(void)
{
	test_ascending();
	test_no_keys();
	test_again();
	test_random();
	test_long();
	return t_end();
}
