#include "lines.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "figures.h"
#include "rows.h"
#include "table.h"

/* ", NAME VALUE", where the value is known. */
static void
print_figure(FILE *f, const char *name, const char *value, const char *unit)
{
	if (strcmp(value, "-") != 0)
		fprintf(f, ", %s %s%s", name, value, unit);
}

static void
print_stage(FILE *f, const struct part *p)
{
	char text[FIGURE_SIZE];

	figure_number(p->in, text);
	print_figure(f, "in", text, "/s");
	figure_number(p->out, text);
	print_figure(f, "out", text, "/s");
	if (p->pool)
		fprintf(f, ", workers %u/%u", p->busy_workers, p->workers);
	figure_number((double)p->held, text);
	print_figure(f, "held", text, "");
	figure_latency(p->mean, text);
	print_figure(f, "avg", text, "");
	figure_latency(p->p99, text);
	print_figure(f, "p99", text, "");
	figure_number((double)rows_failed(p), text);
	print_figure(f, "dead", text, "");
	if (p->pool && p->stage != NULL) {
		figure_number((double)p->stage->sum.counter[METRIC_RETRIES], text);
		print_figure(f, "retries", text, "");
	}
}

void
lines_print(FILE *f, const struct view *v)
{
	const time_t at = (time_t)(v->calendar / 1000000);
	struct tm tm = {0};
	char clock[16], state[TABLE_STATE_SIZE];

	localtime_r(&at, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	for (const struct model *m = v->pipeline; m < v->pipeline + v->n; m++) {
		fprintf(f, "%s %s: %s\n", clock, m->name, m->text);
		for (const struct part *p = m->part; p < m->part + m->n; p++) {
			table_state(p, state);
			fprintf(f, "%s   %s: %s", clock, p->name, state);
			if (p->kind == PART_STAGE)
				print_stage(f, p);
			fputc('\n', f);
		}
	}
}
