/* pratelimit: lets records through at a rate; pratelimit(1). */

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "json/json.h"
#include "stage/cli.h"
#include "stage/meter.h"
#include "stage/pipeline.h"
#include "stage/samefile.h"
#include "stage/signals.h"
#include "stage/sink.h"
#include "stage/source.h"

#include "limiter.h"
#include "ratefile.h"
#include "usage.h"

enum { SHARD_SOURCE, SHARD_SINK, SHARD_LIMIT, SHARDS };

/* SIGHUP: reads the rate file again. */
static void
reload_rate(void *state, char *line, size_t size)
{
	struct pratelimit *pr = state;
	char text[UNITS_RATE_SIZE], why[512];
	struct rate old, next;

	if (meter_rate(pr->meter, &old) == 0)
		return;
	next = old;
	units_format_rate(old.amount, old.per, pr->bytes, text);
	if (ratefile_read(pr->rate_file, pr->bytes, &next, why, sizeof(why)) == -1) {
		snprintf(line, size, "rate file %s; the rate is still %s", why, text);
		return;
	}
	if (next.amount == old.amount && next.per == old.per)
		return;
	if (meter_change(pr->meter, &next) == -1) {
		snprintf(line, size, "%s: %m; the rate is still %s", pr->shared, text);
		return;
	}
	units_format_rate(next.amount, next.per, pr->bytes, text);
	if (!pr->opt.quiet)
		snprintf(line, size, "the rate is %s now", text);
}

/* For the progress line: where records are. */
static void
describe_limit(void *state, char *line, size_t size)
{
	struct pratelimit *pr = state;
	struct stage *st = &pr->stage;
	char text[UNITS_RATE_SIZE] = "?";
	struct rate r;

	if (meter_rate(pr->meter, &r) != 0)
		units_format_rate(r.amount, r.per, pr->bytes, text);
	snprintf(line, size, "limit %s, waiting %ju, buffer %zu", text,
	    (uintmax_t)metrics_gauge(st->metrics, METRIC_QUEUED, METRIC_TAKEN),
	    stage_max_records(&pr->opt));
}

static void
check_files(const struct pratelimit *pr)
{
	const struct samefile files[] = {
	    {.role = "--shared", .path = pr->shared, .written = true},
	    {.role = "--rate-file", .path = pr->rate_file},
	};

	cli_check_files(&pr->opt, files, 2);
}

static void
set_up_limit(struct pratelimit *pr)
{
	struct options *opt = &pr->opt;
	struct stage *st = &pr->stage;
	const char *name = opt->name != NULL ? opt->name : "pratelimit";
	char why[METER_WHY_SIZE];

	opt->dead_how.say = cli_say;
	check_files(pr);
	if ((pr->meter = meter_open(pr->shared, &pr->rate, pr->bytes, cli_say, why)) == NULL)
		errx(2, "%s", why);
	if (stage_init(st,
		&(struct stage_setup){.tool = "pratelimit",
		    .name = name,
		    .opt = opt,
		    .mode = STAGE_LIMITS,
		    .workers = 1,
		    .shards = SHARDS,
		    .max_records = stage_max_records(opt)}) == -1)
		errx(2, "%s", st->error);
	st->pipe_ignored = signals_ignored(SIGPIPE);
	meter_watch(pr->meter, st);
	st->has_rate = true;
	st->state = pr;
	st->describe = describe_limit;
	if (pr->rate_file != NULL)
		st->reload = reload_rate;
	pr->shard = metrics_shard(st->metrics, SHARD_LIMIT);
}

/* Runs the pipeline to its end.  Returns the signal that stopped it, or 0. */
static int
run_limit(struct pratelimit *pr)
{
	struct stage *st = &pr->stage;
	struct source source = {.stage = st,
	    .shard = SHARD_SOURCE,
	    .keeps_retries = true,
	    .runs = pr->key == NULL ? SOURCE_RUN : 0};
	struct sink sink = {
	    .stage = st, .shard = metrics_shard(st->metrics, SHARD_SINK), .fd = STDOUT_FILENO};
	struct processor procs[] = {
	    source_processor(&source), limiter_processor(pr), sink_processor(&sink)};
	int sig;

	if (cli_run(st, procs, 3, &sig) == -1)
		errx(2, "%s", st->error);
	return sig;
}

int
main(int argc, char **argv)
{
	struct pratelimit pr;
	int sig;

	cli_begin();
	usage_parse(&pr, argc, argv);
	set_up_limit(&pr);
	sig = run_limit(&pr);
	meter_free(pr.meter);
	json_path_free(pr.key);
	return cli_end(&pr.stage, sig);
}
