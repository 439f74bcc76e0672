/* The member of --tag, and its place. */

#include "pfanin/label.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json/members.h"
#include "t.h"

static void
test_members(void)
{
	static const struct {
		const char *name, *input, *member;
	} cases[] = {
	    {"src", "a.log", "\"src\":\"a.log\""}, {"src", "-", "\"src\":\"-\""},
	    {"src", "/dev/fd/63", "\"src\":\"/dev/fd/63\""}, {"src", "", "\"src\":\"\""},
	    {"", "a", "\"\":\"a\""},
	    {"a \"b\" \\", "x \"y\" \\ \n\t\x01",
		"\"a \\\"b\\\" \\\\\":\"x \\\"y\\\" \\\\ \\n\\t\\u0001\""},
	    {"caf\xc3\xa9", "\xe2\x82\xac", "\"caf\xc3\xa9\":\"\xe2\x82\xac\""},
	    {"src",
		"a\xff"
		"b",
		"\"src\":\"a\xef\xbf\xbd"
		"b\""},
	    {"src", "\xed\xa0\x80", NULL}, /* a surrogate */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct labels *l = labels_new(cases[i].name);
		const char *got;
		size_t len = 0;

		if (CHECK(l != NULL, "%s: %s", cases[i].name, strerror(errno)))
			continue;
		got = labels_get(l, cases[i].input, &len);
		CHECK(got != NULL);
		if (cases[i].member != NULL)
			CHECK(len == strlen(cases[i].member) &&
				memcmp(got, cases[i].member, len) == 0,
			    "%s: %.*s", cases[i].member, (int)len, got);
		else
			CHECK(memmem(got, len, "\xef\xbf\xbd", 3) != NULL, "%.*s", (int)len, got);
		labels_free(l);
	}
	errno = 0;
	CHECK(labels_new("a\xff") == NULL && errno == EINVAL);
	labels_free(NULL);
}

/* More inputs than are remembered, again and again, at any distance. */
static void
test_many(void)
{
	static char names[1000][8];
	struct labels *l = labels_new("n");
	char want[32];

	for (int i = 0; i < 1000; i++)
		snprintf(names[i], sizeof(names[i]), "in%d", i);
	for (int i = 0; i < 5000; i++) {
		int at = i % 3 ? i % 7 : i * 7 % 1000;
		size_t len;
		const char *got = labels_get(l, names[at], &len);

		snprintf(want, sizeof(want), "\"n\":\"%s\"", names[at]);
		CHECK(
		    got != NULL && len == strlen(want) && memcmp(got, want, len) == 0, "%s", want);
	}
	labels_free(l);
}

/* Names as they stand in an argv, close together: each has its own member. */
static void
test_neighbours(void)
{
	static const char argv[] = "a\0b\0c\0d";
	struct labels *l = labels_new("n");
	const char *member[4];
	size_t len;

	for (int i = 0; i < 4; i++)
		member[i] = labels_get(l, argv + 2 * (size_t)i, &len);
	for (int i = 0; i < 4; i++)
		CHECK(labels_get(l, argv + 2 * (size_t)i, &len) == member[i], "made again");
	labels_free(l);
}

static void
test_place(void)
{
	static const struct {
		const char *text;
		long place;
		bool empty;
	} cases[] = {
	    {"{\"a\":1}", 1, false},
	    {"{}", 1, true},
	    {" \t\r{ \t}\r", 4, true},
	    {"{ \"a\":1}", 1, false},
	    {"[{}]", -1, false},
	    {"\"{\"", -1, false},
	    {"1", -1, false},
	    {"null", -1, false},
	    {"", -1, false},
	    {"  ", -1, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool empty = false;
		long place = members_begin(cases[i].text, strlen(cases[i].text), &empty);

		CHECK(place == cases[i].place && empty == cases[i].empty, "%s: %ld", cases[i].text,
		    place);
	}
}

int
main(void)
{
	json_object_seed(0);
	test_members();
	test_many();
	test_neighbours();
	test_place();
	return t_end();
}
