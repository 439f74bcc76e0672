#include "stage/marks.h"

#include <errno.h>
#include <stdlib.h>

#include "record/mark.h"
#include "record/record.h"
#include "record/settle.h"
#include "stage/stage.h"

struct marks {
	struct stage *stage;
	struct settle *settle;
	bool begun; /* the first mark is known */
};

struct marks *
marks_new(struct stage *st)
{
	struct marks *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->stage = st;
	if ((m->settle = settle_new()) != NULL)
		return m;
	free(m);
	return NULL;
}

void
marks_free(struct marks *m)
{
	if (m == NULL)
		return;
	settle_free(m->settle);
	free(m);
}

bool
marks_begin(struct marks *m, size_t n)
{
	if (!stage_is_marked(m->stage)) {
		settle_count(m->settle, n);
		return false;
	}
	if (!m->begun)
		settle_begin(m->settle, atomic_load(&m->stage->first_mark));
	m->begun = true;
	return true;
}

bool
marks_bring_again(const struct marks *m, const struct record *r)
{
	return m->begun && r->kind == RECORD_DEAD && r->reason == REASON_CANCELLED &&
	    r->seq > atomic_load(&m->stage->first_mark);
}

/* The mark is kept, and its line is not: another one is written for it. */
static int
keep_mark(struct marks *m, struct record *r)
{
	struct mark mark;

	(void)mark_parse(r->data, r->len, &mark);
	record_free(r);
	return settle_mark(m->settle, r->seq, &mark);
}

size_t
marks_note(struct marks *m, struct record *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int error = 0;

		if (r[i].kind == RECORD_MARK)
			error = keep_mark(m, &r[i]);
		else if (!marks_bring_again(m, &r[i]))
			error = settle_record(m->settle, r[i].seq);
		if (error == -1)
			return 0;
		if (settle_is_ready(m->settle))
			return i + 1;
	}
	return n;
}

bool
marks_next(struct marks *m, struct mark *mark)
{
	while (settle_take(m->settle, mark))
		if (!stage_has_failed(m->stage))
			return true;
	return false;
}
