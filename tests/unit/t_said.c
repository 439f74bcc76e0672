/* What the helpers of engines say: what is taken, and what a reader sees. */

#include "metrics/said.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "t.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))

static struct metrics_engines engines;
static struct metrics_shard shard;

static void
clear(void)
{
	memset(&engines, 0, sizeof(engines));
	memset(&shard, 0, sizeof(shard));
	said_set_up(&engines);
}

static bool
take(struct said *s, const char *line)
{
	return said_take(s, line, strlen(line));
}

/* All that is shown: "lag 3=17 unacknowledged=5 ". */
static const char *
shown(void)
{
	static const char *const names[] = {
	    [SAID_LAG] = "lag", [SAID_UNACKNOWLEDGED] = "unacknowledged"};
	static char text[8192];
	struct metrics_said copy;
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < SAID_PLACES; i++)
		if (said_read(&engines.said[i], &copy))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s=%ju ",
			    names[copy.what], *copy.partition != '\0' ? " " : "", copy.partition,
			    (uintmax_t)copy.value);
	return text;
}

#define NINES "9999999999999999999"
#define LONG "topic-with-a-name-that-is-longer-than-there-is-room-for[17]"

static const struct {
	const char *line, *want;
} lines[] = {
    {"lag 17", "lag=17 "},
    {"lag 17 ", "lag=17 "},
    {"lag 0 partition=3", "lag 3=0 "},
    {"lag 17 partition=orders[3]", "lag orders[3]=17 "},
    {"lag 1 partition=a\"b\\c", "lag a\"b\\c=1 "},
    {"unacknowledged 5", "unacknowledged=5 "},
    {"lag 9223372036854775799", "lag=9223372036854775799 "},
    /* The end of a long one tells more. */
    {"lag 1 partition=" LONG, "lag at-is-longer-than-there-is-room-for[17]=1 "},
    /* What is wrong, or of a later version, says nothing. */
    {"", ""},
    {" ", ""},
    {"lag", ""},
    {"lag ", ""},
    {"lag -", ""},
    {"lag -1", ""},
    {"lag +1", ""},
    {"lag 1.5", ""},
    {"lag 0x1", ""},
    {"lag 1x", ""},
    {"lag " NINES, ""},
    {"lag " NINES NINES NINES, ""},
    {"lag  1", ""},
    {"lag 1  partition=3", ""},
    {"lag 1 partition=", ""},
    {"lag 1 partition", ""},
    {"lag 1 topic=3", ""},
    {"lag 1 partition=3 more", ""},
    {"lag 1 partition=a\tb", ""},
    {"lag 1 partition=\x1b[1m", ""},
    {"lag 1 partition=caf\xc3\xa9", ""},
    {"lags 1", ""},
    {"la 1", ""},
    {"LAG 1", ""},
    {"backlog 1", ""},
    {"reconnects -", ""},
    {"reconnects 3 partition=1", ""},
};

static void
test_lines(void)
{
	struct said s;

	for (size_t i = 0; i < LEN(lines); i++) {
		clear();
		said_begin(&s, &engines, &shard, 7);
		CHECK(take(&s, lines[i].line), "%s", lines[i].line);
		CHECK(strcmp(shown(), lines[i].want) == 0, "%s: %s", lines[i].line, shown());
		for (int c = 0; c < ENGINE_COUNTERS; c++)
			CHECK(shard.engine[c] == 0, "%s", lines[i].line);
	}
}

/* The last number counts, until it is taken back or the helper is gone. */
static void
test_last(void)
{
	struct metrics_said copy;
	struct said s, other;

	clear();
	said_begin(&s, &engines, &shard, 7);
	said_begin(&other, &engines, &shard, LINKS);
	take(&s, "lag 1 partition=0");
	take(&s, "lag 2 partition=1");
	take(&other, "lag 5 partition=0");
	CHECK(said_read(&engines.said[0], &copy) && copy.link == 7);
	CHECK(said_read(&engines.said[2], &copy) && copy.link == LINKS);
	take(&s, "lag 9 partition=0");
	CHECK(strcmp(shown(), "lag 0=9 lag 1=2 lag 0=5 ") == 0, "%s", shown());
	take(&s, "lag - partition=0");
	take(&s, "lag - partition=0");
	take(&s, "lag - partition=77");
	CHECK(strcmp(shown(), "lag 1=2 lag 0=5 ") == 0, "%s", shown());
	take(&other, "unacknowledged 3");
	CHECK(strcmp(shown(), "unacknowledged=3 lag 1=2 lag 0=5 ") == 0, "%s", shown());
	said_end(&other);
	CHECK(strcmp(shown(), "lag 1=2 ") == 0, "%s", shown());
	/* It is gone: what is still read of it counts no more. */
	CHECK(take(&other, "lag 4"));
	said_end(&s);
	CHECK(*shown() == '\0', "%s", shown());
	/* Nothing is kept. */
	said_begin(&s, NULL, &shard, 0);
	CHECK(take(&s, "lag 4") && *shown() == '\0');
	said_end(&s);
}

/* Each helper counts from its own start. */
static void
test_counters(void)
{
	struct said s, other;

	clear();
	said_begin(&s, &engines, &shard, 0);
	said_begin(&other, &engines, &shard, 0);
	take(&s, "reconnects 3");
	take(&other, "reconnects 2");
	take(&s, "reconnects 3");
	take(&s, "reconnects 4");
	CHECK(shard.engine[ENGINE_RECONNECTS] == 6, "%ju",
	    (uintmax_t)shard.engine[ENGINE_RECONNECTS]);
	/* It has lost count: nothing goes back, and it goes on from there. */
	take(&s, "reconnects 1");
	CHECK(shard.engine[ENGINE_RECONNECTS] == 6);
	take(&s, "reconnects 2");
	CHECK(shard.engine[ENGINE_RECONNECTS] == 7);
	said_end(&s);
	said_begin(&s, &engines, &shard, 0);
	take(&s, "reconnects 1");
	take(&s, "rebalances 5");
	take(&s, "requests 6");
	CHECK(shard.engine[ENGINE_RECONNECTS] == 8 && shard.engine[ENGINE_REBALANCES] == 5 &&
	    shard.engine[ENGINE_REQUESTS] == 6);
	said_end(&s);
	said_end(&other);
}

static void
test_full(void)
{
	struct said s;
	char line[64];

	clear();
	said_begin(&s, &engines, &shard, 0);
	for (int i = 0; i < SAID_PLACES; i++) {
		snprintf(line, sizeof(line), "lag %d partition=%d", i, i);
		CHECK(take(&s, line), "%d", i);
	}
	CHECK(!take(&s, "unacknowledged 1"), "it is told once");
	CHECK(take(&s, "unacknowledged 1") && take(&s, "lag 1 partition=99"));
	CHECK(take(&s, "lag 500 partition=63") && strstr(shown(), "lag 63=500 ") != NULL);
	/* A place that is free is used again. */
	take(&s, "lag - partition=5");
	take(&s, "unacknowledged 4");
	CHECK(strstr(shown(), "unacknowledged=4 ") != NULL, "%s", shown());
	said_end(&s);
}

static _Atomic bool stop;

static void *
say_much(void *arg)
{
	static const char *const said[] = {"lag 1111 partition=1111", "lag 22 partition=22",
	    "lag 333333 partition=333333", "unacknowledged 4"};
	struct said s;

	(void)arg;
	while (!stop) {
		said_begin(&s, &engines, &shard, 7);
		for (size_t i = 0; i < LEN(said); i++)
			take(&s, said[i]);
		take(&s, "lag - partition=22");
		said_end(&s);
	}
	return NULL;
}

/* What is read is of one use of the place. */
static void
test_torn(void)
{
	struct metrics_said copy;
	pthread_t writer[2];
	uintmax_t value;
	unsigned seen = 0;

	clear();
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&writer[i], NULL, say_much, NULL) == 0);
	/* On a busy machine the writers may begin late. */
	for (unsigned i = 0; seen == 0 || (i < 2000000 && seen < 20000); i++) {
		if (!said_read(&engines.said[i % 8], &copy))
			continue;
		seen++;
		CHECK(copy.link == 7);
		if (copy.what == SAID_UNACKNOWLEDGED)
			CHECK(copy.value == 4 && *copy.partition == '\0', "%s", copy.partition);
		else
			CHECK(sscanf(copy.partition, "%ju", &value) == 1 && value == copy.value,
			    "%s %ju", copy.partition, (uintmax_t)copy.value);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(writer[i], NULL);
	CHECK(seen > 0 && *shown() == '\0', "%u", seen);
}

/* The file may be damaged: nothing is read that can't be. */
static void
test_damaged(void)
{
	struct metrics_said copy, *place = &engines.said[0];
	struct said s;

	clear();
	said_begin(&s, &engines, &shard, 7);
	take(&s, "lag 4 partition=1");
	memset(place->partition, 'x', sizeof(place->partition));
	CHECK(said_read(place, &copy) && strlen(copy.partition) == SAID_PARTITION_SIZE - 1);
	place->what = SAID_KINDS;
	CHECK(!said_read(place, &copy));
	place->what = SAID_LAG;
	place->value = UINT64_MAX;
	CHECK(!said_read(place, &copy));
}

int
main(void)
{
	test_lines();
	test_last();
	test_counters();
	test_full();
	test_torn();
	test_damaged();
	return t_end();
}
