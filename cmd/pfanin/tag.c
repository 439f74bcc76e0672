#include "tag.h"

#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/members.h"
#include "label.h"
#include "pfanin.h"
#include "record/envelope.h"
#include "stage/pipeline.h"

struct tagger {
	struct pfanin *pi;
	struct metrics_shard *shard;
	struct labels *labels;
	struct slab *slab; /* tagged lines are written into it; or NULL */
	size_t used;
};

/* Room for a line of len bytes and its LF, with a reference for it. */
static char *
take_room(struct tagger *t, size_t len, struct slab **slab)
{
	char *room;

	if (len >= SLAB_SIZE / 4) {
		*slab = slab_new_exact(len + 1, 1);
		return *slab != NULL ? (*slab)->data : NULL;
	}
	if (t->slab != NULL && t->slab->size - t->used <= len) {
		slab_release(t->slab, 1);
		t->slab = NULL;
	}
	if (t->slab == NULL) {
		if ((t->slab = slab_new(SLAB_SIZE, 1)) == NULL)
			return NULL;
		t->used = 0;
	}
	atomic_fetch_add_explicit(&t->slab->refs, 1, memory_order_relaxed);
	*slab = t->slab;
	room = t->slab->data + t->used;
	t->used += len + 1;
	return room;
}

/* The text with the member of this input behind its brace. */
static int
add_member(struct tagger *t, const char *text, size_t len, const char *input, struct record *tagged)
{
	bool empty;
	long at = members_begin(text, len, &empty);
	const char *member;
	size_t n, place = (size_t)at;
	char *p;

	if (at == -1)
		return 1;
	if ((member = labels_get(t->labels, input, &n)) == NULL)
		return -1;
	tagged->len = len + n + !empty;
	if ((tagged->data = p = take_room(t, tagged->len, &tagged->slab)) == NULL)
		return -1;
	p = mempcpy(p, text, place);
	p = mempcpy(p, member, n);
	if (!empty)
		*p++ = ',';
	p = mempcpy(p, text + place, len - place);
	*p = '\n';
	return 0;
}

/* The same with the record inside a retry envelope. */
static int
add_member_inside(struct tagger *t, const struct record *r, struct record *tagged)
{
	struct envelope_id id;
	struct record inner = {0};
	const char *payload;
	char *owned, *line;
	size_t len;
	int error;

	if (envelope_payload(r->data, r->len, &payload, &len, &owned) == -1)
		return 1;
	envelope_identity(r->data, r->len, &id);
	error = json_check(payload, len, NULL) ? add_member(t, payload, len, r->input, &inner) : 1;
	free(owned);
	if (error != 0)
		return error;
	error = envelope_retry(&id, inner.data, inner.len, &line, &len);
	record_free(&inner);
	if (error == -1)
		return -1;
	error = record_copy(tagged, line, len - 1);
	free(line);
	return error;
}

static void
tag_record(struct tagger *t, struct record *r)
{
	struct record tagged = {0};
	bool wrapped = !t->pi->opt.no_bypass && envelope_kind(r->data, r->len) == ENVELOPE_RETRY;
	int error = wrapped ? add_member_inside(t, r, &tagged)
			    : add_member(t, r->data, r->len, r->input, &tagged);

	if (error == 0)
		stage_answer(&t->pi->stage, r, &tagged, RECORD_DATA);
	else if (error == -1) {
		stage_give_up(&t->pi->stage, 2, "out of memory");
		stage_drop(r);
	}
}

static void
process_record(void *state, struct record *r)
{
	struct tagger *t = state;

	metrics_add(t->shard, METRIC_TAKEN, r->kind != RECORD_MARK || r->reserved > 0);
	/* A merge leaves the check to the processor behind it. */
	if (r->kind != RECORD_DATA ||
	    (t->pi->order == ORDER_MERGE && !stage_check(&t->pi->stage, r)))
		return;
	/* With -R a line may be anything. */
	if (!t->pi->opt.raw || json_check(r->data, r->len, NULL))
		tag_record(t, r);
}

static void
tagger_close(void *state)
{
	struct tagger *t = state;

	if (t->slab != NULL)
		slab_release(t->slab, 1);
	labels_free(t->labels);
	free(t);
}

static int
tagger_open(struct processor *p, unsigned worker, void **state)
{
	struct tagger *t = calloc(1, sizeof(*t));

	(void)worker;
	if (t == NULL)
		return -1;
	t->pi = p->arg;
	t->shard = metrics_shard(t->pi->stage.metrics, SHARD_TAG);
	if ((t->labels = labels_new(t->pi->tag)) == NULL) {
		free(t);
		return -1;
	}
	*state = t;
	return 0;
}

struct processor
tag_processor(struct pfanin *pi)
{
	return (struct processor){.name = "tag",
	    .workers = 1,
	    .arg = pi,
	    .open = tagger_open,
	    .process = process_record,
	    .close = tagger_close};
}
