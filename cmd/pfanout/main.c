/*
 * pfanout: spreads records over workers and gathers their answers; pfanout(1).
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arguments.h"
#include "base/clock.h"
#include "base/shortage.h"
#include "collector.h"
#include "gate.h"
#include "json/json.h"
#include "keyed.h"
#include "misnamed.h"
#include "pfanout.h"
#include "proc/child.h"
#include "proc/interpreter.h"
#include "script.h"
#include "sorter.h"
#include "stage/cli.h"
#include "stage/meter.h"
#include "stage/pipeline.h"
#include "stage/report.h"
#include "stage/retry.h"
#include "stage/samefile.h"
#include "stage/signals.h"
#include "stage/sink.h"
#include "stage/source.h"
#include "tray.h"
#include "unbuffered.h"
#include "usage.h"

/* pipes, pidfd, /proc file, eventfd, and one to spare */
#define FDS_PER_WORKER 7
/* How many buffers full of records may be held, so that -k can look ahead. */
#define AHEAD_BUFFERS 32
/* A batch is complete with so many bytes. */
#define BATCH_BYTES ((size_t)1 << 20)
/* Starts of a worker to get answers out of its buffer that need no mention. */
#define FLUSHES_FINE 4
/* Batches that are held for each worker: the next one is to be there. */
#define AHEAD_BATCHES 2

static unsigned
processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* 126 and 127 as the shell has them.  path: NULL if no file was found. */
static int __attribute__((noreturn))
command_failed(const char *command, const char *path, int error)
{
	char why[INTERPRETER_WHY_SIZE], line[STAGE_ERROR_SIZE];

	if (path != NULL || !misnamed_explain(command, line, sizeof(line)))
		snprintf(
		    line, sizeof(line), "%s: %s", command, interpreter_error(path, error, why));
	cli_say(line);
	exit(error == ENOENT ? 127 : error == EACCES || error == ENOEXEC ? 126 : 2);
}

static void
find_command(struct pfanout *pf)
{
	char why[INTERPRETER_WHY_SIZE];

	if (pf->mode == MODE_CHECK || pf->mode == MODE_SPREAD ||
	    (pf->arguments != NULL && arguments_names_command(pf->arguments)))
		return;
	if ((pf->path = child_find(pf->argv[0])) == NULL)
		command_failed(pf->argv[0], NULL, errno);
	if (interpreter_is_missing(pf->path, why))
		command_failed(pf->argv[0], pf->path, ENOENT);
	pf->start_path = pf->path;
	pf->start_argv = pf->argv;
	if (pf->unbuffered && !unbuffered_set_up(pf) && !pf->opt.quiet)
		cli_say("--unbuffered: stdbuf (GNU coreutils) is not installed, so that only "
			"Python is asked to write its answers at once");
}

/* Data that is put into a program text becomes code. */
static void
warn_of_code(const struct pfanout *pf)
{
	char line[REPORT_SIZE];
	struct script s;
	const char *data;
	size_t len;

	if (pf->mode != MODE_EXEC || pf->opt.quiet)
		return;
	for (size_t i = 1; pf->argv[i] != NULL; i++) {
		if (!script_is_text(pf->argv, i, &s))
			continue;
		if ((data = arguments_data(pf->arguments, i, &len)) != NULL)
			snprintf(line, sizeof(line),
			    "%s %s: %.*s becomes code, so a record can run commands; give it as an "
			    "argument: %s %s '... %s'%s %.*s",
			    s.interpreter, s.option, (int)len, data, s.interpreter, s.option,
			    s.argument, s.before, (int)len, data);
		else if (strstr(pf->argv[i], "${#}") != NULL)
			snprintf(line, sizeof(line),
			    "%s %s: in ${#} the {#} is replaced by the number of the %s; the "
			    "number of arguments is $#",
			    s.interpreter, s.option, pf->batch > 0 ? "batch" : "record");
		else if (pf->batch > 0 && strstr(pf->argv[i], "${n}") != NULL)
			snprintf(line, sizeof(line),
			    "%s %s: in ${n} the {n} is replaced by the size of the batch; the "
			    "value of n is $n",
			    s.interpreter, s.option);
		else
			continue;
		cli_say(line);
		return;
	}
}

static const char *
stage_name(const struct pfanout *pf)
{
	const char *base;

	if (pf->opt.name != NULL)
		return pf->opt.name;
	if (pf->mode == MODE_CHECK || pf->mode == MODE_SPREAD)
		return "pfanout";
	base = strrchr(pf->argv[0], '/');
	return base != NULL && base[1] != '\0' ? base + 1 : pf->argv[0];
}

/* Only where there is one can it stop a child. */
static bool
has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd != -1)
		close(fd);
	return fd != -1;
}

/* Without --batch a batch is one record. */
static struct batch_limits
batch_limits(const struct pfanout *pf)
{
	return (struct batch_limits){
	    .records = pf->batch > 0 ? pf->batch : 1, .bytes = BATCH_BYTES};
}

static enum statfile_mode
stage_mode(enum mode mode)
{
	static const enum statfile_mode modes[] = {[MODE_CHECK] = STAGE_CHECKS,
	    [MODE_MAP] = STAGE_MAPS,
	    [MODE_EXEC] = STAGE_EXECS,
	    [MODE_FILTER] = STAGE_FILTERS,
	    [MODE_SPREAD] = STAGE_SPREADS};

	return modes[mode];
}

/* What the stage is made of; what it may hold has room for the batches. */
static struct stage_setup
describe_stage(const struct pfanout *pf)
{
	size_t ahead = AHEAD_BUFFERS * (pf->opt.buffer > 0 ? pf->opt.buffer : 1);
	size_t bytes = STAGE_BYTES, batches = AHEAD_BATCHES * (size_t)pf->jobs;

	if (ahead < batches * batch_limits(pf).records)
		ahead = batches * batch_limits(pf).records;
	if (pf->batch > 0 && bytes < batches * BATCH_BYTES)
		bytes = batches * BATCH_BYTES;
	return (struct stage_setup){.tool = "pfanout",
	    .name = stage_name(pf),
	    .opt = &pf->opt,
	    .mode = stage_mode(pf->mode),
	    .workers = pf->jobs,
	    .shards = SHARD_WORKERS + pf->jobs + (pf->key != NULL ? 1 : 0),
	    .max_records = ahead,
	    .max_bytes = bytes,
	    .engines = pf->engine != NULL,
	    .keep_order = pf->keep_order};
}

/* The descriptors that the workers or the outputs need. */
static void
raise_limit(const struct pfanout *pf)
{
	size_t fds = pf->mode == MODE_CHECK ? 0
	    : pf->mode == MODE_SPREAD       ? spread_fds(&pf->spread)
					    : (size_t)pf->jobs * FDS_PER_WORKER;
	size_t most;

	/* A folder makes do with fewer. */
	if (child_raise_limit(fds, &most) == 0 || pf->spread.has_template)
		return;
	if (pf->mode == MODE_SPREAD)
		errx(2, "--to: %u outputs are too many for the limit of open files (ulimit -Hn)",
		    pf->spread.n);
	errx(2,
	    "-j %u: too many workers for the limit of open files: at most %zu here (ulimit -Hn)",
	    pf->jobs, most / FDS_PER_WORKER);
}

static void
check_files(const struct pfanout *pf)
{
	const struct samefile shared = {.role = "--shared", .path = pf->shared, .written = true};

	cli_check_files(&pf->opt, &shared, 1);
}

/* The bucket of --rate, before anything is read. */
static void
set_up_meter(struct pfanout *pf)
{
	char why[METER_WHY_SIZE];

	if (pf->rate.amount == 0)
		return;
	if ((pf->meter = meter_open(pf->shared, &pf->rate, false, cli_say, why)) == NULL)
		errx(2, "%s", why);
}

/* For the progress line: the rate, and where records are. */
static void
describe_rate(void *state, char *line, size_t size)
{
	struct pfanout *pf = state;
	const struct metrics *m = pf->stage.metrics;
	char limit[64];

	gate_describe(pf->gate, limit, sizeof(limit));
	snprintf(line, size, "%s, backlog %ju, in flight %ju", limit,
	    (uintmax_t)metrics_gauge(m, METRIC_QUEUED, METRIC_TAKEN),
	    (uintmax_t)metrics_gauge(m, METRIC_GIVEN, METRIC_ENDED));
}

static void
set_up_gate(struct pfanout *pf)
{
	struct stage *st = &pf->stage;
	struct gate_setup setup = {.stage = st,
	    .meter = pf->meter,
	    .shared = pf->shared,
	    .shard = metrics_shard(st->metrics, SHARD_RATE),
	    .jobs = pf->jobs};

	if (pf->meter == NULL)
		return;
	if ((pf->gate = gate_new(&setup)) == NULL)
		err(2, NULL);
	meter_watch(pf->meter, st);
	st->has_rate = true;
	st->state = pf;
	st->describe = describe_rate;
}

/* Whether what is written to standard output stays, or goes on. */
static bool
output_stays(void)
{
	struct stat st;

	return fstat(STDOUT_FILENO, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

static void
set_up(struct pfanout *pf)
{
	struct stage_setup setup;
	struct batch_limits limits = batch_limits(pf);
	struct lanes_rules lanes = {.hold = pf->attempts > 1, .ordered = pf->keep_order};
	struct stage *st = &pf->stage;

	if (pf->mode == MODE_SPREAD)
		pf->jobs = spread_threads(&pf->spread);
	setup = describe_stage(pf);
	raise_limit(pf);
	if (pf->mode == MODE_SPREAD)
		spread_check(&pf->spread, &pf->opt);
	else
		check_files(pf);
	pf->opt.dead_how.say = cli_say;
	set_up_meter(pf);
	if (stage_init(st, &setup) == -1)
		errx(2, "%s", st->error);
	st->max_failed = pf->max_failed;
	st->share.most = pf->max_share;
	st->max_share = pf->share_text;
	st->has_filters = pf->mode == MODE_FILTER;
	set_up_gate(pf);
	if (pf->engine != NULL)
		pf->engine_link = link_open_engine(st->links, LINK_OUT, pf->engine);
	st->keeps_no_letters = pf->engine != NULL && !output_stays();
	demand_init(&pf->demand);
	pf->has_terminal = has_terminal();
	st->pipe_ignored = signals_ignored(SIGPIPE);
	if (pf->mode == MODE_EXEC &&
	    (pf->collector = collector_new(&limits, pf->batch_wait, pf->batch > 0)) == NULL)
		err(2, NULL);
	if (pf->key != NULL && (pf->keyed = keyed_new(pf->jobs, &lanes)) == NULL)
		err(2, NULL);
	if ((pf->mode == MODE_MAP || pf->mode == MODE_FILTER) && pf->key == NULL &&
	    (pf->tray = tray_new()) == NULL)
		err(2, NULL);
	if (pf->mode == MODE_SPREAD)
		spread_open(&pf->spread, st, SHARD_WORKERS);
}

static struct processor
workers(struct pfanout *pf)
{
	switch (pf->mode) {
	case MODE_MAP:
		return map_processor(pf);
	case MODE_EXEC:
		return exec_processor(pf);
	case MODE_FILTER:
		return filter_processor(pf);
	case MODE_SPREAD:
		return spread_processor(&pf->spread);
	default:
		return check_processor(pf);
	}
}

/*
 * How many records may go on together.  Where they take long, a smaller run
 * leaves something for the other workers.
 */
static size_t
run_size(const struct pfanout *pf)
{
	if (pf->key != NULL)
		return 0;
	return pf->mode == MODE_CHECK ? SOURCE_RUN : pf->tray != NULL ? TRAY_RECORDS : 0;
}

/* Runs the pipeline to its end.  Returns the signal that stopped it, or 0. */
static int
run(struct pfanout *pf)
{
	struct stage *st = &pf->stage;
	struct source source = {.stage = st, .shard = SHARD_SOURCE, .runs = run_size(pf)};
	struct sink sink = {.stage = st,
	    .shard = metrics_shard(st->metrics, SHARD_SINK),
	    .fd = STDOUT_FILENO,
	    .others = pf->mode == MODE_SPREAD ? &pf->spread.marks : NULL};
	struct processor procs[] = {source_processor(&source), workers(pf), sink_processor(&sink)};
	struct sorting sorting = {.pf = pf, .workers = procs[1]};
	bool started;
	int sig;

	if (pf->keyed != NULL)
		procs[1] = sorter_processor(&sorting);
	if (pf->mode == MODE_MAP || pf->mode == MODE_EXEC)
		if ((pf->retry = retry_start(st, metrics_shard(st->metrics, SHARD_RETRY))) == NULL)
			errx(2, "cannot create a thread: %s", shortage_text(errno));
	started = cli_run(st, procs, 3, &sig) == 0;
	retry_join(pf->retry);
	if (!started && procs[1].error != 0 && pf->path != NULL)
		command_failed(pf->argv[0], pf->path, procs[1].error);
	if (!started)
		errx(2, "%s", st->error);
	return sig;
}

/* Why the workers were started so often, and what to do about it. */
static void
tell_flushes(const struct pfanout *pf)
{
	uint64_t flushes = atomic_load(&pf->flushes);
	char line[REPORT_SIZE];

	if (pf->opt.quiet || pf->stage.hung_up || flushes < FLUSHES_FINE * (uint64_t)pf->jobs)
		return;
	snprintf(line, sizeof(line),
	    "%u worker%s started %" PRIu64 " times, because only the end of its input gets answers "
	    "out of the command's buffer; %s",
	    pf->jobs, pf->jobs == 1 ? " was" : "s were",
	    metrics_get(pf->stage.metrics, METRIC_STARTS),
	    hint_for_buffering(pf->argv[0], pf->unbuffered));
	cli_say(line);
}

int
main(int argc, char **argv)
{
	struct pfanout pf = {.processors = processors()};
	int sig;

	cli_begin();
	usage_parse(&pf, argc, argv);
	find_command(&pf);
	warn_of_code(&pf);
	set_up(&pf);
	sig = run(&pf);
	if (!health_has_answered(&pf.health))
		stage_hint(&pf.stage, atomic_load(&pf.rubbish));
	collector_free(pf.collector);
	gate_free(pf.gate);
	meter_free(pf.meter);
	arguments_free(pf.arguments);
	keyed_free(pf.keyed);
	tray_free(pf.tray);
	json_path_free(pf.match);
	json_path_free(pf.key);
	demand_destroy(&pf.demand);
	unbuffered_free(&pf);
	free(pf.path);
	spread_close(&pf.spread);
	tell_flushes(&pf);
	return cli_end(&pf.stage, sig);
}
