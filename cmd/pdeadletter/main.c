/* pdeadletter: takes dead letters out of a stream; pdeadletter(1). */

#include <err.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc/child.h"
#include "stage/cli.h"
#include "stage/options.h"
#include "stage/pipeline.h"
#include "stage/samefile.h"
#include "stage/signals.h"
#include "stage/sink.h"
#include "stage/source.h"
#include "stage/stage.h"

#include "files.h"
#include "job.h"
#include "usage.h"

#define MANY_FILES 1000 /* that may be open: more than the usual limit */

enum { SHARD_SOURCE, SHARD_SINK, SHARD_SPLIT, SHARDS };

struct splitter {
	struct stage *stage;
	struct metrics_shard *shard;
};

/* Passes a record on as it is; one that is too long has failed. */
static void
split_record(void *state, struct record *r)
{
	struct splitter *s = state;

	metrics_add(s->shard, METRIC_TAKEN, 1);
	if (r->kind == RECORD_DATA)
		stage_check(s->stage, r);
}

/* The same of the first records of a run. */
static uint64_t
split_run(void *state, const struct record *run, size_t *bytes)
{
	struct splitter *s = state;
	uint64_t n = stage_check_run(s->stage, run, bytes);

	metrics_add(s->shard, METRIC_TAKEN, n);
	return n;
}

static int
split_open(struct processor *p, unsigned worker, void **state)
{
	(void)worker;
	*state = p->arg;
	return 0;
}

/* Runs the pipeline to its end.  Returns the signal that stopped it, or 0. */
static int
run_split(struct stage *st)
{
	struct source source = {
	    .stage = st, .shard = SHARD_SOURCE, .keeps_retries = true, .runs = SOURCE_RUN};
	struct sink sink = {
	    .stage = st, .shard = metrics_shard(st->metrics, SHARD_SINK), .fd = STDOUT_FILENO};
	struct splitter splitter = {st, metrics_shard(st->metrics, SHARD_SPLIT)};
	struct processor procs[] = {source_processor(&source),
	    {.name = "split",
		.workers = 1,
		.arg = &splitter,
		.open = split_open,
		.process = split_record,
		.pass = split_run},
	    sink_processor(&sink)};
	int sig;

	if (cli_run(st, procs, 3, &sig) == -1)
		errx(2, "%s", st->error);
	return sig;
}

static void
set_up_split(struct stage *st, struct options *opt)
{
	const char *name = opt->name != NULL ? opt->name : "pdeadletter";

	opt->raw = true; /* nothing looks into the lines */
	opt->dead_how.say = cli_say;
	cli_check_files(opt, NULL, 0);
	if (stage_init(st,
		&(struct stage_setup){.tool = "pdeadletter",
		    .name = name,
		    .opt = opt,
		    .mode = STAGE_PASSES,
		    .workers = 1,
		    .shards = SHARDS,
		    .max_records = stage_max_records(opt)}) == -1)
		errx(2, "%s", st->error);
	if (st->dead == NULL && (st->dead = deadfile_on(STDERR_FILENO, "standard error")) == NULL)
		err(2, "standard error");
	st->collects = true;
	st->pipe_ignored = signals_ignored(SIGPIPE);
}

/* What is printed must not go into one of the files, or over a cursor. */
static void
check_output(const struct job *job)
{
	struct samefile files[2] = {
	    {.role = "standard output", .fd = STDOUT_FILENO, .written = true}};
	char error[PATH_MAX + 256];

	for (char **file = job->files; *file != NULL; file++) {
		bool in = strcmp(*file, "-") == 0;

		files[1] = (struct samefile){.role = in ? "standard input" : "dead-letter file",
		    .path = in ? NULL : *file,
		    .fd = STDIN_FILENO,
		    .series = !in};
		if (samefile_check(files, 2, error, sizeof(error)) == -1)
			errx(2, "%s", error);
	}
}

/* Runs a command on files: list, show, replay ... */
static int
run_job(const struct options_command *command, int argc, char **argv)
{
	struct job job;
	int (*run)(struct job *) = usage_parse_job(&job, command, argc, argv);
	size_t most;
	int status;

	cli_check_descriptors();
	/*
	 * Beyond the limit of a file's size a write fails, as on a full disk.
	 */
	signal(SIGXFSZ, SIG_IGN);
	/* A file and its rotated ones are all open at a time. */
	(void)child_raise_limit(MANY_FILES, &most);
	check_output(&job);
	status = run(&job);
	if (ferror(stdout) || fflush(stdout) == EOF)
		err(2, "standard output");
	files_free(job.files);
	free(job.select.reasons.name);
	free(job.select.stages.name);
	free(job.select.ids.name);
	return status;
}

int
main(int argc, char **argv)
{
	const struct options_command *command = usage_command(&argc, &argv);
	struct options opt;
	struct stage stage;
	int sig;

	if (command != NULL)
		return run_job(command, argc, argv);
	cli_begin();
	usage_parse(&opt, argc, argv);
	set_up_split(&stage, &opt);
	sig = run_split(&stage);
	return cli_end(&stage, sig);
}
