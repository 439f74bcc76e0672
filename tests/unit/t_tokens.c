/* The tokens of a helper, against a model that is slow and obvious. */

#include "pfanin/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "t.h"
#include "t_random.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))
#define RUNS 2000
#define STEPS 200

static const struct {
	const char *text;
	size_t len;
	bool allowed;
} texts[] = {
    {"", 0, false},
    {"a", 1, true},
    {"!", 1, true},
    {"~", 1, true},
    {"0123456789abcdef0123456789abcdef", 32, true},
    {"0123456789abcdef0123456789abcdefg", 33, false},
    {" ", 1, false},
    {"a b", 3, false},
    {"a\t", 2, false},
    {"\na", 2, false},
    {"a\0b", 3, false},
    {"\x7f", 1, false},
    {"\x80", 1, false},
    {"caf\xc3\xa9", 5, false},
};

static void
test_texts(void)
{
	for (size_t i = 0; i < LEN(texts); i++)
		CHECK(tokens_allow(texts[i].text, texts[i].len) == texts[i].allowed, "%s",
		    texts[i].text);
}

/* What happens, step by step: t: a token comes; s: records are sent. */
static const struct {
	char what;
	const char *text;
	uint64_t end;
	int counts;
	const char *taken; /* NULL: nothing new */
} steps[] = {
    {'t', "start", 0, 1, "start"},
    {'t', "a", 10, 0, NULL},
    {'s', NULL, 9, 0, NULL},
    {'s', NULL, 10, 1, "a"},
    {'s', NULL, 11, 0, NULL},
    {'t', "b", 20, 0, NULL},
    {'t', "c", 20, 0, NULL},
    {'t', "d", 30, 0, NULL},
    {'s', NULL, 25, 1, "c"},
    {'s', NULL, 30, 1, "d"},
    {'t', "e", 30, 1, "e"},
    {'t', "0123456789abcdef0123456789abcdef", 30, 1, "0123456789abcdef0123456789abcdef"},
    {'t', "f", 31, 0, NULL},
    {'t', "g", 32, 0, NULL},
    {'t', "h", 33, 0, NULL},
    {'s', NULL, 40, 1, "h"},
};

static void
test_steps(void)
{
	struct tokens t = {0};
	char text[TOKEN_SIZE];

	CHECK(!tokens_take(&t, text), "none is there");
	for (size_t i = 0; i < LEN(steps); i++) {
		const char *taken = steps[i].taken;
		int counts = steps[i].what == 's'
		    ? tokens_sent(&t, steps[i].end)
		    : tokens_come(&t, steps[i].text, strlen(steps[i].text), steps[i].end);

		CHECK(counts == steps[i].counts, "step %zu", i);
		CHECK(tokens_take(&t, text) == (taken != NULL), "step %zu", i);
		CHECK(taken == NULL || strcmp(text, taken) == 0, "step %zu: %s", i, text);
		CHECK(!tokens_take(&t, text), "step %zu: twice", i);
	}
	CHECK(t.n == 0, "all count");
	tokens_free(&t);
	tokens_free(&t);
}

/* All tokens that have ever come, and where: number i has the text "i". */
struct model {
	uint64_t end[STEPS];
	size_t n;
	uint64_t sent;
	size_t taken; /* how many of them were taken, or need not be */
};

/* How many count, from the first on. */
static size_t
count(const struct model *m)
{
	size_t n = 0;

	while (n < m->n && m->end[n] <= m->sent)
		n++;
	return n;
}

static void
come(struct model *m, struct tokens *t, uint64_t end)
{
	char text[TOKEN_SIZE];
	int len = snprintf(text, sizeof(text), "%zu", m->n), counts;

	m->end[m->n++] = end;
	counts = tokens_come(t, text, (size_t)len, end);
	CHECK(counts == (count(m) == m->n), "token %s: %d", text, counts);
}

static void
sent(struct model *m, struct tokens *t, uint64_t end)
{
	size_t before = count(m);
	bool counts;

	m->sent = end;
	counts = tokens_sent(t, end);
	CHECK(counts == (count(m) > before), "sent up to %ju", (uintmax_t)end);
}

/* The latest that counts, and only once. */
static void
take(struct model *m, struct tokens *t)
{
	char text[TOKEN_SIZE];
	size_t n = count(m);
	bool taken = tokens_take(t, text);

	CHECK(taken == (n > m->taken), "%zu count, %zu were taken", n, m->taken);
	if (taken)
		CHECK(strtoull(text, NULL, 10) == n - 1, "%s of %zu", text, n);
	m->taken = n;
	CHECK(!tokens_take(t, text), "twice");
}

/*
 * Records of up to 8 bytes and tokens come in any order; the records are sent
 * in steps that end at a record.
 */
static void
test_random(void)
{
	static uint64_t ends[STEPS + 1]; /* of the records; the first is 0 */

	for (int run = 0; run < RUNS; run++) {
		struct model m = {0};
		struct tokens t = {0};
		size_t records = 0, sends = 0;

		for (int step = 0; step < STEPS; step++) {
			uint64_t what = next_random() >> 32 & 7;

			if (what < 2) {
				records++;
				ends[records] = ends[records - 1] + 1 + (next_random() >> 32) % 8;
			} else if (what < 5)
				come(&m, &t, ends[records]);
			else if (what < 7) {
				sends += (next_random() >> 32) % (records - sends + 1);
				sent(&m, &t, ends[sends]);
			} else
				take(&m, &t);
		}
		sent(&m, &t, ends[records]);
		CHECK(count(&m) == m.n && t.n == 0, "%zu wait", t.n);
		take(&m, &t);
		tokens_free(&t);
	}
}

int
main(void)
{
	test_texts();
	test_steps();
	test_random();
	return t_end();
}
