/* The screen of pmetrics top, as text: what is where, and what is not. */

#include "pmetrics/screen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pmetrics/browse.h"
#include "pmetrics/grid.h"
#include "pmetrics/lines.h"
#include "t.h"

#define MOST 600

static struct look_stage stages[MOST];
static struct part parts[MOST];
static struct edge edges[2 * MOST];
static struct model models[3];
static struct view view;
static struct browse browse;
static struct grid grid;
static char text[1 << 20];

/* A view of an empty pipeline. */
static void
begin(void)
{
	memset(stages, 0, sizeof(stages));
	memset(models, 0, sizeof(models));
	models[0] = (struct model){.up = 724,
	    .seconds = 10,
	    .cpus = 2,
	    .cpu_idle = 0.41,
	    .part = parts,
	    .edge = edges,
	    .name = "access"};
	view = (struct view){
	    .calendar = INT64_C(1764165751000000), .window = 10, .n = 1, .pipeline = models};
	browse_free(&browse);
}

static struct part *
add(enum part_kind kind, const char *name)
{
	struct part *p = &parts[models[0].n];

	*p = (struct part){.kind = kind,
	    .input = NAN,
	    .output = NAN,
	    .own = NAN,
	    .rate = NAN,
	    .busy = NAN,
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
	strlcpy(p->name, name, sizeof(p->name));
	models[0].n++;
	return p;
}

static struct part *
stage(const char *name, double in, double out, double input, double output)
{
	struct part *p = add(PART_STAGE, name);
	struct look_stage *s = &stages[p - parts];

	p->stage = s;
	s->live = true;
	memcpy(s->header.uuid, &p, sizeof(p)); /* unlike all others */
	s->header.mode = STAGE_PASSES;
	s->header.pid = p->pid = (int)(4711 + (p - parts));
	p->up = 724;
	p->in = in;
	p->out = out;
	p->bytes_in = in * 245;
	p->bytes_out = out * 245;
	p->input = input;
	p->output = output;
	p->own = 0;
	p->rate = 0;
	p->n_history = 60;
	for (int i = 0; i < 60; i++)
		p->history[i] = (float)(i == 0 ? out / 9 : i == 20 ? out * 0.6 : out);
	return p;
}

static void
join(size_t from, size_t to, const char *name)
{
	struct edge *e = &edges[models[0].n_edges++];

	*e = (struct edge){.from = from, .to = to, .out_wait = 0.93, .in_wait = 0.02};
	strlcpy(e->name, name, sizeof(e->name));
}

static void
verdict(enum verdict_kind kind, size_t part, const char *words)
{
	models[0].verdict = (struct verdict){.kind = kind, .part = part, .score = 0.9};
	strlcpy(models[0].text, words, sizeof(models[0].text));
}

/* The pool of the example. */
static void
make_pool(struct part *p)
{
	struct look_stage *s = &stages[p - parts];
	_Atomic uint64_t *c = s->sum.counter;

	s->header.mode = STAGE_MAPS;
	strcpy(s->header.tool, "pfanout");
	strcpy(s->header.tool_version, "0.1.0");
	strcpy(s->header.argv, "pfanout -n enrich -j 8 -a 3 -- ./enrich.py");
	s->header.capacity = 1032;
	p->pool = true;
	p->workers = p->busy_workers = 8;
	p->held = 1032;
	p->own = 0.99;
	p->busy = 1;
	p->mean = 0.0194;
	p->p50 = 0.0181;
	p->p99 = 0.0613;
	p->oldest = 0.02;
	p->retries = 0.1;
	p->restarts = 0;
	c[METRIC_RECEIVED] = 298104;
	c[METRIC_PROCESSED] = 295861;
	c[METRIC_FAILED + REASON_TIMEOUT] = 1190;
	c[METRIC_FAILED + REASON_CRASH] = 21;
	c[METRIC_RETRIES] = 37;
	s->sum.latency.bucket[12] = 10;
	s->sum.latency.bucket[13] = 280000;
	s->sum.latency.bucket[14] = 17000;
	s->n_links = 2;
	s->link[0] = (struct metrics_link){
	    .state = LINK_OPEN, .direction = LINK_IN, .kind = LINK_PIPE, .records = 298104};
	s->link[1] = (struct metrics_link){
	    .state = LINK_OPEN, .direction = LINK_OUT, .kind = LINK_FIFO, .records = 297072};
	strcpy(s->link[1].name, "out.fifo");
	stopwatch_add(&s->link[0].wait, 14 * CLOCK_S);
}

/* The example of the specification. */
static void
example(void)
{
	begin();
	add(PART_FILE, "a.fifo");
	add(PART_FILE, "b.fifo");
	stage("merge", 412, 412, 0, 0.93)->held = 1024;
	stage("pace", 412, 412, 0.01, 0.92)->held = 1024;
	make_pool(stage("enrich", 412, 411, 0, 0.02));
	stage("tap", 411, 411, 0.98, 0);
	stage("dead", 411, 409, 0.97, 0);
	add(PART_PROGRAM, "gzip")->cpu = 0.03;
	join(0, 2, "");
	join(1, 2, "");
	for (size_t i = 2; i < 7; i++)
		join(i, i + 1, "");
	verdict(VERDICT_POOL, 4,
	    "enrich is the bottleneck: 8 of 8 workers busy, 19.4 ms a record, 412/s at most. "
	    "CPUs are 41% idle: more workers would help (-j 13). merge waits for it 93%.");
}

/* Lines without the blanks at their ends. */
static const char *
show(int width, int height, bool utf8)
{
	char *to = text;

	grid.utf8 = utf8;
	CHECK(grid_resize(&grid, width, height) == 0);
	CHECK(browse_view(&browse, &view) == 0);
	screen_draw(&grid,
	    &(struct screen){.view = &view,
		.browse = &browse,
		.interval = 1,
		.looked = "Looked in /run/user/0/pchan and /dev/shm/pchan-0.",
		.now = 99 * CLOCK_S});
	for (int y = 0; y < height; y++) {
		char *end = to;

		for (int x = 0; x < width; x++) {
			to = stpcpy(to, grid.cell[y * width + x].text);
			if (to[-1] != ' ')
				end = to;
		}
		to = stpcpy(end, "\n");
	}
	return text;
}

static void
press(int key)
{
	CHECK(browse_key(&browse, key, &view, 10) == 0);
	CHECK(browse_view(&browse, &view) == 0);
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	example();
	fputs(show(80, 24, false), stdout);
	fputs(show(80, 24, true), stdout);
	fputs(show(200, 50, true), stdout);
	fputs(show(40, 10, true), stdout);
	press('\n');
	fputs(show(80, 24, true), stdout);
	press('?');
	fputs(show(80, 24, true), stdout);
	return t_end();
}
