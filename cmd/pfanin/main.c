/* pfanin: merges many inputs into one stream; pfanin(1). */

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/json.h"
#include "engine/url.h"
#include "engines.h"
#include "follow.h"
#include "marker.h"
#include "order.h"
#include "pfanin.h"
#include "proc/child.h"
#include "resume.h"
#include "stage/cli.h"
#include "stage/hint.h"
#include "stage/inputs.h"
#include "stage/pipeline.h"
#include "stage/samefile.h"
#include "stage/signals.h"
#include "stage/sink.h"
#include "stage/source.h"
#include "tag.h"
#include "usage.h"

/* What a helper needs: pipes, a pidfd. */
#define FDS_PER_ENGINE 5

/* Files that are followed at a time, at most. */
#define MOST_FILES (1 << 20)

/* Records that are marked and on their way, at most. */
#define DEFAULT_WINDOW 10000

/* What a look at the first bytes of a file needs. */
#define HEAD 16

static size_t
count_operands(const struct pfanin *pi)
{
	size_t n = 0;

	while (pi->operands[n] != NULL)
		n++;
	return n;
}

static size_t
count_urls(const struct pfanin *pi)
{
	size_t n = 0;

	for (char **operand = pi->operands; *operand != NULL; operand++)
		n += url_is(*operand);
	return n;
}

/* What goes with marks, and needs operands to tell. */
static void
check_marks(struct pfanin *pi)
{
	size_t urls = count_urls(pi);

	if (urls > 0 && pi->state != NULL)
		errx(2, "--state is for files: an engine keeps itself what was finished");
	if (urls == 0 && pi->state == NULL && pi->window > 0)
		errx(2, "--window needs --state, or the URL of an engine");
	/* A mark can be sent without waiting if the channel has room. */
	if ((urls > 0 || pi->state != NULL) && pi->opt.buffer == 0)
		pi->opt.buffer = 1;
}

/*
 * How many inputs can be open at a time.  An order that needs all of them is
 * refused where they are too many.
 */
static size_t
open_most(const struct pfanin *pi, size_t n)
{
	size_t most = MOST_FILES;

	/* As many as there can be: there may be more files later. */
	if (pi->follow_files) {
		(void)child_raise_limit(MOST_FILES, &most);
		if (child_raise_limit(most, &most) == -1)
			err(2, "the limit of open files");
		return most;
	}
	if (child_raise_limit(n, &most) == 0)
		return n > 0 ? n : 1;
	if (errno != EMFILE || most == 0 || child_raise_limit(most, &most) == -1)
		err(2, "the limit of open files");
	if (pi->order == ORDER_MERGE || pi->order == ORDER_ROUND_ROBIN)
		errx(2,
		    "%zu inputs: too many for the limit of open files: at most %zu here (ulimit "
		    "-Hn)",
		    n, most);
	return most;
}

/* What a message calls it. */
static const char *
words_for(const char *name)
{
	return strcmp(name, "-") == 0 ? "standard input" : name;
}

/* A file that would come out as rubbish is refused. */
static void
check_head(const struct input *in)
{
	char head[HEAD];
	ssize_t n;
	enum hint_kind look;

	if (in->kind != INPUT_FILE || in->fd == -1 || (n = pread(in->fd, head, HEAD, 0)) <= 0)
		return;
	look = hint_look(head, (size_t)n);
	if (look >= LOOK_COMPRESSED)
		errx(2, "%s: %s", words_for(in->name), hint_for_input(look));
}

/*
 * What comes out of a FIFO, or of a file, and goes into it again would go round
 * for ever.  Files with a path, and standard input, are among those that
 * cli_check_files() compares.
 */
static void
check_output(const struct input *in)
{
	struct stat out;

	if (fstat(STDOUT_FILENO, &out) == -1 || out.st_dev != in->dev || out.st_ino != in->ino)
		return;
	if (S_ISFIFO(out.st_mode) ||
	    (S_ISREG(out.st_mode) && in->path == NULL && in->fd != STDIN_FILENO))
		errx(2, "input %s and standard output are the same: choose another one", in->name);
}

/* --keep-open is for the FIFOs among the inputs, of which there must be one. */
static void
keep_open(const struct inputs *inputs)
{
	bool any = false;

	for (struct input *in = inputs_first(inputs); in != NULL; in = inputs_after(in)) {
		in->keep_open = in->kind == INPUT_PIPE && in->path != NULL;
		any = any || in->keep_open;
	}
	if (!any)
		errx(2, "--keep-open: none of the inputs is a FIFO");
}

/* Whether the operand is followed.  Ends the process for a folder. */
static bool
is_followed(const struct pfanin *pi, const char *operand)
{
	int takes = pi->follow == NULL ? 0 : follow_takes(operand);

	if (takes == -1)
		errx(2, "%s: it is a folder; follow the files in it: '%s/*'", operand, operand);
	if (takes == 1 && follow_add(pi->follow, operand) == -1)
		err(2, "%s", operand);
	return takes == 1;
}

static void
open_follow(struct pfanin *pi, struct inputs *inputs)
{
	const char *why;

	pi->follow = follow_new(&(struct follow_how){.opt = &pi->opt,
				    .inputs = inputs,
				    .stage = &pi->stage,
				    .from_end = pi->from_end,
				    .resume = pi->resume},
	    &why);
	if (pi->follow == NULL)
		errx(2, "cannot follow files: %s", why != NULL ? why : strerror(errno));
}

/* Ends the process: an operand can't be opened. */
static void __attribute__((noreturn)) refuse(const char *operand, const char *why, int error)
{
	bool pattern = error == ENOENT && strpbrk(operand, "*?[") != NULL;

	errx(2, "%s: %s%s", words_for(operand), why != NULL ? why : strerror(error),
	    pattern ? "; patterns need --follow" : "");
}

/* Only files can wait until others have been read to their end. */
static void
check_pipes(const struct input *in, size_t *pipes, size_t most)
{
	if (in->kind != INPUT_FILE && ++*pipes > most)
		errx(2,
		    "%s: too many FIFOs for the limit of open files: at most %zu here (ulimit -Hn)",
		    words_for(in->name), most);
}

/* Ends the process if one of them can't be read, before anything is written. */
static void
open_inputs(struct pfanin *pi)
{
	size_t n = count_operands(pi), most = open_most(pi, n + FDS_PER_ENGINE * count_urls(pi)),
	       pipes = 0;
	struct inputs *inputs = inputs_new(most);
	char dash[] = "-", *standard[] = {dash, NULL};
	bool followed = false;
	const char *why;
	struct input *in;

	if ((pi->inputs = inputs) == NULL)
		errx(2, "out of memory");
	if (pi->follow_files)
		open_follow(pi, inputs);
	for (char **operand = n > 0 ? pi->operands : standard; *operand != NULL; operand++) {
		if (url_is(*operand)) {
			engines_add(pi->engines, inputs, *operand);
			continue;
		}
		if (is_followed(pi, *operand)) {
			followed = true;
			continue;
		}
		if ((in = inputs_add(inputs, *operand, &why)) == NULL)
			refuse(*operand, why, errno);
		check_pipes(in, &pipes, most);
		check_output(in);
		if (!pi->opt.plain)
			check_head(in);
	}
	if (pi->follow != NULL && !followed)
		errx(2, "--follow: none of the inputs is a file that can be followed");
	if (pi->follow != NULL && follow_begin(pi->follow, &why) == -1)
		errx(2, "%s", why);
	if (pi->resume != NULL) {
		resume_inputs(pi->resume, inputs);
		resume_settle(pi->resume);
	}
	if (pi->keep_open)
		keep_open(inputs);
}

static void
check_files(const struct pfanin *pi)
{
	struct samefile *files = calloc(inputs_count(pi->inputs), sizeof(*files));
	size_t n = 0;

	if (files == NULL)
		errx(2, "out of memory");
	for (struct input *in = inputs_first(pi->inputs); in != NULL; in = inputs_after(in))
		if (in->path != NULL)
			files[n++] = (struct samefile){.role = "input", .path = in->path};
	cli_check_files(&pi->opt, files, n);
	free(files);
}

/* The file of --state, before it is made or written. */
static void
check_state(const struct pfanin *pi)
{
	size_t n = 0, operands = count_operands(pi);
	struct samefile *files = calloc(operands + 1, sizeof(*files));

	if (files == NULL)
		errx(2, "out of memory");
	files[n++] = (struct samefile){.role = "--state", .path = pi->state, .written = true};
	for (size_t i = 0; i < operands; i++)
		if (strcmp(pi->operands[i], "-") != 0)
			files[n++] = (struct samefile){.role = "input", .path = pi->operands[i]};
	cli_check_files(&pi->opt, files, n);
	free(files);
}

static void
set_up(struct pfanin *pi)
{
	struct stage *st = &pi->stage;

	if ((pi->engines = engines_new()) == NULL)
		errx(2, "out of memory");
	if (pi->state != NULL) {
		check_state(pi);
		pi->resume = resume_open(pi->state);
	}
	open_inputs(pi);
	check_files(pi);
	pi->opt.dead_how.say = cli_say;
	if (stage_init(st,
		&(struct stage_setup){.tool = "pfanin",
		    .name = pi->opt.name != NULL ? pi->opt.name : "pfanin",
		    .opt = &pi->opt,
		    .mode = STAGE_PASSES,
		    .workers = 1,
		    .shards = SHARD_SOURCE + SOURCE_READERS,
		    .max_records = stage_max_records(&pi->opt),
		    .engines = engines_count(pi->engines) > 0,
		    .inputs = pi->inputs}) == -1)
		errx(2, "%s", st->error);
	st->pipe_ignored = signals_ignored(SIGPIPE);
}

static void (*order_function(enum order order))(struct feed *, void *)
{
	switch (order) {
	case ORDER_ROUND_ROBIN:
		return order_round_robin;
	case ORDER_CONCAT:
		return order_concat;
	case ORDER_MERGE:
		return order_merge;
	default:
		return NULL;
	}
}

/* NULL: nothing is marked. */
static struct marker *
start_marker(struct pfanin *pi, struct source *source)
{
	struct marker_how how = {.stage = &pi->stage,
	    .source = source,
	    .window = pi->window > 0 ? pi->window : DEFAULT_WINDOW,
	    .grows = pi->window == 0};
	struct marker *marker;

	if (pi->resume != NULL) {
		resume_begin(pi->resume, &pi->stage);
		how.room = pi->stage.files;
		how.positions = resume_positions(pi->resume);
	} else if (engines_mark(pi->engines)) {
		how.room = pi->stage.work; /* to the next mark of the helper */
		how.positions = engines_positions(pi->engines);
	} else
		return NULL;
	if ((marker = marker_new(&how)) == NULL)
		err(2, "acknowledgements cannot be received");
	return marker;
}

/*
 * A reader that went away is an error here: nobody must take the end for a good
 * one.
 */
static void
end_marker(struct pfanin *pi, struct marker *marker)
{
	const char *remedy = "";
	uint64_t missing;

	if (marker == NULL)
		return;
	if (!marker_was_answered(marker))
		remedy = "; nothing was acknowledged at all: a last stage that writes into a pipe "
			 "needs --ack, and a program between the stages must not drop marks";
	missing = marker_missing(marker);
	if (missing > 0)
		stage_fault(&pi->stage, 2,
		    "%s%" PRIu64
		    " record%s not acknowledged, and will come again in the next run%s",
		    pi->stage.hung_up ? "the reader of standard output has gone: " : "", missing,
		    missing == 1 ? " was" : "s were", remedy);
	else if (pi->stage.hung_up)
		stage_fault(&pi->stage, 2, "the reader of standard output has gone before the end");
	else if (!marker_is_done(marker))
		stage_fault(&pi->stage, 2,
		    "the last position was not acknowledged: records before it will come again "
		    "in the next run");
	pi->stage.hung_up = false;
	marker_free(marker);
}

/* Runs the pipeline to its end.  Returns the signal that stopped it, or 0. */
static int
run(struct pfanin *pi)
{
	struct stage *st = &pi->stage;
	struct source source = {.stage = st,
	    .shard = SHARD_SOURCE,
	    .keeps_retries = true,
	    .checks = pi->order != ORDER_MERGE,
	    .runs = pi->tag == NULL ? SOURCE_RUN : 0,
	    .order = order_function(pi->order),
	    .order_arg = pi};
	struct sink sink = {.stage = st,
	    .shard = metrics_shard(st->metrics, SHARD_SINK),
	    .fd = STDOUT_FILENO,
	    .takes = pi->tag == NULL,
	    .checks = pi->order == ORDER_MERGE && pi->tag == NULL};
	struct processor procs[3] = {source_processor(&source)};
	struct marker *marker = start_marker(pi, &source);
	size_t n = 1;
	int sig;

	if (pi->tag != NULL)
		procs[n++] = tag_processor(pi);
	procs[n++] = sink_processor(&sink);
	if (engines_count(pi->engines) > 0)
		engines_watch(pi->engines, st, marker);
	if (cli_run(st, procs, n, &sig) == -1)
		errx(2, "%s", st->error);
	engines_end(pi->engines);
	end_marker(pi, marker);
	return sig;
}

int
main(int argc, char **argv)
{
	struct pfanin pi;
	int sig, status;

	/*
	 * The readers allocate what the sink frees.  With an arena for each of
	 * them, much of what was freed would wait for the same thread's use.
	 */
	(void)mallopt(M_ARENA_MAX, 1);
	cli_begin();
	usage_parse(&pi, argc, argv);
	check_marks(&pi);
	set_up(&pi);
	sig = run(&pi);
	json_path_free(pi.merge);
	status = cli_end(&pi.stage, sig);
	engines_free(pi.engines);
	follow_free(pi.follow);
	resume_close(pi.resume);
	return status;
}
