/* Words that were probably meant. */

#include "base/alike.h"

#include <stdint.h>
#include <string.h>

#include "t.h"

static const struct {
	const char *a, *b;
	size_t distance;
	bool is; /* the first is a mistyped second */
} pairs[] = {
    {"", "", 0, true},
    {"list", "list", 0, true},
    {"lst", "list", 1, true},
    {"lists", "list", 1, true},
    {"lisp", "list", 1, true},
    {"lits", "list", 1, true},
    {"servre", "serve", 1, true},
    {"serev", "serve", 1, true},
    {"tpo", "top", 1, true},
    {"to", "top", 1, true},
    {"t", "top", 2, false},
    {"retires", "retries", 1, true},
    {"timout", "timeout", 1, true},
    {"keeporder", "keep-order", 1, true},
    {"kep-oder", "keep-order", 2, true},
    {"abc", "cba", 2, false},
    {"jobs", "purge", 5, false},
    {"", "abc", 3, false},
    {"x", "", 1, false},
};

static void
test_pairs(void)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *a = pairs[i].a, *b = pairs[i].b;
		size_t distance = alike_distance(a, b);

		CHECK(distance == pairs[i].distance, "%s, %s: %zu", a, b, distance);
		CHECK(alike_distance(b, a) == distance, "%s, %s", b, a);
		CHECK(alike_is(a, b) == pairs[i].is, "%s, %s", a, b);
	}
}

static void
test_long(void)
{
	static char word[100];

	memset(word, 'x', 63);
	CHECK(alike_distance(word, "x") == 62 && alike_distance(word, word) == 0);
	memset(word, 'x', 64);
	CHECK(alike_distance(word, "x") == SIZE_MAX && !alike_is(word, word));
}

int
main(void)
{
	test_pairs();
	test_long();
	return t_end();
}
