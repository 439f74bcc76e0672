#include "judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "steady.h"
#include "verdict.h"
#include "wording.h"

/* What is remembered of a pipeline from look to look. */
struct memory {
	uint64_t pipeline; /* a number for its first stage */
	bool used;         /* since the last judge_forget() */
	struct steady steady;
	struct verdict verdict; /* that was shown */
};

/* A number for a part that stays the same from look to look. */
static uint64_t
number_of(const struct part *p)
{
	uint64_t pid = (uint64_t)p->pid;

	if (p->kind == PART_STAGE)
		return hash_bytes(p->stage->header.uuid, STATFILE_UUID);
	return p->pid != 0 ? hash_bytes(&pid, sizeof(pid)) : hash_bytes(p->name, strlen(p->name));
}

static bool
find_part(const struct model *m, uint64_t number, size_t *part)
{
	for (*part = 0; *part < m->n; ++*part)
		if (number_of(&m->part[*part]) == number)
			return true;
	return false;
}

/* The number of the stage that began first. */
static uint64_t
number_of_model(const struct model *m)
{
	const struct part *first = NULL;

	for (size_t i = 0; i < m->n; i++)
		if (m->part[i].kind == PART_STAGE &&
		    (first == NULL ||
			m->part[i].stage->header.begun_us < first->stage->header.begun_us))
			first = &m->part[i];
	return first != NULL ? number_of(first) : 0;
}

/* NULL with errno ENOMEM. */
static struct memory *
memory_of(struct judge *j, uint64_t pipeline)
{
	struct memory *more;

	for (size_t i = 0; i < j->n; i++)
		if (j->memory[i].pipeline == pipeline) {
			j->memory[i].used = true;
			return &j->memory[i];
		}
	if (j->n == j->room) {
		if ((more = reallocarray(j->memory, j->room * 2 + 16, sizeof(*more))) == NULL)
			return NULL;
		j->memory = more;
		j->room = j->room * 2 + 16;
	}
	j->memory[j->n] = (struct memory){.pipeline = pipeline, .used = true};
	return &j->memory[j->n++];
}

/* The verdict that is shown: that of this look, or still the one before. */
static void
hold_steady(const struct model *m, struct memory *memory, struct verdict *v, int64_t now)
{
	bool named = v->kind != VERDICT_BALANCED;
	uint64_t number = named ? number_of(&m->part[v->part]) : 0;
	size_t part = 0;

	if (steady_take(&memory->steady, number, now))
		;
	else if (memory->steady.shown == 0)
		*v = (struct verdict){.kind = VERDICT_BALANCED};
	else if (find_part(m, memory->steady.shown, &part)) {
		*v = memory->verdict;
		v->part = part;
		v->n_also = v->n_beside = 0;
	} else
		steady_show(&memory->steady, number);
	memory->verdict = *v;
}

/* Who else it was in the last minute; before the end, whoever it was. */
static void
look_back(const struct model *m, const struct memory *memory, struct verdict *v)
{
	uint64_t number =
	    v->kind == VERDICT_ENDED ? memory->steady.shown : steady_minute(&memory->steady);

	if (number == 0 || (v->kind != VERDICT_ENDED && number == memory->steady.shown))
		return;
	v->changed = find_part(m, number, &v->earlier);
}

int
judge_model(struct judge *j, struct model *m, int64_t now)
{
	struct memory *memory = memory_of(j, number_of_model(m));
	struct verdict *v = &m->verdict;

	if (memory == NULL || verdict_find(m, v) == -1)
		return -1;
	if (v->kind != VERDICT_MEASURING && v->kind != VERDICT_ENDED)
		hold_steady(m, memory, v, now);
	if (v->kind != VERDICT_MEASURING)
		look_back(m, memory, v);
	wording_verdict(m, v, m->text);
	return 0;
}

void
judge_forget(struct judge *j)
{
	size_t n = 0;

	for (size_t i = 0; i < j->n; i++)
		if (j->memory[i].used) {
			j->memory[n] = j->memory[i];
			j->memory[n++].used = false;
		}
	j->n = n;
}

void
judge_free(struct judge *j)
{
	free(j->memory);
	*j = (struct judge){0};
}
