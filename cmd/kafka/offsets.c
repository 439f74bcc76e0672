#include "offsets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MIN 64

/* What a mark stands for in one partition. */
struct mark_entry {
	uint64_t token, generation, records;
	struct place *place;
	int64_t position;
};

static void
free_place(struct place *p)
{
	free(p->topic);
	free(p->name);
	free(p);
}

void
offsets_free(struct offsets *o)
{
	for (size_t i = 0; i < o->n; i++)
		free_place(o->place[i]);
	free(o->place);
	free(o->entry);
	*o = (struct offsets){0};
}

static int
compare(const struct place *p, const char *topic, int32_t partition)
{
	int order = strcmp(p->topic, topic);

	return order != 0 ? order : (p->partition > partition) - (p->partition < partition);
}

/* Where the place is, or would be. */
static size_t
search(const struct offsets *o, const char *topic, int32_t partition)
{
	size_t low = 0, high = o->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare(o->place[middle], topic, partition) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct place *
offsets_find(const struct offsets *o, const char *topic, int32_t partition)
{
	size_t at = search(o, topic, partition);

	return at < o->n && compare(o->place[at], topic, partition) == 0 ? o->place[at] : NULL;
}

static void
forget_positions(struct place *p)
{
	p->read = p->next = p->done = p->committed = OFFSETS_NONE;
	p->at_end = false;
}

static struct place *
new_place(const char *topic, int32_t partition)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->partition = partition;
	forget_positions(p);
	if ((p->topic = strdup(topic)) == NULL ||
	    asprintf(&p->name, "%s[%" PRId32 "]", topic, partition) == -1) {
		free(p->topic);
		free(p);
		return NULL;
	}
	return p;
}

struct place *
offsets_place(struct offsets *o, const char *topic, int32_t partition)
{
	size_t at = search(o, topic, partition);
	struct place **grown, *p;

	if (at < o->n && compare(o->place[at], topic, partition) == 0)
		return o->place[at];
	if ((grown = realloc(o->place, (o->n + 1) * sizeof(struct place *))) == NULL)
		return NULL;
	o->place = grown;
	if ((p = new_place(topic, partition)) == NULL)
		return NULL;
	memmove(grown + at + 1, grown + at, (o->n - at) * sizeof(struct place *));
	grown[at] = p;
	o->n++;
	return p;
}

void
offsets_assign(struct place *p)
{
	forget_positions(p);
	p->generation++;
	p->assigned = true;
}

void
offsets_revoke(struct place *p)
{
	p->assigned = false;
}

bool
offsets_read(struct offsets *o, struct place *p, int64_t offset)
{
	bool back = p->next != OFFSETS_NONE && offset < p->next;

	if (back) {
		forget_positions(p);
		p->generation++;
	}
	/* What is before the first record is not ours: it counts as done. */
	if (p->next == OFFSETS_NONE)
		p->done = offset;
	p->read = p->next = offset + 1;
	p->at_end = false;
	p->unmarked++;
	o->unmarked++;
	return back;
}

/* Where nothing is outstanding, what is no record is done as well. */
static void
skip_to_next(struct place *p)
{
	if (offsets_is_settled(p))
		p->done = p->next;
}

void
offsets_reached(struct place *p, int64_t offset)
{
	p->at_end = true;
	if (offset <= p->next)
		return;
	p->next = offset;
	skip_to_next(p);
}

/* Room for n more entries. */
static int
make_room(struct offsets *o, size_t n)
{
	size_t used = o->end - o->first, room = o->room == 0 ? ENTRIES_MIN : o->room;
	struct mark_entry *grown;

	if (o->end + n <= o->room)
		return 0;
	if (used > 0)
		memmove(o->entry, o->entry + o->first, used * sizeof(*o->entry));
	o->first = 0;
	o->end = used;
	/* No fuller than a half, so that entries are seldom moved. */
	while (room < 2 * (used + n))
		room *= 2;
	if (room == o->room)
		return 0;
	if ((grown = realloc(o->entry, room * sizeof(*grown))) == NULL)
		return -1;
	o->entry = grown;
	o->room = room;
	return 0;
}

int
offsets_mark(struct offsets *o, uint64_t token)
{
	if (make_room(o, o->n) == -1)
		return -1;
	for (size_t i = 0; i < o->n; i++) {
		struct place *p = o->place[i];

		if (p->unmarked == 0)
			continue;
		/* Of a generation that has read nothing they say nothing. */
		o->entry[o->end++] = (struct mark_entry){
		    token, p->read == OFFSETS_NONE ? 0 : p->generation, p->unmarked, p, p->read};
		p->unmarked = 0;
	}
	o->waiting += o->unmarked;
	o->unmarked = 0;
	return 0;
}

void
offsets_done(struct offsets *o, uint64_t token)
{
	for (; o->first < o->end && o->entry[o->first].token <= token; o->first++) {
		const struct mark_entry *e = &o->entry[o->first];

		o->waiting -= e->records;
		if (!e->place->assigned || e->generation != e->place->generation)
			continue;
		e->place->done = e->position;
		skip_to_next(e->place);
	}
}

bool
offsets_is_settled(const struct place *p)
{
	return !p->assigned || p->read == OFFSETS_NONE || p->done >= p->read;
}

bool
offsets_is_due(const struct place *p)
{
	return p->assigned && p->done != OFFSETS_NONE && p->done != p->committed;
}

uint64_t
offsets_outstanding(const struct offsets *o)
{
	return o->unmarked + o->waiting;
}
