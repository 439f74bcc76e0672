#include "base/units.h"

#include <inttypes.h>
#include <string.h>

#include "t.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))

/*
 * Calls with a value that a success must replace, and a failure must leave
 * alone.
 */
#define UNTOUCHED 12345

static const struct {
	const char *text;
	int64_t ns; /* -1: must be refused */
} durations[] = {
    {"0", 0},
    {"0s", 0},
    {"1ns", 1},
    {"7us", 7000},
    {"250ms", 250000000},
    {"2s", 2000000000},
    {"1m", 60000000000},
    {"1h", INT64_C(3600000000000)},
    {"1d", INT64_C(86400000000000)},
    {"1.5s", 1500000000},
    {".5s", 500000000},
    {"0.000000001s", 1},
    {"0.0000000019s", 1},
    {"1.999999999999999999999999s", 1999999999},
    {"1.1d", INT64_C(95040000000000)},
    {"1m30s", 90000000000},
    {"1h0m0.5s", INT64_C(3600500000000)},
    {"007s", 7000000000},
    {"9223372036854775807ns", INT64_MAX},
    {"9223372036.854775807s", INT64_MAX},
    {"9223372036854775808ns", -1},
    {"9223372036.854775808s", -1},
    {"9223372036854775807ns1ns", -1},
    {"99999999999999999999999ns", -1},
    {"106752d", -1},
    {"", -1},
    {"1", -1},
    {"00", -1},
    {"s", -1},
    {".s", -1},
    {"1.s", -1},
    {".", -1},
    {"-1s", -1},
    {"+1s", -1},
    {" 1s", -1},
    {"1 s", -1},
    {"1s ", -1},
    {"1S", -1},
    {"1sec", -1},
    {"1m30", -1},
    {"1.5.5s", -1},
    {"1e3s", -1},
    {"0x1s", -1},
    {"1,5s", -1},
    {"inf", -1},
};

static const struct {
	const char *text;
	uint64_t bytes; /* 0: must be refused */
} sizes[] = {
    {"1", 1},
    {"4096", 4096},
    {"512B", 512},
    {"64K", 65536},
    {"64KB", 65536},
    {"64KiB", 65536},
    {"16M", 16777216},
    {"1G", UINT64_C(1) << 30},
    {"2T", UINT64_C(1) << 41},
    {"2TiB", UINT64_C(1) << 41},
    {"1.5K", 1536},
    {"1.0009765625M", 1048576 + 1024},
    {"9223372036854775807", INT64_MAX},
    {"8388607T", UINT64_C(8388607) << 40},
    {"8388608T", 0},
    {"9223372036854775808", 0},
    {"36893488147419103232", 0},
    {"0", 0},
    {"0K", 0},
    {"0.0001K", 0},
    {"", 0},
    {"K", 0},
    {"-1", 0},
    {"+1", 0},
    {" 1", 0},
    {"1 ", 0},
    {"64k", 0},
    {"64iB", 0},
    {"64Ki", 0},
    {"64KK", 0},
    {"1K1K", 0},
    {"1.", 0},
    {"0x10", 0},
    {"lots", 0},
};

static const struct {
	const char *text;
	int64_t min, max;
	int64_t value;
	const char *why; /* NULL: the text is a number */
} numbers[] = {
    {"0", 0, 10, 0, NULL},
    {"10", 0, 10, 10, NULL},
    {"-5", -5, 5, -5, NULL},
    {"9223372036854775807", 0, INT64_MAX, INT64_MAX, NULL},
    {"11", 0, 10, 0, "a whole number from 0 to 10"},
    {"-1", 0, 10, 0, "a whole number from 0 to 10"},
    {"0", 1, INT64_MAX, 0, "a whole number of at least 1"},
    {"9223372036854775808", 1, INT64_MAX, 0, "a whole number of at least 1"},
    {"", 0, 10, 0, "a whole number from 0 to 10"},
    {"-", -10, 10, 0, "a whole number from -10 to 10"},
    {" 1", 0, 10, 0, "a whole number from 0 to 10"},
    {"+1", 0, 10, 0, "a whole number from 0 to 10"},
    {"1x", 0, 10, 0, "a whole number from 0 to 10"},
    {"1.0", 0, 10, 0, "a whole number from 0 to 10"},
    {"0x1", 0, 10, 0, "a whole number from 0 to 10"},
    {"-", INT64_MIN, INT64_MAX - 1, 0,
	"a whole number from -9223372036854775808 to 9223372036854775806"},
};

static const struct {
	int64_t ns;
	const char *text;
} duration_texts[] = {
    {INT64_MIN, "0s"},
    {0, "0s"},
    {1, "1ns"},
    {999, "999ns"},
    {1000, "1us"},
    {1234567, "1.23ms"},
    {1200000, "1.2ms"},
    {1009999, "1ms"},
    {10050000, "10ms"},
    {12345678, "12.3ms"},
    {999999999, "999ms"},
    {2000000000, "2s"},
    {9999999999, "9.99s"},
    {59999999999, "59.9s"},
    {60000000000, "1m"},
    {90000000000, "1m30s"},
    {100000000000, "1m40s"},
    {INT64_C(3599999999999), "59m59s"},
    {INT64_C(3600000000000), "1h"},
    {INT64_C(9000000000000), "2h30m"},
    {INT64_C(86400000000000), "1d"},
    {INT64_MAX, "106751d23h"},
};

static const struct {
	uint64_t bytes;
	const char *text;
} size_texts[] = {
    {0, "0"},
    {1, "1"},
    {1023, "1023"},
    {1024, "1K"},
    {1536, "1.5K"},
    {65536, "64K"},
    {1048575, "1023K"},
    {16777216, "16M"},
    {UINT64_C(3) << 29, "1.5G"},
    {UINT64_C(1) << 40, "1T"},
    {UINT64_MAX, "16777215T"},
};

static void
test_durations(void)
{
	for (size_t i = 0; i < LEN(durations); i++) {
		const char *text = durations[i].text, *why = NULL;
		int64_t ns = UNTOUCHED;
		int rc = units_duration(text, &ns, &why);

		if (durations[i].ns >= 0) {
			CHECK(rc == 0 && ns == durations[i].ns, "%s is %" PRId64, text, ns);
		} else {
			CHECK(rc == -1 && ns == UNTOUCHED, "%s is %" PRId64, text, ns);
			CHECK(why != NULL && strstr(why, "250ms") != NULL, "%s", text);
		}
	}
}

static void
test_sizes(void)
{
	for (size_t i = 0; i < LEN(sizes); i++) {
		const char *text = sizes[i].text, *why = NULL;
		uint64_t bytes = UNTOUCHED;
		int rc = units_size(text, &bytes, &why);

		if (sizes[i].bytes > 0) {
			CHECK(rc == 0 && bytes == sizes[i].bytes, "%s is %" PRIu64, text, bytes);
		} else {
			CHECK(rc == -1 && bytes == UNTOUCHED, "%s is %" PRIu64, text, bytes);
			CHECK(why != NULL && strstr(why, "64K") != NULL, "%s", text);
		}
	}
}

static void
test_numbers(void)
{
	for (size_t i = 0; i < LEN(numbers); i++) {
		const char *text = numbers[i].text, *why = NULL;
		int64_t n = UNTOUCHED;
		int rc = units_number(text, numbers[i].min, numbers[i].max, &n, &why);

		if (numbers[i].why == NULL) {
			CHECK(rc == 0 && n == numbers[i].value, "%s is %" PRId64, text, n);
		} else {
			CHECK(rc == -1 && n == UNTOUCHED, "%s is %" PRId64, text, n);
			CHECK(why != NULL && strcmp(why, numbers[i].why) == 0, "%s: %s", text,
			    why ? why : "nothing");
		}
	}
}

static void
test_texts(void)
{
	char text[UNITS_TEXT_SIZE];

	for (size_t i = 0; i < LEN(duration_texts); i++) {
		units_format_duration(duration_texts[i].ns, text);
		CHECK(strcmp(text, duration_texts[i].text) == 0, "%" PRId64 " gives %s",
		    duration_texts[i].ns, text);
	}
	for (size_t i = 0; i < LEN(size_texts); i++) {
		units_format_size(size_texts[i].bytes, text);
		CHECK(strcmp(text, size_texts[i].text) == 0, "%" PRIu64 " gives %s",
		    size_texts[i].bytes, text);
	}
}

/* What is formatted can be read again, and is little less than it was. */
static void
test_there_and_back(void)
{
	char text[UNITS_TEXT_SIZE];
	const char *why;

	for (int64_t ns = 1; ns < INT64_MAX / 3; ns += ns / 2 + 1) {
		int64_t back = -1;

		units_format_duration(ns, text);
		CHECK(units_duration(text, &back, &why) == 0 && back <= ns && back >= ns / 25 * 24,
		    "%" PRId64 " as %s is %" PRId64, ns, text, back);
	}
	for (uint64_t bytes = 1; bytes < INT64_MAX / 3; bytes += bytes / 2 + 1) {
		uint64_t back = 0;

		units_format_size(bytes, text);
		CHECK(units_size(text, &back, &why) == 0 && back <= bytes &&
			back >= bytes - bytes / 99,
		    "%" PRIu64 " as %s is %" PRIu64, bytes, text, back);
	}
}

#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const struct {
	const char *text;
	bool bytes;
	uint64_t amount, per; /* 0: no rate, or not compared */
	const char *shown;    /* NULL: the same as text */
} rates[] = {
    {"100/s", false, 1, 10000000, NULL},
    {"7/s", false, 7, SECOND, NULL},
    {"999983/s", false, 999983, SECOND, NULL},
    {"6000/m", false, 1, 10000000, "100/s"},
    {"1/h", false, 1, HOUR, NULL},
    {"1/d", false, 1, DAY, NULL},
    {"10k/s", false, 1, 100000, "10000/s"},
    {"1.5k/s", false, 3, 2000000, "1500/s"},
    {"3M/s", false, 3, 1000, "3000000/s"},
    {"1G/s", false, 1, 1, "1000000000/s"},
    {"7G/s", false, 7, 1, "7000000000/s"},
    {"0.5/s", false, 1, 2 * SECOND, "30/m"},
    {"1.5/d", false, 1, DAY / 3 * 2, "1.500/d"},
    {"0.001/d", false, 1, 1000 * DAY, "0.001/d"},
    {"512K/s", true, 512 * 1024 / 512, SECOND / 512, NULL},
    {"10M/m", true, 1024, 5859375, NULL},
    {"100/s", true, 1, 10000000, NULL},
    {"1.5K/s", true, 3, 1953125, "1536/s"},
    {"1G/h", true, 0, 0, "1G/h"},
    {"8388607T/s", true, 0, 0, "8388607T/s"},
    {"9223372036854775807/s", true, 0, 0, "9223372036854775807/s"},
    {"", false, 0, 0, NULL},
    {"100", false, 0, 0, NULL},
    {"/s", false, 0, 0, NULL},
    {"0/s", false, 0, 0, NULL},
    {"0.0001/s", false, 0, 0, NULL},
    {"-1/s", false, 0, 0, NULL},
    {"1/", false, 0, 0, NULL},
    {"1/S", false, 0, 0, NULL},
    {"1/sec", false, 0, 0, NULL},
    {"1/2s", false, 0, 0, NULL},
    {" 1/s", false, 0, 0, NULL},
    {"1 /s", false, 0, 0, NULL},
    {"1/s ", false, 0, 0, NULL},
    {"1K/s", false, 0, 0, NULL},
    {"1k/s", true, 0, 0, NULL},
    {"1e3/s", false, 0, 0, NULL},
    {"1k1/s", false, 0, 0, NULL},
    {"99999999999999999999/s", false, 0, 0, NULL},
    {"111111111111111111111111111111111111/s", false, 0, 0, NULL},
};

static void
test_rates(void)
{
	char text[UNITS_RATE_SIZE];
	const char *why;

	for (size_t i = 0; i < LEN(rates); i++) {
		uint64_t amount = 0, per = 0;
		bool bytes = rates[i].bytes;

		why = NULL;
		if (units_rate(rates[i].text, bytes, &amount, &per, &why) == -1) {
			CHECK(rates[i].shown == NULL && rates[i].amount == 0 && amount == 0 &&
				why != NULL,
			    "%s is none", rates[i].text);
			continue;
		}
		if (rates[i].amount != 0)
			CHECK(amount == rates[i].amount && per == rates[i].per,
			    "%s is %" PRIu64 " in %" PRIu64, rates[i].text, amount, per);
		else
			CHECK(rates[i].shown != NULL, "%s is one", rates[i].text);
		units_format_rate(amount, per, bytes, text);
		CHECK(strcmp(text, rates[i].shown != NULL ? rates[i].shown : rates[i].text) == 0,
		    "%s gives %s", rates[i].text, text);
	}
}

static const struct {
	const char *text;
	uint32_t ppm; /* 0: none */
} shares[] = {
    {"5%", 50000},
    {"0.5%", 5000},
    {"0.0001%", 1},
    {"12.25%", 122500},
    {"99.9999%", 999999},
    {"05%", 50000},
    {"100%", 0},
    {"0%", 0},
    {"0.00001%", 0},
    {"5.00001%", 0},
    {"5", 0},
    {"%", 0},
    {".5%", 5000},
    {"5.%", 0},
    {"-5%", 0},
    {"+5%", 0},
    {" 5%", 0},
    {"5 %", 0},
    {"5%%", 0},
    {"5%5%", 0},
    {"5% ", 0},
    {"", 0},
    {"99999999999999999999999%", 0},
};

static void
test_shares(void)
{
	for (size_t i = 0; i < LEN(shares); i++) {
		const char *why = NULL;
		uint32_t ppm = 0;
		int error = units_share(shares[i].text, &ppm, &why);

		CHECK(ppm == shares[i].ppm, "%s is %" PRIu32, shares[i].text, ppm);
		CHECK((error == -1) == (shares[i].ppm == 0) && (error == -1) == (why != NULL),
		    "%s: %d", shares[i].text, error);
	}
}

int
main(void)
{
	test_shares();
	test_rates();
	test_durations();
	test_sizes();
	test_numbers();
	test_texts();
	test_there_and_back();
	return t_end();
}
