/* The screen of pmetrics top, as text: what is where, and what is not. */

#include "pmetrics/screen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "pmetrics/browse.h"
#include "pmetrics/grid.h"
#include "pmetrics/lines.h"
#include "t.h"

#define MOST 600

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define REFRESH (1000 * CLOCK_MS)
#else
#define REFRESH (50 * CLOCK_MS)
#endif

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
	make_pool(stage("enrich", 412, 411, 0, 0));
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

/* Counts the times that the screen has this. */
static int
count(const char *what)
{
	int n = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

#define HAS(what) CHECK(count(what) > 0, "\"%s\" is not in\n%s", what, text)
#define LACKS(what) CHECK(count(what) == 0, "\"%s\" is in\n%s", what, text)
#define IS(want) CHECK(strcmp(text, want) == 0, "\n%s is not\n%s", text, want)

/* The ink of the line that has this text, at its first character. */
static unsigned
ink_of(const char *what)
{
	const char *at = strstr(text, what);
	int y = 0;

	if (at == NULL)
		return 255;
	for (const char *c = text; c < at; c++)
		y += *c == '\n';
	for (int x = 0; x < grid.width; x++)
		if (grid.cell[y * grid.width + x].text[0] == what[0])
			return grid.cell[y * grid.width + x].ink;
	return 255;
}

static void
test_example(void)
{
	example();
	show(80, 24, false);
	IS("pchan top  access  up 0:12:04   CPU 59% of 2   1 s                      14:02:31\n"
	   " enrich is the bottleneck: 8 of 8 workers busy, 19.4 ms a record, 412/s at most.\n"
	   " CPUs are 41% idle: more workers would help (-j 13). merge waits for it 93%.\n"
	   "\n"
	   "   PART             IN/s  OUT/s STATE        WORKERS  HELD   AVG   P99 DEAD RTRY\n"
	   "   a.fifo b.fifo\n"
	   "   `-merge           412    412 output 93%         -  1024     -     -    0    -\n"
	   "     `-pace          412    412 output 92%         -  1024     -     -    0    -\n"
	   " >     `-enrich      412    411 BUSY 100%        8/8  1032  19ms  61ms 1211   37\n"
	   "         `-tap       411    411 input 98%          -     0     -     -    0    -\n"
	   "           `-dead    411    409 input 97%          -     0     -     -    0    -\n"
	   "             `-gzip    -      - other CPU 3%       -     -     -     -    -    -\n"
	   "\n"
	   "   OUT/s, last 60 s                                                 now     peak\n"
	   "   merge   .||||||||||||||||:|||||||||||||||||||||||||||||||||      412      412\n"
	   "   pace    .||||||||||||||||:|||||||||||||||||||||||||||||||||      412      412\n"
	   "   enrich  .||||||||||||||||:|||||||||||||||||||||||||||||||||      411      411\n"
	   "   tap     .||||||||||||||||:|||||||||||||||||||||||||||||||||      411      411\n"
	   "   dead    .||||||||||||||||:|||||||||||||||||||||||||||||||||      409      409\n"
	   "\n"
	   "\n"
	   "\n"
	   "enrich: received 298104 = processed 295861, filtered 0, failed 1211, held 1032\n"
	   " q quit  p pause  up/down part  enter details  tab pipeline  / filter  ? help\n");
	show(80, 24, true);
	IS("pchan top  access  up 0:12:04   CPU 59% of 2   1 s                      14:02:31\n"
	   " enrich is the bottleneck: 8 of 8 workers busy, 19.4 ms a record, 412/s at most.\n"
	   " CPUs are 41% idle: more workers would help (-j 13). merge waits for it 93%.\n"
	   "\n"
	   "   PART             IN/s  OUT/s STATE        WORKERS  HELD   AVG   P99 DEAD RTRY\n"
	   "   a.fifo b.fifo\n"
	   "   └─merge           412    412 output 93%         -  1024     -     -    0    -\n"
	   "     └─pace          412    412 output 92%         -  1024     -     -    0    -\n"
	   " >     └─enrich      412    411 BUSY 100%        8/8  1032  19ms  61ms 1211   37\n"
	   "         └─tap       411    411 input 98%          -     0     -     -    0    -\n"
	   "           └─dead    411    409 input 97%          -     0     -     -    0    -\n"
	   "             └─gzip    -      - other CPU 3%       -     -     -     -    -    -\n"
	   "\n"
	   "   OUT/s, last 60 s                                                 now     peak\n"
	   "   merge   ▁████████████████▅█████████████████████████████████      412      412\n"
	   "   pace    ▁████████████████▅█████████████████████████████████      412      412\n"
	   "   enrich  ▁████████████████▅█████████████████████████████████      411      411\n"
	   "   tap     ▁████████████████▅█████████████████████████████████      411      411\n"
	   "   dead    ▁████████████████▅█████████████████████████████████      409      409\n"
	   "\n"
	   "\n"
	   "\n"
	   "enrich: received 298104 = processed 295861, filtered 0, failed 1211, held 1032\n"
	   " q quit  p pause  up/down part  enter details  tab pipeline  / filter  ? help\n");
	show(40, 10, false);
	IS("pchan top  access  up 0:12:04   CPU 59%~\n"
	   " enrich is the bottleneck: 8 of 8\n"
	   " workers busy, 19.4 ms a record, 412/s ~\n"
	   "   PART 2-5/7        OUT/s STATE\n"
	   "   `-merge             412 output 93%\n"
	   "     `-pace            412 output 92%\n"
	   " >     `-enrich        411 BUSY 100%\n"
	   "         `-tap         411 input 98%\n"
	   "enrich: received 298104 = processed 295~\n"
	   " q quit  p pause  up/down part  enter d~\n");
	/* What is beyond the last column of 80. */
	show(200, 50, true);
	HAS("INB/s OUTB/s STATE          INPUT      OUTPUT     OWN      WORKERS");
	HAS("HELD   AVG   P50   P99  OLDEST DEAD RTRY NEW/s      PID       UP\n");
	HAS("1032  19ms  18ms  61ms    20ms 1211   37     0     4715  0:12:04\n");
	HAS("412    412    99K    99K output 93%");
	show(80, 24, false);
	CHECK(ink_of(">") == (INK_BOLD | INK_REVERSE), "%u", ink_of(">"));
	CHECK(ink_of("enrich is") == (INK_BOLD | INK_RED), "%u", ink_of("enrich is"));
}

static void
test_too_small(void)
{
	const int sizes[][2] = {{39, 10}, {40, 9}, {1, 1}, {2, 80}, {200, 1}};

	example();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		show(sizes[i][0], sizes[i][1], true);
		LACKS("pchan");
	}
	show(39, 10, false);
	HAS("This window is 39x10; top needs 40x10.\n");
}

/* From the smallest window on, nothing is drawn outside of it. */
static void
test_all_sizes(void)
{
	for (int page = 0; page < 3; page++) {
		example();
		if (page > 0)
			press(page == 1 ? '\n' : '?');
		for (int width = 1; width < 220; width += 3)
			for (int height = 1; height < 60; height += 7)
				show(width, height, width % 2 == 0);
	}
}

static void
test_nothing(void)
{
	begin();
	view.n = 0;
	show(80, 24, false);
	HAS(" No stage runs.  Looked in /run/user/0/pchan and /dev/shm/pchan-0.\n");
	HAS("q quit");
	press('\n');
	press('\t');
	press(PRESS_DOWN);
	press('d');
	show(80, 24, false);
	HAS("No stage runs.");
	press('?');
	show(80, 24, false);
	HAS("dismiss killed stages");
}

/* A part that feeds two, and one that two feed. */
static void
test_branches(void)
{
	begin();
	stage("split", 9, 9, 0.5, 0);
	stage("left", 5, 5, 0.5, 0);
	stage("deep", 5, 5, 0.5, 0);
	stage("right", 4, 4, 0.5, 0);
	stage("join", 9, 9, 0.5, 0);
	add(PART_UNSEEN, "another program");
	join(0, 1, "");
	join(1, 2, "");
	join(0, 3, "");
	join(3, 4, "");
	join(2, 4, "b.fifo");
	join(4, 5, "");
	/* Back to the beginning. */
	join(4, 0, "loop.fifo");
	verdict(VERDICT_BALANCED, 0, "No part holds up the others.");
	show(100, 24, false);
	HAS("\n   split + loop.fifo");
	HAS("\n   |-left   ");
	HAS("\n   | `-deep   ");
	HAS("\n   `-right   ");
	HAS("\n     `-join + b.fifo ");
	HAS("\n       `-another program  ");
	LACKS(">");
	show(100, 24, true);
	HAS("\n   \xe2\x94\x9c\xe2\x94\x80left");
	HAS("\n   \xe2\x94\x82 \xe2\x94\x94\xe2\x94\x80"
	    "deep");
}

/* Files that feed one part share a line, as many as fit. */
static void
test_many_files(void)
{
	char name[16];

	begin();
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "%c.log", 'a' + i % 26);
		add(PART_FILE, name);
		join((size_t)i, 30, "");
	}
	stage("merge", 9, 9, 0.5, 0);
	show(80, 24, false);
	HAS("\n   a.log b.log +28\n");
	HAS("\n   `-merge ");
	CHECK(browse.rows.n == 2, "%zu", browse.rows.n);
	/* The verdict names one of those that are not seen. */
	verdict(VERDICT_KEEPS_UP, 7, "The pipeline keeps up.");
	show(80, 24, false);
	HAS("\n > a.log b.log +28\n");
}

static void
many(size_t n)
{
	char name[16];

	begin();
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "stage%zu", i);
		stage(name, 1, 1, 0.5, 0);
		if (i > 0)
			join(i - 1, i, "");
	}
}

static void
test_scrolling(void)
{
	many(500);
	verdict(VERDICT_WORK, 250, "stage250 is the bottleneck.");
	show(80, 24, false);
	HAS("PART 243-259/500");
	HAS("\n > ");
	HAS("stage250: received");
	/* The part that is named stays in view, whatever is chosen. */
	press(PRESS_HOME);
	show(80, 24, false);
	HAS("PART 1-17/500");
	HAS("\n   stage0 ");
	CHECK(count("stage250 ") == 2, "\n%s", text);
	HAS("stage0: received");
	press(PRESS_END);
	show(80, 24, false);
	HAS("PART 484-500/500");
	CHECK(count("\n > ") == 1, "\n%s", text);
	press(PRESS_UP);
	press(PRESS_PAGE_UP);
	show(80, 24, false);
	HAS("stage488: received");
	press('\033');
	show(80, 24, false);
	HAS("stage250: received");
}

static void
test_speed(void)
{
	clock_t begun;
	double took;

	many(500);
	for (size_t i = 0; i < 500; i += 2)
		join(i, 499, "");
	verdict(VERDICT_WORK, 250, "stage250 is the bottleneck.");
	show(200, 50, true);
	/* Of the processor: others may have it, too. */
	begun = clock();
	for (int i = 0; i < 20; i++)
		show(200, 50, true);
	took = (double)(clock() - begun) / CLOCKS_PER_SEC / 20;
	printf("a screen of 500 parts: %.1f ms\n", 1000 * took);
	CHECK(took * CLOCK_S < REFRESH, "it takes long");
}

/* Nothing that comes from elsewhere controls the terminal. */
static void
test_hostile(void)
{
	example();
	strcpy(parts[2].name, "\033[2J\007\r\n");
	strcpy(parts[3].name,
	    "\xff\xfe\xc2\x9b"
	    "31m");
	strcpy(parts[4].name,
	    "\xe2\x80\xae"
	    "evil");
	strcpy(parts[5].name,
	    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
	strcpy(models[0].name, "\033]0;x\007");
	strcpy(models[0].text, "\033c\033[31mred\t\xc2\x9b");
	strcpy(stages[4].header.argv, "a\033[2Jb");
	strcpy(stages[4].link[0].name, "\033P");
	strcpy(edges[0].name, "\033Q");
	for (int page = 0; page < 4; page++) {
		show(page % 2 == 0 ? 80 : 200, 24, page < 2);
		for (const char *c = text; *c != '\0'; c++)
			CHECK((unsigned char)*c >= ' ' || *c == '\n', "0x%02x", (unsigned)*c);
		LACKS("\xc2\x9b");
		LACKS("\xe2\x80\xae");
		LACKS("\xff");
		HAS("?[2J");
		if (page == 1)
			press('\n');
	}
	press('\n');
	show(80, 24, true);
	/* A wide character has two columns, and is never cut in half. */
	HAS("\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e  411    411 input");
	HAS("\n   \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe2\x80\xa6 ");
	show(80, 24, false);
	HAS("`-??????    411");
}

static void
test_keys(void)
{
	example();
	models[1] = models[0];
	strcpy(models[1].name, "other");
	models[1].part = parts + 5;
	models[1].n = 1;
	models[1].n_edges = 0;
	models[1].verdict.kind = VERDICT_BALANCED;
	models[0].n = 5;
	models[0].n_edges = 4;
	view.n = 2;
	show(80, 24, false);
	HAS("access  1 of 2");
	press('\t');
	show(80, 24, false);
	HAS("other  2 of 2");
	HAS("tap: received");
	/* A choice is of a pipeline, wherever it is. */
	struct model first = models[0];
	models[0] = models[1];
	models[1] = first;
	show(80, 24, false);
	HAS("other  1 of 2");
	press('\t');
	show(80, 24, false);
	HAS("access  2 of 2");
	press('\t');
	press('\t');
	press('k');
	show(80, 24, false);
	HAS("pace: received");
	press('j');
	press('j');
	show(80, 24, false);
	HAS("enrich: received");
	press('p');
	show(80, 24, false);
	HAS("PAUSED");
	press(' ');
	CHECK(!browse.paused);
	press('q');
	CHECK(browse.quit);
}

static void
test_sort(void)
{
	static const char *const orders[] = {"out", "held", "dead", "avg", "name"};
	static const char *const first[] = {"merge", "enrich", "enrich", "enrich", "a.fifo"};

	example();
	parts[2].in = parts[2].out = 500;
	for (size_t i = 0; i < 5; i++) {
		char want[64];

		press('s');
		show(80, 24, false);
		snprintf(want, sizeof(want), "by %s", orders[i]);
		HAS(want);
		LACKS("`-");
		CHECK(strcmp(parts[browse.rows.row[0].part].name, first[i]) == 0, "\n%s", text);
	}
	press('s');
	show(80, 24, false);
	LACKS(" by ");
	HAS("`-");
}

static void
test_filter(void)
{
	example();
	press('/');
	press('T');
	press('q'); /* a character, not a key */
	press(PRESS_BACKSPACE);
	show(80, 24, false);
	HAS("\n /T_ ");
	HAS("\n   tap ");
	LACKS("dead");
	HAS("tap: received"); /* what is chosen can be seen */
	press('x');
	press('\n');
	show(80, 24, false);
	HAS("No part has this name.");
	HAS("only parts with \"Tx\"");
	press('\033');
	show(80, 24, false);
	HAS("`-merge");
	press('/');
	press('d');
	press('\033');
	CHECK(browse.filter[0] == '\0' && !browse.typing);
	press('/');
	for (int i = 0; i < 200; i++)
		press('y');
	show(80, 24, false);
	HAS("yyyy");
}

static void
test_details(void)
{
	example();
	press('\n');
	show(80, 40, false);
	HAS("\n enrich   BUSY 100%   pfanout 0.1.0   pid 4715   up 0:12:04\n");
	HAS("\n   pfanout -n enrich -j 8 -a 3 -- ./enrich.py\n");
	HAS("\n   crash        21\n   timeout      1190\n");
	HAS("records in 412/s, out 411/s; bytes in 99K/s, out 98K/s");
	HAS("workers: 8 of 8 busy, 100% of the time");
	HAS("\n   from pace, waited 2%\n   to   tap, waited 93%\n");
	HAS("\n   in   pipe      298k records, waited 14s\n");
	HAS("\n   out  FIFO      out.fifo  297k records, waited 0s\n");
	HAS("\n   <= 10ms        10   #\n   <= 25ms      280k   ####");
	/* What does not fit is scrolled to. */
	show(80, 16, false);
	LACKS("INPUTS AND");
	for (int i = 0; i < 12; i++)
		press(PRESS_DOWN);
	show(80, 16, false);
	LACKS("pid 4715");
	HAS("pchan top");
	HAS("enrich is the bottleneck");
	press('\033');
	show(80, 24, false);
	HAS("OUT/s, last 60 s");
	/* A program has no numbers. */
	press(PRESS_END);
	press('\n');
	show(80, 24, false);
	HAS("\n gzip   other CPU 3%\n");
	HAS("from dead\n");
}

static void
test_ended(void)
{
	example();
	for (size_t i = 2; i < 7; i++) {
		parts[i].ended = true;
		parts[i].how = (enum statfile_exit)(i - 2);
	}
	verdict(VERDICT_ENDED, 0, "The pipeline ended 12 s ago.");
	show(80, 24, false);
	HAS("merge           412    412 ended   ");
	HAS("exit 1");
	HAS("failed");
	HAS("stopped");
	HAS("killed");
	LACKS(">");
	press('d');
	show(80, 24, false);
	LACKS("killed");
	LACKS("dead  ");
	HAS("stopped");
	/* Also in the next view. */
	CHECK(browse_view(&browse, &view) == 0);
	show(80, 24, false);
	LACKS("killed");
}

static void
test_law(void)
{
	example();
	stages[4].sum.counter[METRIC_UNWRITTEN] = 5;
	show(120, 24, false);
	HAS("failed 1211, held 1032, unwritten 5\n");
}

static void
test_lines(void)
{
	char *out;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	example();
	lines_print(f, &view);
	fclose(f);
	strlcpy(text, out, sizeof(text));
	free(out);
	HAS("14:02:31 access: enrich is the bottleneck: 8 of 8");
	HAS("\n14:02:31   enrich: BUSY 100%, in 412/s, out 411/s, workers 8/8, held 1032, avg "
	    "19ms, "
	    "p99 61ms, dead 1211, retries 37\n");
	HAS("\n14:02:31   gzip: other CPU 3%\n");
	CHECK(count("\n") == 9, "\n%s", text);
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	test_example();
	test_too_small();
	test_all_sizes();
	test_nothing();
	test_branches();
	test_many_files();
	test_scrolling();
	test_speed();
	test_hostile();
	test_keys();
	test_sort();
	test_filter();
	test_details();
	test_ended();
	test_law();
	test_lines();
	browse_free(&browse);
	grid_free(&grid);
	return t_end();
}
