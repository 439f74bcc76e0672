/*
 * The units of the command line, and calendar times: any text is read or
 * refused with a reason, and what is read is in its range and can be written
 * and read again.
 */

#include "base/clock.h"
#include "base/units.h"
#include "fuzz.h"

/* A duration or size that has been written is read as no more than it was. */
static void
read_duration(const char *text)
{
	const char *why = NULL;
	char again[UNITS_TEXT_SIZE];
	int64_t ns = -1, read_again;

	if (units_duration(text, &ns, &why) == -1) {
		require(why != NULL && ns == -1);
		return;
	}
	require(ns >= 0);
	units_format_duration(ns, again);
	require(units_duration(again, &read_again, &why) == 0);
	require(read_again <= ns);
}

static void
read_size(const char *text)
{
	const char *why = NULL;
	char again[UNITS_TEXT_SIZE];
	uint64_t bytes = 0, read_again;

	if (units_size(text, &bytes, &why) == -1) {
		require(why != NULL && bytes == 0);
		return;
	}
	require(bytes >= 1 && bytes <= INT64_MAX);
	units_format_size(bytes, again);
	require(units_size(again, &read_again, &why) == 0);
	require(read_again <= bytes);
}

static void
read_rate(const char *text, bool of_bytes)
{
	const char *why = NULL;
	char again[UNITS_RATE_SIZE];
	uint64_t amount = 0, per = 0;

	if (units_rate(text, of_bytes, &amount, &per, &why) == -1) {
		require(why != NULL && amount == 0 && per == 0);
		return;
	}
	require(amount >= 1 && per >= 1);
	units_format_rate(amount, per, of_bytes, again);
	require(strlen(again) < sizeof(again) && strchr(again, '/') != NULL);
}

static void
read_number(const char *text)
{
	const char *why = NULL;
	int64_t n;

	if (units_number(text, -5, 1000, &n, &why) == 0)
		require(n >= -5 && n <= 1000);
	else
		require(why != NULL);
	if (units_number(text, 1, INT64_MAX, &n, &why) == 0)
		require(n >= 1);
}

static void
read_stamp(const char *text)
{
	char again[CLOCK_STAMP_SIZE];
	int64_t us, read_again;

	if (!clock_read_stamp(text, &us))
		return;
	clock_stamp(us, again);
	require(clock_read_stamp(again, &read_again));
	require(us < 0 || us > read_again || us == read_again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = to_string(data, size);

	read_duration(text);
	read_size(text);
	read_rate(text, false);
	read_rate(text, true);
	read_number(text);
	read_stamp(text);
	free(text);
	return 0;
}
