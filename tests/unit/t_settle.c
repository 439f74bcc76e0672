#include "record/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t.h"
#include "t_random.h"

#define MANY 100000
#define NONE UINT64_MAX
#define FIRST 51 /* unit that is a mark; all before it are records */

/*
 * Events, a letter and a seq: e(nded), m(ark), u(ntil: all before it have
 * ended); e5-7 are three that have ended together.  And the marks that went.
 */
static const struct {
	const char *name;
	uint64_t before, first; /* ended before; the first mark */
	const char *events, *gone;
} cases[] = {
    {"a mark at the start goes at once", 0, 0, "m0", "0"},
    {"nothing before it is missing", 3, 3, "m3", "3"},
    {"one before it is missing", 2, 3, "m3", ""},
    {"it comes later", 2, 3, "m3 e1", "3"},
    {"marks keep their order", 0, 0, "m2 m0 e1", "0 2"},
    {"a record holds the mark behind it, and no other", 0, 0, "m0 e2 m3 e4 m5", "0"},
    {"then both go", 0, 0, "m0 e2 m3 e4 m5 e1", "0 3 5"},
    {"marks beside each other", 1, 1, "m1 m2 m3", "1 2 3"},
    {"records behind a mark do not matter", 0, 0, "e1 e2 e3 m0", "0"},
    {"a mark that has not come holds those behind it", 0, 0, "e1 m2", ""},
    {"far apart", 0, 0, "m0 e5000 m5001 e1", "0"},
    {"a run at the head", 0, 0, "m0 e1-4 m5", "0 5"},
    {"a run before its turn", 0, 0, "m0 e2-4 m5 e1", "0 5"},
    {"of whole words", 0, 0, "m0 e2-63 e64-127 e128-191 m192 e1", "0 192"},
    {"over the ends of words", 0, 0, "m0 e60-1030 e50-59 m1031 e1-49", "0 1031"},
    {"a gap between two runs", 0, 0, "m0 e65-128 e2-63 m129 e1", "0"},
    {"a run before the first mark", 2, 70, "e2-69 m70", "70"},
    {"told together", 0, NONE, "m5 u4 m9 u5 u8", "5"},
    {"told together, and then marks", 0, NONE, "u8 m9 m8 m5", "8 5"},
    {"told of less than before", 0, NONE, "u8 u4 m7", "7"},
    {"a first mark, with nothing before it", 0, NONE, "m0 m1", "0"},
    {"nothing more comes", 3, NONE, "m5 m9 u18446744073709551615", "5 9"},
};

static void
play(struct settle *s, const char *events, char *gone)
{
	struct mark mark = {.weight = 1};
	char *end;

	*gone = '\0';
	for (const char *at = events; *at != '\0'; at = end + (*end == ' ')) {
		uint64_t seq = strtoull(at + 1, &end, 10), last = seq;

		if (*end == '-')
			last = strtoull(end + 1, &end, 10);
		mark.n = seq;
		if (*at == 'u')
			settle_until(s, seq);
		else
			CHECK((*at == 'e' ? settle_records(s, seq, last - seq + 1)
					  : settle_mark(s, seq, &mark)) == 0);
		while (settle_take(s, &mark))
			sprintf(gone + strlen(gone), "%s%ju", *gone != '\0' ? " " : "",
			    (uintmax_t)mark.n);
	}
}

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct settle *s = settle_new();
		char gone[64];

		settle_count(s, cases[i].before);
		if (cases[i].first != NONE)
			settle_begin(s, cases[i].first);
		play(s, cases[i].events, gone);
		CHECK(strcmp(gone, cases[i].gone) == 0, "%s: %s, want %s", cases[i].name, gone,
		    cases[i].gone);
		settle_free(s);
	}
}

/* A mark, each third or so, or a run of records. */
struct unit {
	uint64_t seq, n;
};

static void
make_units(struct unit *unit, size_t most)
{
	uint64_t seq = 0;

	for (size_t i = 0; i < most; i++) {
		unit[i] = (struct unit){seq, i % 3 == 0 ? 1 : 1 + next_random() % 200};
		seq += unit[i].n;
	}
}

/*
 * All in an order that is random within a width.  A mark goes exactly when all
 * before it have ended.
 */
static void
test_random(uint64_t width)
{
	static struct unit unit[MANY];
	static uint32_t order[MANY];
	uint64_t lowest = 0, next = FIRST;
	bool *ended = calloc(MANY, sizeof(*ended));
	struct settle *s = settle_new();
	struct mark mark = {.weight = 1};

	make_units(unit, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		order[i] = i;
	for (uint64_t i = 0; i + width < MANY; i++) {
		uint64_t j = i + next_random() % width;
		uint32_t kept = order[i];

		order[i] = order[j];
		order[j] = kept;
	}
	settle_begin(s, unit[next].seq);
	for (uint64_t i = 0; i < MANY; i++) {
		uint32_t at = order[i];

		mark.n = at;
		if (at >= FIRST && at % 3 == 0)
			CHECK(settle_mark(s, unit[at].seq, &mark) == 0);
		else
			CHECK(settle_records(s, unit[at].seq, unit[at].n) == 0);
		ended[at] = true;
		while (lowest < MANY && ended[lowest])
			lowest++;
		for (; settle_take(s, &mark); next += 3) {
			CHECK(mark.n == next, "%ju", (uintmax_t)mark.n);
			CHECK(mark.n < lowest);
		}
		CHECK(next >= lowest, "%ju waits at %ju", (uintmax_t)next, (uintmax_t)lowest);
	}
	CHECK(next >= MANY);
	free(ended);
	settle_free(s);
}

int
main(void)
{
	alarm(60);
	test_cases();
	test_random(1);
	test_random(100);
	test_random(20000);
	return t_end();
}
