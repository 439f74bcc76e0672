/* pdeadletter stats: counts the letters of each stage and reason. */

#include <err.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "alloc.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "job.h"
#include "json/json.h"
#include "store.h"
#include "text.h"

#define BAR 20 /* columns */

struct group {
	char *stage, *reason;
	uint64_t letters;
	int64_t first, last; /* failed, calendar us */
};

struct groups {
	void *tree; /* of tsearch(3), by stage and reason */
	struct group **group;
	size_t n;
	uint64_t letters;
};

static int
by_name(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int order = strcmp(x->stage, y->stage);

	return order != 0 ? order : strcmp(x->reason, y->reason);
}

/* The most frequent first. */
static int
by_letters(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;

	if (x->letters != y->letters)
		return x->letters < y->letters ? 1 : -1;
	return by_name(x, y);
}

/* Returns the letter's group, a new one if there is none. */
static struct group *
group_of(struct groups *g, const struct item *e)
{
	struct group key = {text_of(&e->view.stage), text_of(&e->view.reason), 0, 0, 0};
	struct group *group, **found = tfind(&key, &g->tree, by_name);

	if (found != NULL) {
		free(key.stage);
		free(key.reason);
		return *found;
	}
	group = must(malloc(sizeof(*group)));
	*group = key;
	must(tsearch(group, &g->tree, by_name));
	g->group = grow(g->group, g->n + 1, sizeof(*g->group));
	g->group[g->n++] = group;
	return group;
}

static void
count_letter(struct groups *g, const struct item *e)
{
	struct group *group = group_of(g, e);

	if (e->failed != 0 && (group->first == 0 || e->failed < group->first))
		group->first = e->failed;
	if (e->failed > group->last)
		group->last = e->failed;
	group->letters++;
	g->letters++;
}

static void
print_group_json(const struct group *group)
{
	char first[CLOCK_STAMP_SIZE], last[CLOCK_STAMP_SIZE];
	json_t *object;

	clock_stamp(group->first, first);
	clock_stamp(group->last, last);
	object = must(json_pack("{s:s, s:s, s:I}", "stage", group->stage, "reason", group->reason,
	    "letters", (json_int_t)group->letters));
	if (group->first != 0 &&
	    (json_object_set_new(object, "first", json_string(first)) == -1 ||
		json_object_set_new(object, "last", json_string(last)) == -1))
		errx(2, "out of memory");
	if (json_dumpf(object, stdout, JSON_COMPACT) == -1)
		err(2, "standard output");
	putchar('\n');
	json_decref(object);
}

static void
print_group(const struct groups *g, const struct group *group)
{
	static const char bar[] = "####################";
	char first[TEXT_TIME_SIZE], last[TEXT_TIME_SIZE];
	double share = (double)group->letters / (double)g->letters;

	text_time(group->first, first);
	text_time(group->last, last);
	utf8_tame(group->stage, strlen(group->stage), "");
	utf8_tame(group->reason, strlen(group->reason), "");
	printf("%-12s  %-12s  %9ju  %5.1f%%  %-*.*s  %-19s  %s\n", group->stage, group->reason,
	    (uintmax_t)group->letters, 100 * share, BAR, (int)(BAR * share + 0.5), bar, first,
	    last);
}

static void
print_groups(struct groups *g, bool json)
{
	if (g->n > 0)
		qsort(g->group, g->n, sizeof(struct group *), by_letters);
	if (!json)
		printf("%-12s  %-12s  %9s  %6s  %-*s  %-19s  %s\n", "STAGE", "REASON", "LETTERS",
		    "", BAR, "SHARE", "FIRST", "LAST");
	for (size_t i = 0; i < g->n; i++)
		if (json)
			print_group_json(g->group[i]);
		else
			print_group(g, g->group[i]);
	if (!json)
		printf("%-26s  %9ju\n", "all", (uintmax_t)g->letters);
}

static void
free_groups(struct groups *g)
{
	for (size_t i = 0; i < g->n; i++) {
		tdelete(g->group[i], &g->tree, by_name);
		free(g->group[i]->stage);
		free(g->group[i]->reason);
		free(g->group[i]);
	}
	free(g->group);
}

int
job_stats(struct job *job)
{
	struct store_how how = {.skip_foreign = job->skip_foreign};
	struct store *store = store_open(job->files, &how);
	struct groups groups = {0};
	struct item e;

	while (job->select.limit > 0 && store_next(store, &e))
		if (select_takes(&job->select, &e))
			count_letter(&groups, &e);
	print_groups(&groups, job->json);
	free_groups(&groups);
	return store_close(store);
}
