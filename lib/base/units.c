#include "base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define KI (UINT64_C(1) << 10)
#define MI (UINT64_C(1) << 20)
#define GI (UINT64_C(1) << 30)
#define TI (UINT64_C(1) << 40)

__extension__ typedef unsigned __int128 wide;

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit durations[] = {
    {"ns", 1},
    {"us", US},
    {"ms", MS},
    {"s", SECOND},
    {"m", MINUTE},
    {"h", HOUR},
    {"d", DAY},
    {NULL, 0},
};

static const struct unit sizes[] = {
    {"", 1},
    {"B", 1},
    {"K", KI},
    {"KB", KI},
    {"KiB", KI},
    {"M", MI},
    {"MB", MI},
    {"MiB", MI},
    {"G", GI},
    {"GB", GI},
    {"GiB", GI},
    {"T", TI},
    {"TB", TI},
    {"TiB", TI},
    {NULL, 0},
};

/* Amounts of records, in thousandths. */
static const struct unit amounts[] = {
    {"", 1000},
    {"k", UINT64_C(1000000)},
    {"M", UINT64_C(1000000000)},
    {"G", UINT64_C(1000000000000)},
    {NULL, 0},
};

static const struct unit periods[] = {
    {"s", SECOND},
    {"m", MINUTE},
    {"h", HOUR},
    {"d", DAY},
    {NULL, 0},
};

static const struct unit shares[] = {
    {"%", 10000},
    {NULL, 0},
};

int
units_number(const char *text, int64_t min, int64_t max, int64_t *value, const char **why)
{
	static _Thread_local char allowed[80];
	const char *error = "";
	int64_t n = 0;

	/* strtonum() would accept leading white space and a plus. */
	if (*text == '-' || isdigit((unsigned char)*text))
		n = strtonum(text, min, max, &error);
	if (error == NULL) {
		*value = n;
		return 0;
	}
	if (max == INT64_MAX)
		snprintf(allowed, sizeof(allowed), "a whole number of at least %" PRId64, min);
	else
		snprintf(allowed, sizeof(allowed), "a whole number from %" PRId64 " to %" PRId64,
		    min, max);
	*why = allowed;
	return -1;
}

/*
 * The value of the decimals between point and end, in a unit of this factor,
 * rounded down; *exact is false if rounding lost something.  The loop runs from
 * the last digit to the first: .d1d2 is (d1 * factor + d2 * factor / 10) / 10,
 * and rounding down at each step gives the same as rounding down once.
 */
static uint64_t
fraction(const char *point, const char *end, uint64_t factor, bool *exact)
{
	uint64_t sum = 0;

	for (*exact = true; end > point + 1; sum /= 10) {
		sum += (uint64_t)(*--end - '0') * factor;
		*exact = *exact && sum % 10 == 0;
	}
	return sum;
}

/*
 * Reads a term (`1.5s`) at *text and moves *text past it; *exact is false if
 * the value was rounded.  -1 if there is no term, or its value is too large.
 */
static int
read_term(const char **text, const struct unit *unit, uint64_t *value, bool *exact)
{
	const char *whole = *text;
	const char *point = whole + strspn(whole, DIGITS);
	const char *name = *point == '.' ? point + 1 + strspn(point + 1, DIGITS) : point;
	size_t name_len = strcspn(name, DIGITS ".");

	if (name == whole || name[-1] == '.')
		return -1;
	while (unit->name != NULL &&
	    (strlen(unit->name) != name_len || memcmp(unit->name, name, name_len) != 0))
		unit++;
	/*
	 * strtoull() reads no digits before the point as 0, too many as its
	 * maximum.
	 */
	if (unit->name == NULL ||
	    __builtin_mul_overflow(strtoull(whole, NULL, 10), unit->factor, value) ||
	    __builtin_add_overflow(*value, fraction(point, name, unit->factor, exact), value) ||
	    *value > INT64_MAX)
		return -1;
	*text = name + name_len;
	return 0;
}

/*
 * The sum of one or several terms.  -1 if the text is none, or the sum too
 * large.
 */
static int
read_terms(const char *text, const struct unit *unit, uint64_t *sum)
{
	uint64_t value;
	bool exact;

	*sum = 0;
	do {
		if (read_term(&text, unit, &value, &exact) == -1)
			return -1;
		*sum += value; /* two values up to INT64_MAX cannot overflow */
	} while (*text != '\0' && *sum <= INT64_MAX);
	return *sum <= INT64_MAX ? 0 : -1;
}

int
units_duration(const char *text, int64_t *ns, const char **why)
{
	uint64_t sum = 0;

	if (strcmp(text, "0") != 0 && read_terms(text, durations, &sum) == -1) {
		*why = "a duration such as 250ms, 2s or 1m30s (ns us ms s m h d)";
		return -1;
	}
	*ns = (int64_t)sum;
	return 0;
}

int
units_size(const char *text, uint64_t *bytes, const char **why)
{
	uint64_t value;
	bool exact;

	if (read_term(&text, sizes, &value, &exact) == -1 || *text != '\0' || value == 0) {
		*why = "a size such as 4096, 64K or 16M (K M G T, binary)";
		return -1;
	}
	*bytes = value;
	return 0;
}

int
units_share(const char *text, uint32_t *ppm, const char **why)
{
	uint64_t value;
	bool exact;

	if (read_term(&text, shares, &value, &exact) == -1 || *text != '\0' || !exact ||
	    value == 0 || value >= 1000000) {
		*why = "a share such as 5% or 0.5% (above 0%, below 100%)";
		return -1;
	}
	*ppm = (uint32_t)value;
	return 0;
}

static uint64_t
common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

int
units_rate(const char *text, bool bytes, uint64_t *amount, uint64_t *per, const char **why)
{
	const char *slash = strchr(text, '/');
	const struct unit *period = periods;
	char head[32] = "";
	const char *at = head;
	uint64_t n, time, divisor;
	bool exact;

	*why = bytes
	    ? "a rate above 0 such as 512K/s or 10M/m (K M G T, binary; per s m h d)"
	    : "a rate above 0 such as 100/s, 6000/m or 10k/s (k M G, to a thousandth; per s m h d)";
	if (slash == NULL || (size_t)(slash - text) >= sizeof(head))
		return -1;
	memcpy(head, text, (size_t)(slash - text));
	while (period->name != NULL && strcmp(period->name, slash + 1) != 0)
		period++;
	if (period->name == NULL || read_term(&at, bytes ? sizes : amounts, &n, &exact) == -1 ||
	    *at != '\0' || n == 0 || (!bytes && !exact))
		return -1;
	time = period->factor * (bytes ? 1 : 1000);
	divisor = common_divisor(n, time);
	*amount = n / divisor;
	*per = time / divisor;
	return 0;
}

/*
 * n in this unit, with three digits; zeros at the end of the decimals are left
 * out.
 */
static void
format_one(char text[UNITS_TEXT_SIZE], uint64_t n, uint64_t factor, const char *name)
{
	unsigned whole = (unsigned)(n / factor);
	unsigned cents = (unsigned)(n % factor * 100 / factor);

	if (whole >= 100 || cents < (whole >= 10 ? 10 : 1))
		snprintf(text, UNITS_TEXT_SIZE, "%u%s", whole, name);
	else if (whole >= 10 || cents % 10 == 0)
		snprintf(text, UNITS_TEXT_SIZE, "%u.%u%s", whole, cents / 10, name);
	else
		snprintf(text, UNITS_TEXT_SIZE, "%u.%02u%s", whole, cents, name);
}

/* n in this unit and the next smaller one, which is left out if it is zero. */
static void
format_two(char text[UNITS_TEXT_SIZE], uint64_t n, const struct unit *unit)
{
	const struct unit *smaller = unit - 1;
	unsigned whole = (unsigned)(n / unit->factor);
	unsigned rest = (unsigned)(n % unit->factor / smaller->factor);

	if (rest == 0)
		snprintf(text, UNITS_TEXT_SIZE, "%u%s", whole, unit->name);
	else
		snprintf(text, UNITS_TEXT_SIZE, "%u%s%u%s", whole, unit->name, rest, smaller->name);
}

void
units_format_duration(int64_t ns, char text[UNITS_TEXT_SIZE])
{
	const struct unit *unit = durations;
	uint64_t n = ns > 0 ? (uint64_t)ns : 0;

	while (unit[1].name != NULL && unit[1].factor <= n)
		unit++;
	if (n == 0)
		snprintf(text, UNITS_TEXT_SIZE, "0s");
	else if (unit->factor > SECOND)
		format_two(text, n, unit);
	else
		format_one(text, n, unit->factor, unit->name);
}

void
units_format_size(uint64_t bytes, char text[UNITS_TEXT_SIZE])
{
	static const char *const names[] = {"", "K", "M", "G", "T"};
	unsigned power = 0;

	while (power < 4 && bytes >> (10 * (power + 1)) != 0)
		power++;
	format_one(text, bytes, UINT64_C(1) << (10 * power), names[power]);
}

void
units_format_rate(uint64_t amount, uint64_t per, bool bytes, char text[UNITS_RATE_SIZE])
{
	static const char *const names[] = {"", "K", "M", "G", "T"};
	const struct unit *period = periods;
	uint64_t whole;
	unsigned power = 0, decimals;
	wide thousandths;

	while (period->factor % per != 0 && period[1].name != NULL)
		period++;
	thousandths = ((wide)amount * period->factor * 2000 + per) / ((wide)per * 2);
	whole = (uint64_t)(thousandths / 1000);
	decimals = (unsigned)(thousandths % 1000);
	while (bytes && power < 4 && decimals == 0 && whole % 1024 == 0) {
		whole /= 1024;
		power++;
	}
	if (decimals == 0)
		snprintf(text, UNITS_RATE_SIZE, "%ju%s/%s", (uintmax_t)whole, names[power],
		    period->name);
	else
		snprintf(
		    text, UNITS_RATE_SIZE, "%ju.%03u/%s", (uintmax_t)whole, decimals, period->name);
}

int
units_statuses(const char *text, unsigned least, bool has[UNITS_STATUSES])
{
	char *end;

	for (const char *at = text;; at = end + 1) {
		unsigned long status;

		if (*at < '0' || *at > '9')
			return -1;
		status = strtoul(at, &end, 10);
		if (status < least || status >= UNITS_STATUSES)
			return -1;
		has[status] = true;
		if (*end == '\0')
			return 0;
		if (*end != ',')
			return -1;
	}
}
