#include "pdeadletter/memory.h"

#include <stdlib.h>
#include <string.h>

#include "t.h"
#include "t_random.h"

#define SIZE 100 /* bytes of each letter */

static struct mark
mark_of(uint64_t number)
{
	struct mark mark = {
	    .start = number * SIZE, .end = (number + 1) * SIZE, .failed = (int64_t)number};

	snprintf(mark.id, sizeof(mark.id), "id-%ju", (uintmax_t)number);
	return mark;
}

/* Passes the letters of a text: '1' was replayed now, '0' was not. */
static void
pass(struct memory *m, const char *text)
{
	m->gap = false;
	for (uint64_t i = 0; text[i] != '\0'; i++) {
		struct mark mark = mark_of(i);

		if (text[i] == '1' || memory_has(m, i, mark.end))
			memory_pass(m, i, &mark);
		else
			memory_skip(m);
	}
}

/* Which of so many letters it has, as such a text. */
static const char *
all_of(const struct memory *m, uint64_t letters)
{
	static char text[256];

	for (uint64_t i = 0; i < letters; i++)
		text[i] = memory_has(m, i, (i + 1) * SIZE) ? '1' : '0';
	text[letters] = '\0';
	return text;
}

static const struct {
	const char *replays[4]; /* one after the other */
	const char *all;        /* what counts in the end */
	const char *runs;
	uint64_t front; /* letters up to the front */
} cases[] = {
    {{""}, "00000", "", 0},
    {{"0000"}, "00000", "", 0},
    {{"111"}, "11100", "", 3},
    {{"111", "0001"}, "11110", "", 4},
    {{"0101"}, "01010", "1 1 1 1", 0},
    {{"0101", "1"}, "11010", "1 1 1 1", 1},
    {{"0101", "101"}, "11110", "3 1", 3},
    {{"0101", "1010"}, "11110", "", 4},
    {{"00011", "00100"}, "00111", "2 3", 0},
    {{"0101", "1000"}, "11010", "3 1", 2},
    {{"00001", "01", "1", "0010"}, "11101", "4 1", 3},
    {{"1", "0000000001", "00001"}, "1000100001", "4 1 4 1", 1},
};

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct memory m = memory_new(7), copy = memory_new(8);
		char *runs;

		for (size_t j = 0; j < 4 && cases[i].replays[j] != NULL; j++)
			pass(&m, cases[i].replays[j]);
		runs = memory_runs(&m);
		CHECK(strcmp(all_of(&m, strlen(cases[i].all)), cases[i].all) == 0, "%zu: %s", i,
		    all_of(&m, strlen(cases[i].all)));
		CHECK(strcmp(runs, cases[i].runs) == 0, "%zu: \"%s\"", i, runs);
		CHECK(m.has_front == (cases[i].front > 0) &&
			(!m.has_front || m.front.end == cases[i].front * SIZE),
		    "%zu: the front is at %ju", i, (uintmax_t)m.front.end);
		CHECK(memory_any(&m) == (strchr(cases[i].all, '1') != NULL), "%zu", i);
		memory_copy(&copy, &m);
		CHECK(copy.inode == 8 &&
			strcmp(all_of(&copy, strlen(cases[i].all)), cases[i].all) == 0,
		    "%zu", i);
		memory_free(&m);
		memory_free(&copy);
		free(runs);
	}
}

static const struct {
	const char *text;
	uint64_t singles;
	bool valid;
} texts[] = {
    {"1 1", 1, true},
    {"0 3 4 2", 5, true},
    {"1 1", 2, false},
    {"1 -1", 1, false},
    {"1  1", 1, false},
    {"x", 0, false},
    {"1 1x", 1, false},
    {"1 18446744073709551616", 1, false},
    {"1 1000000000", 1000000000, false}, /* more than there can be */
    {"", 0, true},
};

static void
test_texts(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct memory m = memory_new(1);

		m.singles = texts[i].singles;
		m.last = mark_of(100);
		CHECK(
		    memory_read_runs(&m, texts[i].text) == texts[i].valid, "\"%s\"", texts[i].text);
		memory_free(&m);
	}
}

/* Random replays, with what a cursor keeps of the memory in between. */
static void
test_random(void)
{
	for (int round = 0; round < 300; round++) {
		struct memory m = memory_new(1);
		char want[201] = {0};
		uint64_t n = 1 + next_random() % 200, sum = 0;

		memset(want, '0', n);
		for (int replay = 0; replay < 5; replay++) {
			struct memory read = memory_new(1);
			uint64_t until = next_random() % (n + 1);
			char *runs;

			m.gap = false;
			for (uint64_t i = 0; i < until; i++) {
				struct mark mark = mark_of(i);
				bool replayed = next_random() % 3 == 0;

				if (replayed)
					want[i] = '1';
				if (want[i] == '1')
					memory_pass(&m, i, &mark);
				else
					memory_skip(&m);
			}
			runs = memory_runs(&m);
			read.has_front = m.has_front;
			read.front = m.front;
			read.singles = m.singles;
			read.last = m.last;
			read.check = m.check;
			CHECK(memory_read_runs(&read, runs), "\"%s\"", runs);
			free(runs);
			memory_free(&m);
			m = read;
		}
		CHECK(strcmp(all_of(&m, n), want) == 0, "%s instead of %s", all_of(&m, n), want);
		for (uint64_t i = 0; i < n; i++) {
			struct mark mark = mark_of(i);

			if (memory_has_single(&m, i))
				sum += memory_check(&mark);
		}
		CHECK(sum == m.check &&
		    (m.singles == 0 || memory_has(&m, m.last.end / SIZE - 1, m.last.end)));
		memory_free(&m);
	}
}

int
main(void)
{
	test_cases();
	test_texts();
	test_random();
	return t_end();
}
