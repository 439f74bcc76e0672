#include "metrics/retired.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For the stages that have no entry of their own, one for each tool. */
#define OTHER "other"

int
retired_compare(
    const struct retired_entry *e, const char *tool, const char *name, const char *pipeline)
{
	int order = strcmp(e->pipeline, pipeline);

	if (order == 0)
		order = strcmp(e->name, name);
	return order != 0 ? order : strcmp(e->tool, tool);
}

/* Where the entry is, or would be. */
static size_t
find_place(const struct retired *r, const char *tool, const char *name, const char *pipeline)
{
	size_t from = 0, to = r->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (retired_compare(&r->entry[middle], tool, name, pipeline) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool
is_at(const struct retired *r, size_t i, const char *tool, const char *name, const char *pipeline)
{
	return i < r->n && retired_compare(&r->entry[i], tool, name, pipeline) == 0;
}

/* Makes room for so many entries. */
static int
make_room(struct retired *r, size_t n)
{
	size_t room = r->room * 2 > n ? r->room * 2 : n;
	struct retired_entry *more;

	if (n <= r->room)
		return 0;
	more = aligned_alloc(_Alignof(struct retired_entry), room * sizeof(*more));
	if (more == NULL)
		return -1;
	if (r->n > 0)
		memcpy(more, r->entry, r->n * sizeof(*more));
	free(r->entry);
	r->entry = more;
	r->room = room;
	return 0;
}

struct retired_entry *
retired_entry(struct retired *r, const char *tool, const char *name, const char *pipeline)
{
	size_t i = find_place(r, tool, name, pipeline);
	struct retired_entry *e;

	if (is_at(r, i, tool, name, pipeline))
		return &r->entry[i];
	if (r->n >= RETIRED_MOST && strcmp(name, OTHER) != 0)
		return retired_entry(r, tool, OTHER, "");
	if (make_room(r, r->n + 1) == -1)
		return NULL;
	e = &r->entry[i];
	memmove(e + 1, e, (r->n++ - i) * sizeof(*e));
	memset(e, 0, sizeof(*e));
	snprintf(e->tool, sizeof(e->tool), "%s", tool);
	snprintf(e->name, sizeof(e->name), "%s", name);
	snprintf(e->pipeline, sizeof(e->pipeline), "%s", pipeline);
	return e;
}

void
retired_add(struct retired_entry *e, const struct metrics *m, int64_t until)
{
	struct metrics_shard sum;

	memset(&sum, 0, sizeof(sum));
	metrics_sum(m, until, &sum);
	for (int t = 0; t < TIME_COUNT; t++) {
		int64_t more = atomic_load(&sum.time[t].state);

		if (more < 0 || more > INT64_MAX - atomic_load(&e->sum.time[t].state))
			atomic_store(&sum.time[t].state, 0);
	}
	metrics_sum(&(struct metrics){.n = 1, .shard = &sum}, 0, &e->sum);
}

int
retired_merge(struct retired *to, const struct retired *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct retired_entry *e = &from->entry[i],
				     *sum = retired_entry(to, e->tool, e->name, e->pipeline);

		if (sum == NULL)
			return -1;
		for (int how = 0; how < EXIT_COUNT; how++)
			sum->exits[how] += e->exits[how];
		sum->modes |= e->modes;
		retired_add(sum, &(struct metrics){.n = 1, .shard = &e->sum}, 0);
	}
	return 0;
}

static int
compare_uuid(const void *a, const void *b)
{
	return memcmp(a, b, STATFILE_UUID);
}

int
retired_set(
    struct retired *r, const struct retired_entry *entry, size_t n, const void *in, size_t n_in)
{
	if (make_room(r, n) == -1 || (n_in > 0 && (r->in = calloc(n_in, STATFILE_UUID)) == NULL))
		return -1;
	if (n > 0)
		memcpy(r->entry, entry, n * sizeof(*entry));
	if (n_in > 0) {
		memcpy(r->in, in, n_in * STATFILE_UUID);
		qsort(r->in, n_in, STATFILE_UUID, compare_uuid);
	}
	r->n = n;
	r->n_in = n_in;
	return 0;
}

bool
retired_has(const struct retired *r, const unsigned char uuid[STATFILE_UUID])
{
	return r->n_in > 0 && bsearch(uuid, r->in, r->n_in, STATFILE_UUID, compare_uuid) != NULL;
}

void
retired_free(struct retired *r)
{
	free(r->entry);
	free(r->in);
	*r = (struct retired){0};
}
