#include "spread.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "delivery.h"
#include "dispatch.h"
#include "folder.h"
#include "json/json.h"
#include "output.h"
#include "record/mark.h"
#include "router.h"
#include "shares.h"
#include "stage/cli.h"
#include "stage/marks.h"
#include "stage/pipeline.h"
#include "stage/report.h"
#include "stage/samefile.h"
#include "stage/traced.h"
#include "stage/tracing.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "template.h"

/* eventfd; the output, and what it is opened by; two to look into its pipe */
#define FDS_PER_OUTPUT 5

/* What a thread of the processor is: worker 0 is the router. */
struct thread {
	struct router *router;
	struct delivery *delivery;
};

static void
check_folder(const struct spread *s)
{
	const char *folder = template_folder(s->to[0]);
	struct stat st;

	if (stat(folder, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return;
		errno = ENOTDIR;
	}
	err(2, "output folder %s", folder);
}

/* Files have been compared; a FIFO would have records and letters. */
static void
check_dead_fifo(const struct spread *s, const char *dead)
{
	struct stat st, output;

	if (dead == NULL || stat(dead, &st) == -1 || !S_ISFIFO(st.st_mode))
		return;
	for (unsigned i = 0; i < s->n; i++)
		if (stat(s->paths[i], &output) == 0 && output.st_dev == st.st_dev &&
		    output.st_ino == st.st_ino)
			errx(2,
			    "dead-letter file %s and output %s are the same file: choose another "
			    "one",
			    dead, s->paths[i]);
}

void
spread_check(const struct spread *s, const struct options *opt)
{
	struct samefile *files = calloc(s->n + 1, sizeof(*files));
	char error[REPORT_SIZE];

	if (files == NULL)
		errx(2, "out of memory");
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->paths[i], "-") != 0)
			files[i] = (struct samefile){
			    .role = "output", .path = s->paths[i], .written = true};
	if (s->by == BY_NAME) {
		check_folder(s);
		files[0] = (struct samefile){0};
	} else if (output_check(s->paths, s->n, error, sizeof(error)) == -1) {
		cli_say(error);
		exit(2);
	}
	cli_check_files(opt, files, s->n);
	check_dead_fifo(s, opt->dead_letter);
	free(files);
}

/* SIGHUP: the files have been rotated.  By the monitor. */
static void
reopen_files(void *state, char *line, size_t size)
{
	struct spread *s = state;

	(void)line;
	(void)size;
	atomic_fetch_add(&s->reopens, 1);
}

static void
accept_rotation(struct spread *s)
{
	s->stage->reload = reopen_files;
	s->stage->state = s;
}

/*
 * The contexts open their descriptors when they are polled first: that is now,
 * while there are some, as a folder uses all that it can get.
 */
static void
open_contexts(const struct stage *st)
{
	if (ctx_poll(st->root, NULL, 0, clock_now()) == -1 ||
	    ctx_poll(st->work, NULL, 0, clock_now()) == -1 ||
	    ctx_poll(st->input, NULL, 0, clock_now()) == -1)
		err(2, "the contexts");
}

/* The folder is one link, whichever files it has. */
static struct metrics_link *
link_folder(struct metrics_links *links, const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct metrics_link *link = link_open(links, LINK_OUT, fd, path);

	if (fd != -1)
		close(fd);
	return link;
}

/* Standard output has its link already. */
static struct metrics_link *
link_output(struct metrics_links *links, const struct output *o)
{
	if (o->kind == OUTPUT_STDOUT)
		return NULL;
	return link_open(links, LINK_OUT, o->fd != -1 ? o->fd : o->fifo, o->path);
}

static void
wake_outputs(struct spread *s)
{
	for (unsigned i = 0; i < s->n; i++)
		park_wake(dispatch_parker(s->dispatch, i));
}

/* By the sink. */
static int
divide_mark(void *arg, struct mark *mark)
{
	struct spread *s = arg;

	if (shares_put(s->shares, mark) == 0) {
		wake_outputs(s);
		return 0;
	}
	stage_give_up(s->stage, 2, "%s",
	    errno == ERANGE ? "the weight of a mark is too small to be divided: too many `pfanout "
			      "--to` are one behind the other"
			    : "out of memory");
	return -1;
}

/* By the sink: outputs wait for marks no longer. */
static void
end_marks(void *arg)
{
	struct spread *s = arg;

	shares_end(s->shares);
	wake_outputs(s);
}

static void
open_marks(struct spread *s)
{
	unsigned i = 0;

	while (i < s->n && s->outputs[i].kind != OUTPUT_STDOUT)
		i++;
	s->shares = shares_new(s->n, i);
	s->marks = (struct sink_others){
	    .marks = marks_new(s->stage), .divide = divide_mark, .over = end_marks, .arg = s};
	if (s->shares == NULL || s->marks.marks == NULL)
		errx(2, "out of memory");
}

static void
open_outputs(struct spread *s)
{
	struct stage *st = s->stage;

	if (s->by == BY_NAME) {
		s->outputs[0] = (struct output){
		    .path = s->paths[0], .kind = OUTPUT_FOLDER, .fd = -1, .fifo = -1};
		if ((s->folder = folder_new(s->to[0], st->opt->dead_letter, st->opt->trace_file)) ==
		    NULL)
			err(2, "output folder %s", template_folder(s->to[0]));
		s->outputs[0].link = link_folder(st->links, template_folder(s->to[0]));
		accept_rotation(s);
		return;
	}
	for (unsigned i = 0; i < s->n; i++) {
		if (output_open(&s->outputs[i], s->paths[i]) == -1)
			err(2, "output %s", s->paths[i]);
		s->outputs[i].link = link_output(st->links, &s->outputs[i]);
		/* A pipe without a name, as >(command) is. */
		if (st->tracing != NULL && st->tracing->records && s->outputs[i].fd != -1)
			traced_mark_pipe(s->outputs[i].fd);
		if (s->outputs[i].kind == OUTPUT_FILE)
			accept_rotation(s);
		if (s->outputs[i].kind == OUTPUT_STDOUT && s->by == BY_COPY)
			s->to_stdout = i;
	}
	/* Now that they exist: a link may have named a file that did not. */
	spread_check(s, st->opt);
}

void
spread_open(struct spread *s, struct stage *st, size_t shard)
{
	s->stage = st;
	s->shard = shard;
	s->to_stdout = s->n;
	open_contexts(st);
	if ((s->outputs = calloc(s->n, sizeof(*s->outputs))) == NULL ||
	    (s->dispatch = dispatch_new(s->n, s->by == BY_READY || s->by == BY_ROUND_ROBIN,
		 &metrics_shard(st->metrics, shard)->time[TIME_OUTPUT])) == NULL)
		err(2, "the outputs");
	open_outputs(s);
	open_marks(s);
}

void
spread_close(struct spread *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->outputs != NULL)
			output_close(&s->outputs[i]);
		template_free(s->to[i]);
	}
	marks_free(s->marks.marks);
	shares_free(s->shares);
	folder_free(s->folder);
	dispatch_free(s->dispatch);
	free(s->outputs);
	free(s->paths);
	free(s->to);
	json_path_free(s->key);
}

unsigned
spread_threads(const struct spread *s)
{
	return 1 + s->n;
}

size_t
spread_fds(const struct spread *s)
{
	return s->by == BY_NAME ? FOLDER_FILES : (size_t)s->n * FDS_PER_OUTPUT;
}

static int
open_thread(struct processor *p, unsigned worker, void **state)
{
	struct spread *s = p->arg;
	struct thread *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -1;
	if (worker == 0)
		t->router = router_new(s);
	else
		t->delivery = delivery_new(s, worker - 1);
	if (t->router == NULL && t->delivery == NULL) {
		free(t);
		return -1;
	}
	*state = t;
	return 0;
}

static void
run_thread(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct thread *t = state;

	(void)ctx;
	if (t->router != NULL)
		router_run(t->router, in, out);
	else
		delivery_run(t->delivery, out);
}

static void
close_thread(void *state)
{
	struct thread *t = state;

	router_free(t->router);
	delivery_free(t->delivery);
	free(t);
}

struct processor
spread_processor(struct spread *s)
{
	return (struct processor){.name = "outputs",
	    .workers = spread_threads(s),
	    .arg = s,
	    .open = open_thread,
	    .run = run_thread,
	    .close = close_thread};
}
