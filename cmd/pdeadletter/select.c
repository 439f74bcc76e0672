#include "select.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/units.h"
#include "json/json.h"
#include "store.h"

int
names_add(struct names *names, const char *name)
{
	const char **grown = reallocarray(names->name, names->n + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	grown[names->n++] = name;
	names->name = grown;
	return 0;
}

/* Reads a time without a zone, which is local time. */
static bool
read_local(const char *text, int64_t *calendar_us)
{
	static const char *const forms[] = {
	    "%Y-%m-%dT%T", "%Y-%m-%d %T", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"};

	if (strspn(text, "0123456789") != 4)
		return false; /* a year has four digits */
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(text, forms[i], &tm);
		int day = tm.tm_mday;

		if (end != NULL && *end == '\0') {
			*calendar_us = mktime(&tm) * INT64_C(1000000);
			return tm.tm_mday == day; /* else no such day */
		}
	}
	return false;
}

int
select_time(const char *text, int64_t *calendar_us, const char **why)
{
	int64_t ago;

	if (clock_read_stamp(text, calendar_us) || read_local(text, calendar_us))
		return 0;
	if (units_duration(text, &ago, why) == 0) {
		*calendar_us = clock_calendar() - ago / 1000;
		return 0;
	}
	*why = "a time such as 2026-11-23T15:04:05Z, 2026-11-23 or 2h (ago)";
	return -1;
}

static bool
is_among(const struct names *names, const struct json_slice *value)
{
	if (names->n == 0)
		return true;
	for (size_t i = 0; i < names->n; i++)
		if (json_string_is(value->data, value->len, names->name[i], strlen(names->name[i])))
			return true;
	return false;
}

bool
select_takes(struct selection *s, const struct item *e)
{
	if (e->failed == 0 && (s->since != INT64_MIN || s->until != INT64_MAX))
		return false; /* the letter does not say when */
	if (s->limit == 0 || !is_among(&s->reasons, &e->view.reason) ||
	    !is_among(&s->stages, &e->view.stage) || !is_among(&s->ids, &e->view.id) ||
	    e->failed < s->since || e->failed >= s->until)
		return false;
	s->limit--;
	return true;
}
