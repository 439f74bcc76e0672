#include "pmetrics/verdict.h"
#include "pmetrics/wording.h"

#include <math.h>
#include <string.h>

#include "t.h"

#define PARTS 8
#define EDGES 10

/* What a table says of a part; what is not said is 0. */
struct row {
	enum part_kind kind;
	const char *name;
	bool pool;
	double input, output, own, rate, busy; /* in hundredths */
	unsigned workers;
	bool execs;
	double in, results, restarts, held, before, oldest, limit, cpu, mean;
	bool ended;
	enum statfile_exit how;
};

/* out and in: of an edge whose waits are not those of its parts. */
struct link {
	int from, to;
	bool own;
	double out, in;
};

struct scene {
	const char *what;
	struct row part[PARTS];
	struct link edge[EDGES]; /* ends with one from 0 to 0 */
	double idle, seconds;    /* 0: 0.9, 10 */
	enum verdict_kind kind;
	int named; /* -1: any */
	bool mostly;
	const char *text;
};

#define NAMED(n) .kind = PART_STAGE, .name = n
#define STEADY(n) NAMED(n), .results = 400, .held = 1000, .before = 1000
#define WAITS(i, o, w) .input = i, .output = o, .own = w
#define WORKERS(u) .pool = true, .busy = u, .workers = 8
#define POOL(n, i, o, w, u) STEADY(n), WAITS(i, o, w), WORKERS(u)
#define STAGE(n, i, o, w) STEADY(n), WAITS(i, o, w)
#define LIMITER(n, i, o, w, r) STEADY(n), WAITS(i, o, w), .rate = r
#define PROGRAM(n, c) .kind = PART_PROGRAM, .name = n, .cpu = c
#define OTHER(k, n) .kind = k, .name = n, .cpu = NAN
#define TO(a, b)                   \
	{                          \
		.from = a, .to = b \
	}
#define LINK(a, b, o, i)                                           \
	{                                                          \
		.from = a, .to = b, .own = true, .out = o, .in = i \
	}

static const struct look_stage execs = {.header.mode = STAGE_EXECS};

static const struct scene scenes[] = {
    {"an engine at the end that is slow",
	{{OTHER(PART_ENGINE, "kafka a/in")}, {STAGE("in", 3, 93, 95)}, {POOL("sink", 0, 1, 96, 98)},
	    {OTHER(PART_ENGINE, "kafka b/out")}},
	{TO(0, 1), TO(1, 2), LINK(2, 3, 98, NAN)}, 0.41, 10, VERDICT_PROGRAM, 3, false,
	"kafka b/out is the bottleneck. sink waits for it 98%."},
    {"an engine that takes all that comes, and is never without",
	{{OTHER(PART_ENGINE, "kafka a/in")}, {STAGE("in", 97, 0, 0)},
	    {POOL("sink", 96, 0, 0, 98), .in = 400}, {OTHER(PART_ENGINE, "kafka b/out")}},
	{TO(0, 1), TO(1, 2), LINK(2, 3, 98, NAN)}, 0.41, 10, VERDICT_KEEPS_UP, 0, false,
	"the pipeline keeps up: it waits for kafka a/in."},
    {"an engine that is sent no more than the rate",
	{{PROGRAM("gen", 0.1)}, {POOL("sink", 1, 0, 98, 98), .rate = 97, .limit = 200},
	    {OTHER(PART_ENGINE, "kafka b/out")}},
	{TO(0, 1), LINK(1, 2, 98, NAN)}, 0.41, 10, VERDICT_RATE, 1, false, NULL},
    {"a pool, in the middle",
	{{PROGRAM("cat x", 0.1)}, {STAGE("merge", 2, 93, 95)}, {LIMITER("pace", 3, 92, 97, 1)},
	    {POOL("enrich", 0, 1, 96, 100), .mean = 0.0194}, {STAGE("dead", 97, 0, 0)}},
	{TO(0, 1), TO(1, 2), TO(2, 3), TO(3, 4)}, 0.41, 10, VERDICT_POOL, 3, false,
	"enrich is the bottleneck: 8 of 8 workers busy, 19.4 ms a record, 400/s at most. "
	"CPUs 41% idle: more workers would help (-j 13). pace waits for it 92%."},
    {"a pool, full processors", {{PROGRAM("cat x", 0.1)}, {POOL("enrich", 0, 1, 96, 98)}},
	{TO(0, 1)}, 0.02, 10, VERDICT_POOL, 1, false,
	"enrich is the bottleneck: 8 of 8 workers busy, 408/s at most. The CPUs are full."},
    {"a pool, few idle processors", {{PROGRAM("cat x", 0.1)}, {POOL("enrich", 0, 1, 96, 98)}},
	{TO(0, 1)}, 0.12, 10, VERDICT_POOL, 1, false,
	"enrich is the bottleneck: 8 of 8 workers busy, 408/s at most. The CPUs are 88% busy."},
    {"a pool at the head", {{POOL("enrich", 1, 0, 90, 99)}, {STAGE("tap", 98, 0, 0)}}, {TO(0, 1)},
	0, 0, VERDICT_POOL, 0, false, NULL},
    {"a pool at the end, buffers before it fill",
	{{STAGE("a", 0, 60, 99)}, {POOL("b", 0, 55, 98, 100)}, {POOL("c", 0, 0, 99, 100)}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_POOL, 2, false, NULL},
    {"a stage that works",
	{{STAGE("a", 0, 90, 99)}, {STAGE("b", 5, 6, 60)}, {STAGE("c", 95, 0, 0)}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_WORK, 1, false,
	"b is the bottleneck: its own work takes all the time, at 400/s. a waits for it 90%."},
    {"a stage that works, or would: the processors are full",
	{{STAGE("a", 0, 90, 99)}, {STAGE("b", 5, 6, 60)}, {STAGE("c", 95, 0, 0)}},
	{TO(0, 1), TO(1, 2)}, 0.01, 0, VERDICT_WORK, 1, true,
	"b is mostly the bottleneck: its own work takes all the time, at 400/s. "
	"The CPUs are full. a waits for it 90%."},
    {"mostly", {{STAGE("a", 0, 60, 60)}, {STAGE("b", 20, 18, 20)}, {STAGE("c", 95, 0, 0)}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_WORK, 1, true,
	"b is mostly the bottleneck: its own work takes all the time, at 400/s. a waits for it "
	"60%."},
    {"balanced", {{STAGE("a", 40, 30, 40)}, {POOL("b", 30, 30, 50, 80)}, {STAGE("c", 60, 0, 0)}},
	{TO(0, 1), TO(1, 2)}, 0.02, 0, VERDICT_BALANCED, -1, false,
	"balanced: no part holds up the others. The CPUs are full."},
    {"rate limiter, a busy pool behind it",
	{{PROGRAM("gen", 0.1)}, {LIMITER("pace", 1, 0, 98, 97), .limit = 200},
	    {POOL("enrich", 90, 0, 0, 60)}},
	{TO(0, 1), TO(1, 2)}, 0.01, 0, VERDICT_RATE, 1, false,
	"pace holds the pipeline to its rate of 200/s, on purpose."},
    {"rate limiter, a pool behind it that is busy, and keeps up",
	{{PROGRAM("gen", 0.1)}, {LIMITER("pace", 1, 0, 98, 97), .limit = 400},
	    {POOL("enrich", 99, 0, 0, 99), .in = 410}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_RATE, 1, false,
	"pace holds the pipeline to its rate of 400/s, on purpose."},
    {"rate limiter, so slow that nothing was read in the window",
	{{PROGRAM("gen", 0.1)}, {NAMED("a"), WAITS(0, 99, 99), .held = 2000, .before = 2000},
	    {NAMED("pace"), WAITS(0, 0, 99), .rate = 99, .results = 23, .limit = 23, .held = 2000,
		.before = 2200}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_RATE, 2, false,
	"pace holds the pipeline to its rate of 23/s, on purpose."},
    {"rate limiter behind a pool, and its buffers fill",
	{{PROGRAM("gen", 0.1)}, {POOL("enrich", 0, 0, 99, 99)},
	    {LIMITER("pace", 99, 0, 0, 75), .in = 500, .limit = 350}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_RATE, 2, false,
	"pace holds the pipeline to its rate of 350/s, on purpose."},
    {"rate limiter behind a pool that is slower",
	{{PROGRAM("gen", 0.1)}, {POOL("enrich", 0, 0, 99, 99)},
	    {LIMITER("pace", 99, 0, 0, 90), .limit = 410}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_POOL, 1, false, NULL},
    {"rate limiter, a pool behind it that falls behind",
	{{PROGRAM("gen", 0.1)}, {LIMITER("pace", 1, 0, 98, 97), .limit = 500},
	    {POOL("enrich", 99, 0, 0, 99), .in = 500}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_POOL, 2, false, NULL},
    {"a pool with a rate, and more workers than it needs",
	{{PROGRAM("cat x", 0.1)}, {POOL("call", 0, 0, 98, 30), .rate = 95, .limit = 50}},
	{TO(0, 1)}, 0.6, 0, VERDICT_RATE, 1, false,
	"call holds the pipeline to its rate of 50/s, on purpose."},
    {"a pool with a rate, and just the workers that it needs",
	{{PROGRAM("cat x", 0.1)}, {POOL("call", 0, 0, 98, 90), .rate = 60, .limit = 50}},
	{TO(0, 1)}, 0.6, 0, VERDICT_RATE, 1, false,
	"call holds the pipeline to its rate of 50/s, on purpose."},
    {"a pool with a rate, and its buffers fill",
	{{PROGRAM("cat x", 0.1)},
	    {POOL("call", 99, 0, 0, 30), .rate = 75, .in = 500, .limit = 350}},
	{TO(0, 1)}, 0, 0, VERDICT_RATE, 1, false,
	"call holds the pipeline to its rate of 350/s, on purpose."},
    {"a pool with a rate that it keeps up with",
	{{PROGRAM("tail -F x", 0)}, {POOL("call", 98, 0, 0, 60), .rate = 55, .in = 400}},
	{TO(0, 1)}, 0, 0, VERDICT_KEEPS_UP, 0, false, NULL},
    {"a pool with a rate that its workers are too slow for",
	{{PROGRAM("cat x", 0.1)}, {POOL("call", 0, 0, 98, 99), .rate = 5, .limit = 500}},
	{TO(0, 1)}, 0.41, 0, VERDICT_POOL, 1, false, NULL},
    {"a pool that is busy, and keeps up with a slow source",
	{{PROGRAM("tail -F x", 0)}, {POOL("enrich", 98, 0, 0, 95), .in = 390}}, {TO(0, 1)}, 0, 0,
	VERDICT_KEEPS_UP, 0, false, NULL},
    {"slow source", {{PROGRAM("tail -F x", 0)}, {STAGE("a", 96, 0, 0)}, {POOL("b", 95, 0, 0, 10)}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_KEEPS_UP, 0, false,
	"the pipeline keeps up: it waits for `tail -F x`."},
    {"source that can't be seen", {{OTHER(PART_UNSEEN, "another program")}, {STAGE("a", 96, 0, 0)}},
	{TO(0, 1)}, 0, 0, VERDICT_KEEPS_UP, 0, false,
	"the pipeline keeps up: it waits for another program."},
    {"file that is followed", {{OTHER(PART_FILE, "x.log")}, {STAGE("a", 100, 0, 0)}}, {TO(0, 1)}, 0,
	0, VERDICT_KEEPS_UP, 0, false, "the pipeline keeps up: it waits for x.log."},
    {"source that works", {{PROGRAM("zcat x", 0.98)}, {STAGE("a", 90, 0, 0)}}, {TO(0, 1)}, 0, 0,
	VERDICT_PROGRAM, 0, false,
	"zcat x (not pchan) is the bottleneck. It uses 98% of a CPU. a waits for it 90%."},
    {"source of two programs, the second works",
	{{PROGRAM("tail -F x", 0)}, {PROGRAM("jq .", 0.9)}, {STAGE("a", 90, 0, 0)}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_PROGRAM, 1, false,
	"jq . (not pchan) is the bottleneck. It uses 90% of a CPU. a waits for it 90%."},
    {"source of two programs",
	{{PROGRAM("tail -F x", 0)}, {PROGRAM("jq .", 0.1)}, {STAGE("a", 90, 0, 0)}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_KEEPS_UP, 0, false,
	"the pipeline keeps up: it waits for `tail -F x`."},
    {"jq in the middle",
	{{PROGRAM("cat", 0)}, {STAGE("a", 0, 95, 95)}, {PROGRAM("jq .", 0.3)},
	    {STAGE("b", 93, 0, 0)}},
	{TO(0, 1), TO(1, 2), TO(2, 3)}, 0, 0, VERDICT_PROGRAM, 2, false,
	"jq . (not pchan) is the bottleneck. a waits for it 95%."},
    {"jq in the middle does not hold up",
	{{STAGE("a", 0, 95, 95)}, {PROGRAM("jq .", 0)}, {POOL("b", 5, 0, 95, 99)}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_POOL, 2, false, NULL},
    {"two programs in the middle",
	{{STAGE("a", 0, 95, 95)}, {PROGRAM("jq .", 0.1)}, {PROGRAM("pv -L 10k", 0)},
	    {STAGE("b", 94, 0, 0)}},
	{TO(0, 1), TO(1, 2), TO(2, 3)}, 0, 0, VERDICT_PROGRAM, 1, false,
	"jq . or pv -L 10k (not pchan) is the bottleneck. a waits for it 95%."},
    {"gzip at the end",
	{{STAGE("a", 0, 97, 97)}, {STAGE("dead", 0, 72, 90)}, {PROGRAM("gzip -9", 0.6)}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_PROGRAM, 2, false,
	"gzip -9 (not pchan) is the bottleneck. It uses 60% of a CPU. dead waits for it 72%."},
    {"hung sink", {{POOL("a", 0, 100, 100, 0)}, {STAGE("b", 0, 100, 100)}, {PROGRAM("less", 0)}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_PROGRAM, 2, false,
	"less (not pchan) is the bottleneck. b waits for it 100%."},
    {"slow file", {{STAGE("a", 0, 100, 100)}, {OTHER(PART_FILE, "out")}}, {TO(0, 1)}, 0, 0,
	VERDICT_PROGRAM, 1, false, "out is the bottleneck. a waits for it 100%."},
    {"tee, one slow branch",
	{{STAGE("a", 0, 95, 95)}, {PROGRAM("tee", 0)}, {STAGE("b", 95, 0, 0)},
	    {POOL("c", 2, 0, 98, 99)}, {STAGE("d", 96, 0, 0)}},
	{TO(0, 1), TO(1, 2), TO(1, 3), TO(3, 4)}, 0, 0, VERDICT_POOL, 3, false, NULL},
    {"diamond, one slow branch; the links tell",
	{{STAGE("split", 0, 95, 95)}, {POOL("a", 96, 0, 0, 3)}, {POOL("b", 0, 0, 98, 97)},
	    {STAGE("merge", 90, 0, 0)}},
	{LINK(0, 1, 1, 96), LINK(0, 2, 95, 0), LINK(1, 3, 0, 20), LINK(2, 3, 0, 90)}, 0, 0,
	VERDICT_POOL, 2, false, NULL},
    {"two slow branches",
	{{STAGE("split", 0, 95, 95)}, {POOL("a", 0, 0, 95, 96)}, {POOL("b", 0, 0, 98, 97)},
	    {STAGE("merge", 90, 0, 0)}},
	{TO(0, 1), TO(0, 2), TO(1, 3), TO(2, 3)}, 0.01, 0, VERDICT_POOL, 2, false,
	"b is the bottleneck: 8 of 8 workers busy, 412/s at most. The CPUs are full. "
	"a holds up another branch. split waits for it 95%."},
    {"merge waits for one quiet input",
	{{PROGRAM("gen", 0.2)}, {PROGRAM("tail -F y", 0)}, {STAGE("a", 1, 95, 97)},
	    {STAGE("merge", 97, 0, 0)}},
	{TO(0, 2), LINK(2, 3, 95, 1), LINK(1, 3, NAN, 97)}, 0, 0, VERDICT_KEEPS_UP, 1, false,
	"the pipeline keeps up: it waits for `tail -F y`."},
    {"a busy branch beside a quiet source",
	{{PROGRAM("gen", 0.2)}, {PROGRAM("tail -F y", 0)}, {POOL("a", 1, 0, 97, 95)},
	    {STAGE("merge", 97, 0, 0)}},
	{TO(0, 2), LINK(2, 3, 0, 97), LINK(1, 3, NAN, 97)}, 0.1, 0, VERDICT_POOL, 2, false, NULL},
    {"a slow record at the head of -k",
	{{PROGRAM("cat", 0)}, {POOL("enrich", 0, 0, 99, 13), .oldest = 12, .mean = 0.02},
	    {STAGE("b", 99, 0, 0)}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_ORDER, 1, false,
	"one slow record, given 12 s ago, holds up the order of enrich (-k): "
	"1 of 8 workers busy. b waits for it 99%."},
    {"a process for each record, which takes longer to start than to run",
	{{PROGRAM("cat", 0)}, {POOL("x", 0, 0, 99, 40), .execs = true, .mean = 0.008}}, {TO(0, 1)},
	0, 0, VERDICT_POOL, 1, false,
	"x is the bottleneck: starting processes takes 60% of the workers' time, 8 ms a record, "
	"400/s. CPUs 90% idle: more workers would help (-j 16)."},
    {"workers that end after each record",
	{{PROGRAM("cat", 0)}, {POOL("x", 0, 0, 99, 60), .restarts = 400}}, {TO(0, 1)}, 0, 0,
	VERDICT_POOL, 1, false, NULL},
    {"a process for each record, and one is slow",
	{{PROGRAM("cat", 0)}, {POOL("x", 0, 0, 99, 13), .execs = true, .oldest = 12, .mean = 0.02}},
	{TO(0, 1)}, 0, 0, VERDICT_ORDER, 1, false, NULL},
    {"a process for each batch",
	{{PROGRAM("cat", 0)}, {POOL("x", 0, 0, 99, 100), .execs = true, .mean = 0.2}}, {TO(0, 1)},
	0.1, 0, VERDICT_POOL, 1, false,
	"x is the bottleneck: 8 of 8 workers busy, 200 ms a batch, 400/s at most. "
	"The CPUs are 90% busy."},
    {"a slow record, and there is still room behind it",
	{{PROGRAM("cat", 0)},
	    {NAMED("enrich"), WAITS(0, 0, 99), WORKERS(100), .results = 17, .held = 900,
		.before = 100, .oldest = 8, .mean = 0.01}},
	{TO(0, 1)}, 0, 0, VERDICT_ORDER, 1, false,
	"one slow record, given 8 s ago, holds up the order of enrich (-k): "
	"8 of 8 workers busy."},
    {"a hot key",
	{{PROGRAM("cat", 0)}, {POOL("enrich", 0, 0, 99, 13), .oldest = 0.02, .mean = 0.02}},
	{TO(0, 1)}, 0, 0, VERDICT_ORDER, 1, false,
	"slow records hold up the order of enrich (-k, or one key): 1 of 8 workers busy."},
    {"hung workers",
	{{PROGRAM("cat", 0)},
	    {NAMED("enrich"), WAITS(0, 0, 100), WORKERS(100), .held = 500, .before = 500,
		.oldest = 42}},
	{TO(0, 1)}, 0, 0, VERDICT_SILENT, 1, false,
	"enrich gives no results: 8 attempts, the oldest for 42 s."},
    {"a burst that has to be worked off",
	{{PROGRAM("gen", 0)}, {LIMITER("pace", 97, 0, 0, 0)},
	    {NAMED("enrich"), WAITS(95, 0, 0), WORKERS(99), .in = 1, .results = 200, .held = 4400,
		.before = 6400}},
	{TO(0, 1), TO(1, 2)}, 0, 0, VERDICT_CATCHING_UP, 2, false,
	"catching up, about 27 s: 5.4k records are left, and nothing new comes. enrich does "
	"200/s."},
    {"exec, a pool as any", {{POOL("x", 0, 0, 99, 100)}, {STAGE("b", 99, 0, 0)}}, {TO(0, 1)}, 0.01,
	0, VERDICT_POOL, 0, false, NULL},
    {"a circle", {{STAGE("a", 0, 0, 0)}, {STAGE("b", 0, 20, 0)}}, {TO(0, 1), TO(1, 0)}, 0, 0,
	VERDICT_WORK, 0, false, NULL},
    {"no data", {{STAGE("a", 0, 0, 0)}}, {TO(0, 0)}, 0, 2, VERDICT_MEASURING, -1, false,
	"measuring"},
    {"nothing is known", {{STAGE("a", NAN, NAN, NAN)}, {POOL("b", NAN, NAN, NAN, NAN)}}, {TO(0, 1)},
	0, 0, VERDICT_BALANCED, -1, false, NULL},
    {"one has ended", {{STAGE("a", 0, 0, 0), .ended = true}, {STAGE("b", 99, 0, 0)}}, {TO(0, 1)}, 0,
	0, VERDICT_BALANCED, -1, false, NULL},
    {"all have ended",
	{{STAGE("a", 0, 0, 0), .ended = true},
	    {STAGE("b", 0, 0, 0), .ended = true, .how = EXIT_KILLED}},
	{TO(0, 1)}, 0, 0, VERDICT_ENDED, -1, false, "ended after 5 min: b was killed."},
    {"a long name",
	{{PROGRAM("cat", 0)},
	    {
		LIMITER("a name that is as long as names are not to be", 0, 0, 99, 99),
		.limit = 1.5e6,
	    }},
	{TO(0, 1)}, 0, 0, VERDICT_RATE, 1, false,
	"a name that is as long as... holds the pipeline to its rate of 1.5M/s, on purpose."},
};

static void
fill_part(struct part *p, const struct row *r)
{
	*p = (struct part){.kind = r->kind,
	    .pool = r->pool,
	    .ended = r->ended,
	    .how = r->how,
	    .input = r->input / 100,
	    .output = r->output / 100,
	    .own = r->own / 100,
	    .rate = r->rate / 100,
	    .busy = r->pool ? r->busy / 100 : NAN,
	    .workers = r->workers,
	    .in = r->in > 0 ? r->in : r->results,
	    .results = r->results,
	    .restarts = r->restarts,
	    .stage = r->execs ? &execs : NULL,
	    .held = (uint64_t)r->held,
	    .held_before = (uint64_t)r->before,
	    .oldest = r->oldest > 0 ? r->oldest : NAN,
	    .limit = r->limit,
	    .mean = r->mean > 0 ? r->mean : NAN,
	    .cpu = r->kind == PART_PROGRAM ? r->cpu : NAN};
	p->busy_workers = r->pool ? (unsigned)round(p->busy * p->workers) : 0;
	strcpy(p->name, r->name);
}

static void
fill(struct model *m, const struct scene *s, struct part *part, struct edge *edge)
{
	*m = (struct model){.up = 300,
	    .seconds = s->seconds > 0 ? s->seconds : 10,
	    .cpus = 2,
	    .cpu_idle = s->idle > 0 ? s->idle : 0.9,
	    .part = part,
	    .edge = edge};
	for (; m->n < PARTS && s->part[m->n].name != NULL; m->n++)
		fill_part(&part[m->n], &s->part[m->n]);
	for (const struct link *l = s->edge; l->from != l->to; l++)
		edge[m->n_edges++] = (struct edge){.from = (size_t)l->from,
		    .to = (size_t)l->to,
		    .out_wait = l->own                     ? l->out / 100
			: part[l->from].kind == PART_STAGE ? part[l->from].output
							   : NAN,
		    .in_wait = l->own                    ? l->in / 100
			: part[l->to].kind == PART_STAGE ? part[l->to].input
							 : NAN};
}

static void
test_scenes(void)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		const struct scene *s = &scenes[i];
		struct part part[PARTS];
		struct edge edge[EDGES];
		char text[MODEL_TEXT_SIZE];
		struct verdict v;
		struct model m;

		fill(&m, s, part, edge);
		CHECK(verdict_find(&m, &v) == 0, "%s", s->what);
		wording_verdict(&m, &v, text);
		CHECK(v.kind == s->kind, "%s: %d, %s", s->what, v.kind, text);
		CHECK(s->named < 0 || v.part == (size_t)s->named, "%s: %zu, %s", s->what, v.part,
		    text);
		CHECK(v.mostly == s->mostly, "%s: %s", s->what, text);
		CHECK(s->text == NULL || strcmp(text, s->text) == 0, "%s:\n%s\n%s", s->what, text,
		    s->text);
		CHECK(strlen(text) <= 156, "%s: %zu", s->what, strlen(text));
	}
}

static void
test_earlier(void)
{
	struct part part[2];
	struct edge edge[1];
	struct model m;
	struct verdict v = {.kind = VERDICT_ENDED, .changed = true, .earlier = 1};
	char text[MODEL_TEXT_SIZE];
	const struct scene s = {
	    .what = "ended", .part = {{STAGE("a", 0, 0, 0)}, {STAGE("b", 0, 0, 0)}}};

	fill(&m, &s, part, edge);
	wording_verdict(&m, &v, text);
	CHECK(
	    strcmp(text,
		"ended after 5 min: all records succeeded. Before that it waited mostly for b.") ==
		0,
	    "%s", text);
	v.kind = VERDICT_BALANCED;
	wording_verdict(&m, &v, text);
	CHECK(strcmp(text,
		  "balanced: no part holds up the others. In the last minute it waited mostly "
		  "for b.") == 0,
	    "%s", text);
}

int
main(void)
{
	test_earlier();
	test_scenes();
	return t_end();
}
