#ifndef T_VIEW_H
#define T_VIEW_H

/*
 * A view made by hand, for the tests of what shows one: a pipeline whose pool
 * `enrich` is the bottleneck, and one that has ended.  Whatever a test changes
 * in it is static, so one view at a time.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pmetrics/model.h"

static struct look_stage view_stages[3];
static struct part view_parts[5];
static struct edge view_edges[3];
static struct model view_pipelines[2];

/* A stage that has just begun: nothing is known of it. */
static inline void
view_stage(struct part *p, struct look_stage *stage, const char *name, enum statfile_mode mode)
{
	memset(stage, 0, sizeof(*stage));
	snprintf(stage->header.tool, sizeof(stage->header.tool), "pfanout");
	snprintf(stage->header.argv, sizeof(stage->header.argv), "pfanout -n %s", name);
	stage->header.mode = mode;
	*p = (struct part){.kind = PART_STAGE,
	    .pid = 4711,
	    .stage = stage,
	    .pool = mode == STAGE_MAPS || mode == STAGE_EXECS,
	    .up = 12.5,
	    .input = NAN,
	    .output = NAN,
	    .own = NAN,
	    .rate = NAN,
	    .busy = NAN,
	    .workers = 1,
	    .in = NAN,
	    .out = NAN,
	    .bytes_in = NAN,
	    .bytes_out = NAN,
	    .retries = NAN,
	    .restarts = NAN,
	    .mean = NAN,
	    .p50 = NAN,
	    .p99 = NAN,
	    .oldest = NAN,
	    .limit = NAN,
	    .cpu = NAN};
	snprintf(p->name, sizeof(p->name), "%s", name);
}

static inline void
view_foreign(struct part *p, enum part_kind kind, const char *name, double cpu)
{
	*p = (struct part){.kind = kind, .pid = kind == PART_PROGRAM ? 99 : 0, .cpu = cpu};
	snprintf(p->name, sizeof(p->name), "%s", name);
}

/* in.ndjson -> enrich -> dead -> gzip, and another pipeline of one stage. */
static inline struct view
view_made(void)
{
	struct part *p = view_parts;
	struct look_stage *s = view_stages;

	view_foreign(&p[0], PART_FILE, "in.ndjson", NAN);
	view_stage(&p[1], &s[0], "enrich", STAGE_MAPS);
	p[1].input = 0.01, p[1].output = 0.02, p[1].own = 0.97, p[1].rate = 0, p[1].busy = 0.99;
	p[1].in = 412, p[1].out = 411.25, p[1].bytes_in = 1e6, p[1].bytes_out = 1.5e6;
	p[1].retries = 0.5, p[1].restarts = 0;
	p[1].mean = 0.0194, p[1].p50 = 0.018, p[1].p99 = 0.061, p[1].oldest = 0.02;
	p[1].workers = 8, p[1].busy_workers = 8, p[1].held = 32, p[1].held_before = 30;
	p[1].n_history = 3, p[1].history[0] = 400, p[1].history[1] = 420, p[1].history[2] = 411;
	s[0].sum.counter[METRIC_RECEIVED] = 1000;
	s[0].sum.counter[METRIC_PROCESSED] = 960;
	s[0].sum.counter[METRIC_FILTERED] = 1;
	s[0].sum.counter[METRIC_FAILED + REASON_TIMEOUT] = 7;
	view_stage(&p[2], &s[1], "dead", STAGE_PASSES);
	p[2].input = 0.97, p[2].output = 0.01, p[2].own = 0, p[2].rate = 0;
	p[2].in = 411, p[2].out = 411;
	view_foreign(&p[3], PART_PROGRAM, "gzip -9", 0.03);
	view_edges[0] = (struct edge){.from = 0, .to = 1, .out_wait = NAN, .in_wait = 0.01};
	view_edges[1] = (struct edge){.from = 1, .to = 2, .out_wait = 0.02, .in_wait = 0.97};
	view_edges[2] = (struct edge){.from = 2, .to = 3, .out_wait = 0.01, .in_wait = NAN};
	snprintf(view_edges[2].name, LINK_NAME_SIZE, "out.fifo");
	view_pipelines[0] = (struct model){.name = "access",
	    .up = 724,
	    .seconds = 10,
	    .cpus = 2,
	    .cpu_idle = 0.41,
	    .n = 4,
	    .part = p,
	    .n_edges = 3,
	    .edge = view_edges,
	    .verdict = {.kind = VERDICT_POOL, .part = 1, .score = 0.98, .more = 13},
	    .text = "enrich is the bottleneck: 8 of 8 workers busy, 19.4 ms a record."};
	view_stage(&p[4], &s[2], "old", STAGE_CHECKS);
	p[4].ended = true, p[4].how = EXIT_KILLED;
	view_pipelines[1] = (struct model){.name = "old",
	    .up = 3,
	    .seconds = NAN,
	    .cpus = 2,
	    .cpu_idle = NAN,
	    .n = 1,
	    .part = &p[4],
	    .verdict = {.kind = VERDICT_ENDED},
	    .text = "The pipeline has ended."};
	return (struct view){.calendar = 1795694400000000,
	    .window = 10,
	    .n = 2,
	    .pipeline = view_pipelines,
	    .live = 2,
	    .dead = 1};
}

#endif
