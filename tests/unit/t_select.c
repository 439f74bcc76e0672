#include "pdeadletter/select.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "pdeadletter/store.h"
#include "t.h"

#define S INT64_C(1000000)

/* In New York's zone, as it has summer time. */
static const struct {
	const char *text;
	int64_t want; /* s; -1: not a time */
} times[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2026-11-23T15:04:05Z", 1795446245},
    {"2026-11-23T15:04:05+01:00", 1795442645},
    {"2026-11-23T15:04:05", 1795464245},
    {"2026-11-23 15:04:05", 1795464245},
    {"2026-11-23T15:04", 1795464240},
    {"2026-11-23 15:04", 1795464240},
    {"2026-11-23", 1795410000},
    {"2026-07-01", 1782878400}, /* summer time */
    {"2024-02-29", 1709182800},
    {"", -1},
    {"now", -1},
    {"2026-13-01", -1},
    {"2026-02-29", -1},
    {"2026-02-30T10:00", -1},
    {"2026-11-23T", -1},
    {"2026-11-23 25:00", -1},
    {"2026-11-23x", -1},
    {"-1h", -1},
    {"5", -1},
};

static void
test_times(void)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		const char *why = NULL;
		int64_t got = -1;
		int error = select_time(times[i].text, &got, &why);

		if (times[i].want == -1)
			CHECK(error == -1 && why != NULL, "\"%s\": %jd", times[i].text,
			    (intmax_t)got);
		else
			CHECK(error == 0 && got == times[i].want * S, "\"%s\": %jd", times[i].text,
			    (intmax_t)got);
	}
}

static void
test_ago(void)
{
	const char *why;
	int64_t before = clock_calendar(), got;

	CHECK(select_time("2h", &got, &why) == 0);
	CHECK(got >= before - 7200 * S && got <= clock_calendar() - 7200 * S);
}

static struct json_slice
slice(const char *text)
{
	return (struct json_slice){text, strlen(text)};
}

static struct item
letter(const char *id, const char *stage, const char *reason, int64_t failed)
{
	return (struct item){
	    .view = {.id = slice(id), .stage = slice(stage), .reason = slice(reason)},
	    .failed = failed};
}

static void
test_conditions(void)
{
	struct selection s = SELECTION_ALL;
	struct item a = letter("\"a\"", "\"s\"", "\"crash\"", 10);
	struct item b = letter("\"b\"", "\"t\"", "\"timeout\"", 20);

	CHECK(select_takes(&s, &a) && select_takes(&s, &b));
	names_add(&s.reasons, "crash");
	CHECK(select_takes(&s, &a) && !select_takes(&s, &b));
	names_add(&s.reasons, "timeout");
	CHECK(select_takes(&s, &a) && select_takes(&s, &b));
	names_add(&s.stages, "t");
	CHECK(!select_takes(&s, &a) && select_takes(&s, &b));
	names_add(&s.ids, "a");
	CHECK(!select_takes(&s, &b));
	free(s.reasons.name);
	free(s.stages.name);
	free(s.ids.name);
}

static void
test_range(void)
{
	struct selection s = SELECTION_ALL;
	struct item e = letter("\"a\"", "\"s\"", "\"crash\"", 10);

	s.since = 10;
	CHECK(select_takes(&s, &e));
	s.since = 11;
	CHECK(!select_takes(&s, &e));
	s.since = 0;
	s.until = 11;
	CHECK(select_takes(&s, &e));
	s.until = 10;
	CHECK(!select_takes(&s, &e));
}

/* A letter that is not wanted does not count towards the limit. */
static void
test_limit(void)
{
	struct selection s = SELECTION_ALL;
	struct item a = letter("\"a\"", "\"s\"", "\"crash\"", 10);
	struct item b = letter("\"b\"", "\"s\"", "\"crash\"", 10);

	s.limit = 1;
	names_add(&s.ids, "b");
	CHECK(!select_takes(&s, &a) && select_takes(&s, &b) && !select_takes(&s, &b));
	free(s.ids.name);
}

int
main(void)
{
	setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
	tzset();
	test_times();
	test_ago();
	test_conditions();
	test_range();
	test_limit();
	return t_end();
}
