#include "passing.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "folder.h"
#include "metrics/link.h"
#include "metrics/worktime.h"
#include "output.h"
#include "record/mark.h"
#include "record/rotate.h"
#include "record/writer.h"
#include "shares.h"
#include "spread.h"
#include "stage/acks.h"
#include "stage/stage.h"

struct passing {
	struct spread *spread;
	struct stage *stage;
	unsigned i;
	struct output *output;
	struct metrics_shard *shard;
	struct acks *acks; /* NULL: the reader gets the marks */
	bool is_named;     /* the file's name is on the disk, too */
	bool has_begun;    /* the first mark has been taken */
	int64_t pause;     /* before the next look at what is owed */
	int64_t look;      /* when that is, after a pause */
};

struct passing *
passing_new(struct spread *s, unsigned i)
{
	struct passing *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->spread = s;
	p->stage = s->stage;
	p->i = i;
	p->output = &s->outputs[i];
	p->shard = metrics_shard(s->stage->metrics, s->shard + 1 + i);
	return p;
}

void
passing_free(struct passing *p)
{
	if (p == NULL)
		return;
	acks_free(p->acks);
	free(p);
}

/* The sink passes on what is for standard output. */
static bool
is_sinks(const struct passing *p)
{
	return p->output->kind == OUTPUT_STDOUT;
}

/* Whether the reader of a pipe gets the marks. */
static bool
has_next_stage(const struct passing *p)
{
	return p->output->kind == OUTPUT_FIFO && !p->stage->opt->ack;
}

int
passing_enter(struct passing *p)
{
	p->is_named = false;
	if (p->acks != NULL)
		acks_enter(p->acks, p->output->fd);
	else if (!is_sinks(p) && !has_next_stage(p) &&
	    (p->acks = acks_new(p->output->fd, p->stage->opt->ack)) == NULL)
		return errno;
	return 0;
}

/* What has been written; what a folder has is its own affair. */
static uint64_t
written(const struct passing *p)
{
	return p->output->writer != NULL ? writer_bytes(p->output->writer) : 0;
}

/* The file's name must survive a power cut, too. */
static int
sync_name(struct passing *p)
{
	char *path;
	int error;

	if (p->is_named || p->output->kind != OUTPUT_FILE)
		return 0;
	if ((path = rotate_resolve(p->output->path)) == NULL)
		return -1;
	error = rotate_sync(path);
	free(path);
	p->is_named = error == 0;
	return error;
}

int
passing_leave(struct passing *p)
{
	int error;

	if (p->acks == NULL || !stage_is_marked(p->stage))
		return 0;
	stage_begin_writing(p->stage);
	error = sync_name(p) == -1 || acks_leave(p->acks, written(p)) == -1 ? errno : 0;
	stage_end_writing(p->stage);
	return error;
}

void
passing_begin(struct passing *p)
{
	p->pause = 0;
}

/* The mark goes on.  0, or an errno. */
static int
write_mark(struct passing *p, const struct mark *mark)
{
	struct writer *w = p->output->writer;
	struct ctx *root = p->stage->root;
	uint64_t bytes = writer_bytes(w);
	char line[MARK_SIZE];
	size_t len = mark_print(mark, line);
	int error = 0;

	stage_begin_writing(p->stage);
	link_start(p->output->link, worktime_now());
	if (writer_put(w, root, line, len) == -1 || writer_flush(w, root) == -1)
		error = errno;
	link_stop(p->output->link, worktime_now());
	stage_end_writing(p->stage);
	bytes = writer_bytes(w) - bytes;
	metrics_add(p->shard, METRIC_BYTES_OUT, bytes);
	link_add(p->output->link, error == 0, bytes);
	return error;
}

/* 0, or an errno. */
static int
pass_marks(struct passing *p)
{
	struct mark mark;
	int error = 0;

	while (error == 0 && shares_take(p->spread->shares, p->i, &mark)) {
		p->has_begun = true;
		p->pause = 0;
		if (has_next_stage(p))
			error = write_mark(p, &mark);
		else if (acks_put(p->acks, &mark, written(p)) == -1)
			error = errno;
	}
	return error;
}

/*
 * Acknowledges what is safe; or waits until more is, as no parcel has come for
 * a while.  0, or an errno.
 */
static int
send_acks(struct passing *p)
{
	bool wait = acks_may_wait(p->pause) && clock_now() >= p->look;
	int error = 0;

	stage_begin_writing(p->stage);
	if (p->spread->folder != NULL && folder_sync(p->spread->folder) == -1)
		error = errno;
	else if (sync_name(p) == -1 || acks_send(p->acks, written(p), wait) == -1)
		error = errno;
	stage_end_writing(p->stage);
	return error;
}

int
passing_run(struct passing *p, bool ready, bool idle)
{
	int error;

	if (is_sinks(p) || !stage_is_marked(p->stage))
		return 0;
	if (ready && (error = pass_marks(p)) != 0)
		return error;
	if (passing_owes(p) && (idle || clock_now() >= acks_due(p->acks)))
		return send_acks(p);
	return 0;
}

bool
passing_may_write(const struct passing *p)
{
	return p->has_begun || is_sinks(p) || atomic_load(&p->stage->first_mark) != 0;
}

bool
passing_owes(const struct passing *p)
{
	return acks_are_owed(p->acks);
}

int64_t
passing_next_look(struct passing *p)
{
	if (!passing_owes(p))
		return CLOCK_NEVER;
	p->pause = acks_pause(p->pause);
	return p->look = clock_after(clock_now(), p->pause);
}

/* What is cancelled is not waited for: it comes again. */
bool
passing_is_over(const struct passing *p)
{
	if (is_sinks(p) || !stage_is_marked(p->stage))
		return true;
	return shares_are_over(p->spread->shares, p->i) &&
	    (!passing_owes(p) || stage_is_cancelled(p->stage));
}
