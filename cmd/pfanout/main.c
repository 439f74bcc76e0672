/* pfanout: spreads records over workers and gathers their answers; pfanout(1). */

#include <err.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "fan.h"
#include "json.h"
#include "monitor.h"
#include "pipe.h"
#include "retry.h"
#include "sink.h"
#include "source.h"
#include "template.h"
#include "tool.h"
#include "usage.h"

#define FDS_PER_WORKER 7  /* pipes, pidfd, /proc file, eventfd, and one to spare */
#define WINDOW_RECORDS 32 /* how many buffers -k may look ahead */

static unsigned
processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* 126 and 127 as the shell has them. */
static int __attribute__((noreturn)) command_failed(const char *command, int error)
{
	errno = error;
	err(error == ENOENT ? 127 : error == EACCES || error == ENOEXEC ? 126 : 2, "%s", command);
}

static void
find_command(struct fan *fan)
{
	if (fan->mode == MODE_CHECK ||
	    (fan->template != NULL && template_names_command(fan->template)))
		return;
	if ((fan->path = child_find(fan->argv[0])) == NULL)
		command_failed(fan->argv[0], errno);
}

static const char *
stage_name(const struct fan *fan)
{
	const char *base;

	if (fan->opt.name != NULL)
		return fan->opt.name;
	if (fan->mode == MODE_CHECK)
		return "pfanout";
	base = strrchr(fan->argv[0], '/');
	return base != NULL && base[1] != '\0' ? base + 1 : fan->argv[0];
}

static void
set_up(struct fan *fan)
{
	size_t ahead = WINDOW_RECORDS * (fan->opt.buffer > 0 ? fan->opt.buffer : 1), most;
	struct stage *st = &fan->stage;

	if (ahead < 2 * (size_t)fan->jobs)
		ahead = 2 * (size_t)fan->jobs;
	if (child_raise_limit(
		fan->mode == MODE_CHECK ? 0 : (size_t)fan->jobs * FDS_PER_WORKER, &most) == -1)
		errx(2,
		    "-j %u: too many workers for the limit of open files: at most %zu here (ulimit "
		    "-Hn)",
		    fan->jobs, most / FDS_PER_WORKER);
	fan->opt.dead_how.say = tool_say;
	if (stage_init(st, "pfanout", stage_name(fan), &fan->opt, fan->jobs,
		SHARD_WORKERS + fan->jobs, ahead) == -1)
		errx(2, "%s", st->error);
	st->gate.ordered = fan->keep_order;
	st->max_failed = fan->max_failed;
	st->pipe_ignored = signals_ignored(SIGPIPE);
}

static struct processor
workers(struct fan *fan)
{
	switch (fan->mode) {
	case MODE_MAP:
		return map_processor(fan);
	case MODE_EXEC:
		return exec_processor(fan);
	case MODE_FILTER:
		return filter_processor(fan);
	default:
		return check_processor(fan);
	}
}

/* Runs the pipe to its end.  Returns the signal that stopped it, or 0. */
static int
run(struct fan *fan)
{
	struct stage *st = &fan->stage;
	struct source source = {
	    .stage = st, .shard = stat_shard(st->stat, SHARD_SOURCE), .fd = STDIN_FILENO};
	struct sink sink = {st, stat_shard(st->stat, SHARD_SINK), STDOUT_FILENO};
	struct processor procs[] = {source_processor(&source), workers(fan), sink_processor(&sink)};
	int sig;

	if (fan->mode == MODE_MAP || fan->mode == MODE_EXEC)
		if ((fan->retry = retry_start(st, stat_shard(st->stat, SHARD_RETRY))) == NULL)
			err(2, "can't start");
	if (tool_run(st, procs, 3, &sig) == -1) {
		if (fan->path != NULL)
			command_failed(fan->argv[0], errno);
		err(2, "can't start");
	}
	retry_join(fan->retry);
	return sig;
}

int
main(int argc, char **argv)
{
	struct fan fan = {.processors = processors()};
	int sig;

	tool_begin();
	usage_parse(&fan, argc, argv);
	find_command(&fan);
	set_up(&fan);
	sig = run(&fan);
	template_free(fan.template);
	json_path_free(fan.match);
	free(fan.path);
	return tool_end(&fan.stage, sig);
}
