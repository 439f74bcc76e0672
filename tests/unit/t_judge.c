#include "pmetrics/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "t.h"

/* a | b | c, of which one works all the time, or none. */
struct scene {
	struct look_stage *stage;
	struct part part[3];
	struct edge edge[2];
	struct model m;
};

static void
set_up(struct scene *s)
{
	size_t size = 3 * sizeof(*s->stage);

	s->stage = aligned_alloc(_Alignof(struct look_stage), size);
	memset(s->stage, 0, size);
	for (int i = 0; i < 3; i++) {
		s->stage[i].header.uuid[0] = (unsigned char)(i + 1);
		s->stage[i].header.begun_us = 1000 + i;
		s->part[i] =
		    (struct part){.kind = PART_STAGE, .stage = &s->stage[i], .results = 100};
		strcpy(s->part[i].name, (char[]){(char)('a' + i), '\0'});
	}
	s->edge[0] = (struct edge){.from = 0, .to = 1};
	s->edge[1] = (struct edge){.from = 1, .to = 2};
	s->m = (struct model){.up = 100,
	    .seconds = 10,
	    .cpus = 2,
	    .cpu_idle = 0.5,
	    .n = 3,
	    .part = s->part,
	    .n_edges = 2,
	    .edge = s->edge};
}

/* The text when this one works ('0': none), after so many looks. */
static const char *
look(struct judge *j, struct scene *s, char who, int times, int64_t *now)
{
	for (int i = 0; i < 3; i++)
		s->part[i].input = who == 'a' + i ? 0 : 1;
	for (int i = 0; i < times; i++) {
		CHECK(judge_model(j, &s->m, *now += CLOCK_S) == 0);
		judge_forget(j);
	}
	return s->m.text;
}

static bool
begins_with(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void
test_steady(void)
{
	struct judge j = {0};
	struct scene s;
	int64_t now = 0;
	const char *text;

	set_up(&s);
	s.m.seconds = 2;
	CHECK(strcmp(look(&j, &s, 'b', 2, &now), "measuring") == 0);
	s.m.seconds = 10;
	text = look(&j, &s, 'b', 1, &now);
	CHECK(begins_with(text, "b is the bottleneck") && s.m.verdict.part == 1, "%s", text);
	/* Once is not enough; the numbers of b are those of now. */
	s.part[1].results = 200;
	text = look(&j, &s, 'c', 1, &now);
	CHECK(
	    begins_with(text, "b is the bottleneck") && strstr(text, "200/s") != NULL, "%s", text);
	text = look(&j, &s, 'c', 1, &now);
	CHECK(begins_with(text, "c is the bottleneck"), "%s", text);
	text = look(&j, &s, '0', 1, &now);
	CHECK(begins_with(text, "c is the bottleneck"), "%s", text);
	text = look(&j, &s, '0', 1, &now);
	CHECK(begins_with(text, "balanced"), "%s", text);
	judge_free(&j);
	free(s.stage);
}

static void
test_earlier(void)
{
	struct judge j = {0};
	struct scene s;
	int64_t now = 0;
	const char *text;

	set_up(&s);
	text = look(&j, &s, 'a', 40, &now);
	CHECK(
	    begins_with(text, "a is the bottleneck") && strstr(text, "minute") == NULL, "%s", text);
	text = look(&j, &s, 'c', 5, &now);
	CHECK(begins_with(text, "c is the bottleneck") &&
		strstr(text, "In the last minute it waited mostly for a.") != NULL,
	    "%s", text);
	text = look(&j, &s, 'c', 50, &now);
	CHECK(strstr(text, "minute") == NULL, "%s", text);
	for (int i = 0; i < 3; i++)
		s.part[i].ended = true;
	text = look(&j, &s, '0', 1, &now);
	CHECK(
	    strcmp(text,
		"ended after 100 s: all records succeeded. Before that it waited mostly for c.") ==
		0,
	    "%s", text);
	judge_free(&j);
	free(s.stage);
}

/* A pipeline that was not judged for a while is a new one. */
static void
test_forgotten(void)
{
	struct judge j = {0};
	struct scene s;
	int64_t now = 0;
	const char *text;

	set_up(&s);
	look(&j, &s, 'a', 1, &now);
	CHECK(j.n == 1, "%zu", j.n);
	judge_forget(&j);
	CHECK(j.n == 0, "%zu", j.n);
	text = look(&j, &s, 'b', 1, &now);
	CHECK(begins_with(text, "b is the bottleneck"), "%s", text);
	judge_free(&j);
	free(s.stage);
}

int
main(void)
{
	test_steady();
	test_earlier();
	test_forgotten();
	return t_end();
}
