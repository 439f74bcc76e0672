#include "stage/letterbox.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "metrics/metrics.h"
#include "record/deadfile.h"
#include "record/envelope.h"
#include "record/record.h"
#include "stage/stage.h"

#define IDS 8 /* how many ids of lost letters a message names */

void
letterbox_init(struct letterbox *l, struct stage *st, struct metrics_shard *shard)
{
	*l = (struct letterbox){.stage = st, .shard = shard, .file = st->dead};
}

/* Whether it belongs into the dead-letter file, if there is one. */
static bool
goes_to_file(const struct letterbox *l, const struct record *r)
{
	return r->kind == RECORD_DEAD || (r->kind == RECORD_LETTER && l->stage->collects);
}

/*
 * The file has kept only the first `kept` of the batch's letters.  The others
 * go into the output: nothing is lost.  Names some of them, "ID, ID, ...", and
 * returns how many they are.
 */
static size_t
unmark_lost(
    const struct record *r, enum place *place, size_t n, size_t kept, char *text, size_t size)
{
	struct envelope_id id;
	size_t lost = 0, len = 0;

	for (size_t i = 0; i < n; i++) {
		if (place[i] != IN_FILE)
			continue;
		if (kept > 0) {
			kept--;
			continue;
		}
		place[i] = IN_OUTPUT;
		envelope_identity(r[i].data, r[i].len, &id);
		if (lost++ < IDS)
			len += (size_t)snprintf(
			    text + len, size - len, "%s%s", lost > 1 ? ", " : "", id.id);
		else if (lost == IDS + 1)
			snprintf(text + len, size - len, " and others");
	}
	return lost;
}

static void
give_up_file(struct letterbox *l, const struct record *r, enum place *place, size_t n, size_t kept)
{
	int error = errno;
	char ids[(IDS + 1) * ENVELOPE_ID_SIZE];
	size_t lost = unmark_lost(r, place, n, kept, ids, sizeof(ids));

	stage_abort_always(l->stage, 2,
	    "dead-letter file %s: %s; %zu dead letter%s that it could not keep (%s), and all later "
	    "ones, go to the output",
	    deadfile_path(l->file), strerror(error), lost, lost == 1 ? "" : "s", ids);
	l->file = NULL;
	l->stage->dead_failed = true;
}

/* What a rotation has removed was not in vain if it is told. */
static void
count_discarded(struct letterbox *l)
{
	uint64_t all = deadfile_discarded(l->file);

	metrics_add(l->shard, METRIC_DISCARDED, all - l->discarded);
	l->discarded = all;
}

void
letterbox_put(struct letterbox *l, const struct record *r, enum place *place, size_t n)
{
	size_t put = 0, kept = 0;
	bool ok = true;

	if (l->file == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		if (place[i] != IN_OUTPUT || !goes_to_file(l, &r[i]))
			continue;
		place[i] = IN_FILE;
		if (!ok)
			continue;
		ok = deadfile_put(l->file, r[i].data, r[i].len + 1) == 0;
		put += ok;
	}
	if (put > 0)
		ok = deadfile_commit(l->file, &kept) == 0 && ok;
	count_discarded(l);
	if (!ok)
		give_up_file(l, r, place, n, kept);
}

int
letterbox_sync(struct letterbox *l)
{
	if (l->file == NULL || deadfile_sync(l->file) == 0)
		return 0;
	stage_abort_always(
	    l->stage, 2, "dead-letter file %s: %s", deadfile_path(l->file), strerror(errno));
	return -1;
}
