/* A stage that only counts. */

#include <err.h>
#include <signal.h>
#include <unistd.h>

#include "commands.h"
#include "stage/cli.h"
#include "stage/options.h"
#include "stage/pipeline.h"
#include "stage/signals.h"
#include "stage/sink.h"
#include "stage/source.h"
#include "stage/stage.h"
#include "usage.h"

enum { SHARD_SINK, SHARD_SOURCE, SHARDS };

static void
set_up(struct stage *st, struct options *opt)
{
	opt->raw = true; /* nothing looks into the lines */
	cli_check_files(opt, NULL, 0);
	if (stage_init(st,
		&(struct stage_setup){.tool = "pmetrics",
		    .name = opt->name != NULL ? opt->name : "pmetrics",
		    .opt = opt,
		    .mode = STAGE_PASSES,
		    .workers = 1,
		    .shards = SHARDS,
		    .max_records = stage_max_records(opt)}) == -1)
		errx(2, "%s", st->error);
	st->pipe_ignored = signals_ignored(SIGPIPE);
}

/* At a terminal, pmetrics alone is rather a question than a stage. */
static void
say_what_else(const struct options *opt)
{
	if (!opt->quiet && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		warnx("copies what is typed, until Ctrl-D; `pmetrics top' shows the pipelines that "
		      "run");
}

int
tap_command(int argc, char **argv)
{
	const struct option_row rows[] = {
	    OPTION_HELP("raw", "records are plain lines (changes nothing here)"),
	    {0},
	};
	const struct options_tool tool = {.name = "pmetrics",
	    .usage = usage_usage,
	    .about = usage_about,
	    .rows = rows,
	    .commands = usage_commands,
	    .habits = usage_habits};
	struct options opt = {0};
	struct stage st;
	int sig;

	cli_begin();
	(void)cli_parse(&opt, argc, argv, &tool);
	set_up(&st, &opt);
	say_what_else(&opt);

	struct source source = {
	    .stage = &st, .shard = SHARD_SOURCE, .keeps_retries = true, .checks = true};
	struct sink sink = {.stage = &st,
	    .shard = metrics_shard(st.metrics, SHARD_SINK),
	    .fd = STDOUT_FILENO,
	    .takes = true};
	struct processor procs[] = {source_processor(&source), sink_processor(&sink)};

	if (cli_run(&st, procs, 2, &sig) == -1)
		errx(2, "%s", st.error);
	return cli_end(&st, sig);
}
