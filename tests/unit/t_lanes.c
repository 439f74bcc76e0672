#include "pfanout/lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t.h"
#include "t_random.h"

#define KEYS 40

static size_t
below(size_t n)
{
	return (size_t)(next_random() % n);
}

static struct record
record(uint64_t seq)
{
	struct record r;

	CHECK(record_copy(&r, "1", 1) == 0);
	r.seq = seq;
	return r;
}

static void
put(struct lanes *l, uint64_t key, uint64_t seq)
{
	struct record r = record(seq);

	CHECK(lanes_put(l, key, &r) == 0);
}

static void
put_due(struct lanes *l, uint64_t key, uint64_t seq)
{
	struct record r = record(seq);
	struct batch b = {0};

	CHECK(batch_add(&b, &r) == 0);
	lanes_put_due(l, key, &b);
}

/* The seq of the record that is taken next; -1: there is none. */
static int
take(struct lanes *l)
{
	struct record r;

	if (lanes_take(l, &r, 1) == 0)
		return -1;
	record_free(&r);
	return (int)r.seq;
}

static int
take_due(struct lanes *l)
{
	struct batch b;
	int seq;

	if (!lanes_take_due(l, &b))
		return -1;
	seq = (int)queue_at(&b.records, 0)->seq;
	batch_free(&b);
	return seq;
}

/*
 * Each step is one letter with its argument: a3 puts the record 3 of key a; A3
 * makes it due; <3 takes a new record, which must be 3 (<- none); =3 takes one
 * that is due; !3 record 3 is over.
 */
static const struct {
	const char *what;
	bool hold, ordered;
	const char *steps;
	size_t waiting, ready, due; /* in the end */
} cases[] = {
    {"empty", true, false, "<- =- !7", 0, 0, 0},
    {"one key keeps its order", false, false, "a1 a2 a3 <1 <2 <3 <-", 0, 0, 0},
    {"keys take turns", false, false, "a1 a2 a3 b4 c5 <1 <4 <5 <2 <3", 0, 0, 0},
    {"a key that comes back waits for its turn", false, false, "a1 b2 <1 a3 b4 <2 <3 <4", 0, 0, 0},
    {"with -k the oldest is next", false, true, "a1 a2 a3 b4 c5 <1 <2 <3 <4 <5", 0, 0, 0},
    {"nothing is over without -a", false, false, "a1 a2 <1 !1 !2 <2", 0, 0, 0},
    {"one of a key is under way", true, false, "a1 a2 b3 <1 <3 <-", 1, 0, 0},
    {"until it is over", true, false, "a1 a2 b3 <1 <3 !1 <2 <- !2 !3 <-", 0, 0, 0},
    {"its lane goes behind the others", true, false, "a1 a2 b3 c4 <1 !1 <3 <4 <2", 0, 0, 0},
    {"a record put meanwhile is held", true, false, "a1 <1 a2 <- !1 <2", 0, 0, 0},
    {"another attempt is no end", true, false, "a1 a2 <1 A1 <- =1 <- =- A1 =1 !1 <2", 0, 0, 0},
    {"those that are due keep their order", true, false, "a1 b2 <1 <2 B2 A1 =2 =1 =-", 0, 0, 0},
    {"what is due waits", true, false, "a1 a2 <1 A1 b3", 2, 1, 1},
    {"a lane that was closed opens again", true, false, "a1 <1 !1 a2 <2 !2 a3 <3", 0, 0, 0},
    {"-a and -k: the oldest that may be taken", true, true, "a1 a2 b3 b4 <1 <3 <- !3 <4 !1 <2", 0,
	0, 0},
};

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lanes_rules rules = {.hold = cases[i].hold, .ordered = cases[i].ordered};
		struct lanes *l = lanes_new(&rules);

		for (const char *at = cases[i].steps; at != NULL;) {
			char step = *at;
			int n = at[1] == '-' ? -1 : atoi(at + 1), got = n;

			if (step >= 'a')
				put(l, (uint64_t)step, (uint64_t)n);
			else if (step >= 'A')
				put_due(l, (uint64_t)(step - 'A' + 'a'), (uint64_t)n);
			else if (step == '!')
				lanes_over(l, (uint64_t)n);
			else
				got = step == '<' ? take(l) : take_due(l);
			CHECK(got == n, "%s: at %s: %d", cases[i].what, at, got);
			if ((at = strchr(at, ' ')) != NULL)
				at++;
		}
		CHECK(lanes_waiting(l) == cases[i].waiting, "%s", cases[i].what);
		CHECK(lanes_due(l) == cases[i].due, "%s", cases[i].what);
		CHECK((lanes_oldest(l) != UINT64_MAX) == (cases[i].ready > 0), "%s", cases[i].what);
		lanes_free(l);
	}
}

static void
test_oldest(void)
{
	struct lanes_rules rules = {.hold = true, .ordered = true};
	struct lanes *l = lanes_new(&rules);

	CHECK(lanes_oldest(l) == UINT64_MAX);
	put(l, 7, 5);
	put(l, 7, 6);
	put(l, 8, 9);
	CHECK(lanes_oldest(l) == 5);
	CHECK(take(l) == 5);
	CHECK(lanes_oldest(l) == 9, "6 may not be taken");
	lanes_over(l, 5);
	CHECK(lanes_oldest(l) == 6);
	lanes_free(l);
}

/*
 * A model: which records of a key were put, and which one is under way.  Random
 * steps with many keys, so that the indexes grow and lanes come and go.
 */
struct model {
	uint64_t put[KEYS], over[KEYS]; /* how many of each key */
	bool busy[KEYS], due[KEYS];
};

/* The n-th record of a key has the seq key + n * KEYS. */
static void
check_taken(struct model *m, const struct record *r, bool hold)
{
	size_t key = r->seq % KEYS;

	CHECK(r->seq / KEYS == m->over[key], "key %zu: out of order", key);
	if (hold) {
		CHECK(!m->busy[key], "key %zu: two are under way", key);
		m->busy[key] = true;
	} else
		m->over[key]++;
}

static void
random_step(struct lanes *l, struct model *m, bool hold)
{
	size_t key = below(KEYS), n;
	struct record r[8];

	switch (below(4)) {
	case 0:
		put(l, key, key + m->put[key]++ * KEYS);
		break;
	case 1:
		n = lanes_take(l, r, 1 + below(8));
		for (size_t i = 0; i < n; i++)
			check_taken(m, &r[i], hold);
		record_freen(r, n);
		break;
	case 2:
		if (!m->busy[key])
			break;
		if (m->due[key])
			while ((n = (size_t)take_due(l)) != SIZE_MAX)
				m->due[n % KEYS] = false;
		lanes_over(l, key + m->over[key]++ * KEYS);
		m->busy[key] = false;
		break;
	default:
		if (!m->busy[key] || m->due[key])
			break;
		put_due(l, key, key + m->over[key] * KEYS);
		m->due[key] = true;
	}
}

static void
tesbelow(bool hold)
{
	struct lanes_rules rules = {.hold = hold};
	struct lanes *l = lanes_new(&rules);
	struct model m = {0};
	size_t all = 0, taken = 0;

	for (int i = 0; i < 20000; i++)
		random_step(l, &m, hold);
	for (size_t key = 0; key < KEYS; key++) {
		all += m.put[key];
		taken += m.over[key] + m.busy[key];
	}
	CHECK(lanes_waiting(l) == all - taken, "%zu", lanes_waiting(l));
	lanes_free(l);
}

/* Each of 100 000 keys has one record: nothing is left of them. */
static void
test_many_keys(void)
{
	struct lanes_rules rules = {.hold = true};
	struct lanes *l = lanes_new(&rules);

	for (uint64_t i = 0; i < 100000; i++)
		put(l, i * 0x100000001b3, i);
	for (int i = 0; i < 100000; i++)
		if (CHECK(take(l) == i))
			break;
	for (uint64_t i = 0; i < 100000; i++)
		lanes_over(l, i);
	CHECK(lanes_waiting(l) == 0 && lanes_oldest(l) == UINT64_MAX, "none is left");
	put(l, 1, 1);
	CHECK(take(l) == 1);
	lanes_free(l);
}

int
main(void)
{
	test_cases();
	test_oldest();
	tesbelow(true);
	tesbelow(false);
	test_many_keys();
	lanes_free(NULL);
	return t_end();
}
