#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "page_parts.h"

const char *const page_headers[] = {"Content-Security-Policy", page_csp, //
    "Referrer-Policy", "no-referrer",                                    //
    "Cache-Control", "no-store", NULL};

#define DASH "\xe2\x80\x93"

/* A number of an object; NAN if it is null. */
static double
real(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *
string(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s != NULL ? s : "";
}

static bool
is(json_t *object, const char *key, const char *value)
{
	return strcmp(string(object, key), value) == 0;
}

/* Some bytes of a text, also as the value of an attribute in quotes. */
static void
escaped_part(FILE *f, const char *s, size_t len)
{
	for (; len > 0; s++, len--)
		switch (*s) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		case '\'':
			fputs("&#39;", f);
			break;
		default:
			putc(*s, f);
		}
}

static void
escaped(FILE *f, const char *s)
{
	escaped_part(f, s, strlen(s));
}

/* 0.4, 412, 1.24k; as rate() in page.js. */
static void
rate(FILE *f, double x)
{
	const char *unit = "";

	if (isnan(x)) {
		fputs(DASH, f);
		return;
	}
	for (const char *next = "k\0M\0G\0T\0"; x >= 999.5 && *next != '\0'; next += 2) {
		x /= 1000;
		unit = next;
	}
	if (x >= 99.5)
		fprintf(f, "%.0f%s", x, unit);
	else if (*unit != '\0')
		fprintf(f, "%.*f%s", x < 9.995 ? 2 : 1, x, unit);
	else
		fprintf(f, "%.*f", x < 9.95 && x != (int)x, x);
}

/* 19.4 ms; as duration() in page.js. */
static void
duration(FILE *f, double x)
{
	static const struct {
		double size;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}, {1e-3, "ms"}};

	if (isnan(x)) {
		fputs(DASH, f);
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (x >= units[i].size) {
			x /= units[i].size;
			fprintf(f, "%.*f %s", x < 99.95, x, units[i].name);
			return;
		}
	fprintf(f, "%.0f \xc2\xb5s", x * 1e6);
}

static json_int_t
failed_of(json_t *part)
{
	json_t *count;
	const char *reason;
	json_int_t sum = 0;

	json_object_foreach(json_object_get(json_object_get(part, "totals"), "failed"), reason,
	    count) sum += json_integer_value(count);
	return sum;
}

/* The numbers of a stage, the cells of a row. */
static void
stage_cells(FILE *f, json_t *part)
{
	json_t *rates = json_object_get(part, "rates");
	json_t *workers = json_object_get(part, "workers");
	json_t *latency = json_object_get(part, "latency");

	fputs("<td class=\"wide\">", f);
	rate(f, real(rates, "in"));
	fputs("</td><td>", f);
	rate(f, real(rates, "out"));
	fputs("</td><td class=\"wide\">", f);
	if (json_is_integer(json_object_get(workers, "busy")))
		fprintf(f, "%.0f/%.0f", real(workers, "busy"), real(workers, "all"));
	else
		fputs(DASH, f);
	fprintf(f, "</td><td>%.0f</td><td class=\"wide\">", real(part, "held"));
	duration(f, real(latency, "mean"));
	fputs("</td><td class=\"wide\">", f);
	duration(f, real(latency, "p99"));
	fputs("</td><td class=\"wide\">", f);
	rate(f, real(rates, "retries"));
	fprintf(f, "</td><td%s>%jd</td>", failed_of(part) > 0 ? " class=\"dead\"" : "",
	    (intmax_t)failed_of(part));
}

static void
row(FILE *f, json_t *part, json_t *verdict)
{
	const bool named =
	    json_equal(json_object_get(verdict, "part"), json_object_get(part, "id"));

	fprintf(f, "<tr%s><td title=\"", named ? " class=\"named\"" : "");
	escaped(f, string(part, "name"));
	fputs("\">", f);
	escaped(f, string(part, "name"));
	fputs("</td><td>", f);
	escaped(f, string(part, "doing"));
	if (named) {
		fputs(": ", f);
		escaped(f, string(verdict, "mark"));
	}
	fputs("</td>", f);
	if (is(part, "kind", "stage"))
		stage_cells(f, part);
	else
		fputs("<td colspan=\"8\"></td>", f);
	fputs("</tr>\n", f);
}

/* The same table as table() in page.js. */
static void
table(FILE *f, json_t *pipeline)
{
	json_t *part;
	size_t i;

	fputs("<div class=\"scroll\"><table><thead><tr><th>Part</th><th>State</th>"
	      "<th class=\"wide\">In/s</th><th>Out/s</th><th class=\"wide\">Workers</th>"
	      "<th>Held</th><th class=\"wide\">Mean</th><th class=\"wide\">p99</th>"
	      "<th class=\"wide\">Retries/s</th><th>Failed</th></tr></thead><tbody>\n",
	    f);
	json_array_foreach(json_object_get(pipeline, "parts"), i, part)
	{
		if (!is(part, "kind", "file"))
			row(f, part, json_object_get(pipeline, "verdict"));
	}
	fputs("</tbody></table></div>\n", f);
}

/* What failed in each part, by reason. */
static void
failures(FILE *f, json_t *pipeline)
{
	json_t *part, *count;
	const char *reason, *between;
	size_t i;

	json_array_foreach(json_object_get(pipeline, "parts"), i, part)
	{
		if (failed_of(part) == 0)
			continue;
		fputs("<p class=\"failures\"><span class=\"dead\">Failed in ", f);
		escaped(f, string(part, "name"));
		fputs(": </span>", f);
		between = "";
		json_object_foreach(json_object_get(json_object_get(part, "totals"), "failed"),
		    reason, count) if (json_integer_value(count) > 0)
		{
			fprintf(
			    f, "%s%jd %s", between, (intmax_t)json_integer_value(count), reason);
			between = ", ";
		}
		fputs("</p>\n", f);
	}
}

static void
section(FILE *f, json_t *pipeline)
{
	json_t *verdict = json_object_get(pipeline, "verdict");
	const double idle = real(pipeline, "cpu_idle");
	const char *text = string(verdict, "text"), *rest = strstr(text, ". ");
	const size_t len = strlen(text),
		     first = rest != NULL     ? (size_t)(rest - text)
	    : len > 0 && text[len - 1] == '.' ? len - 1
					      : len;

	/* The first sentence is the heading. */
	fprintf(f, "<section class=\"%s\"><h2>", string(verdict, "kind"));
	escaped_part(f, text, first);
	fputs("</h2>\n<p>", f);
	escaped(f, rest != NULL ? rest + 2 : "");
	fputs("</p>\n<p class=\"sub\">", f);
	escaped(f, string(pipeline, "name"));
	fputs(" \xc2\xb7 up ", f);
	duration(f, real(pipeline, "up"));
	if (!isnan(idle))
		fprintf(
		    f, " \xc2\xb7 CPU %.0f %% of %.0f", 100 * (1 - idle), real(pipeline, "cpus"));
	fputs("</p>\n", f);
	table(f, pipeline);
	failures(f, pipeline);
	fputs("</section>\n", f);
}

char *
page_render(json_t *view, const char *metrics, size_t *len)
{
	json_t *pipelines = json_object_get(view, "pipelines"), *pipeline;
	char *html = NULL;
	size_t i;
	FILE *f = open_memstream(&html, len);

	if (f == NULL)
		return NULL;
	fputs(page_head, f);
	json_array_foreach(pipelines, i, pipeline) section(f, pipeline);
	if (json_array_size(pipelines) == 0)
		fputs("<section><h2>No stage runs</h2><p>A pipeline of pchan\xe2\x80\x99s tools "
		      "appears here as soon as it runs.</p></section>\n",
		    f);
	fputs("</main>\n<nav><a href=\"", f);
	escaped(f, metrics);
	fputs("\">metrics</a> <a href=\"/api/v1/pipelines\">JSON</a></nav>\n", f);
	fprintf(f,
	    "<noscript><p>This is of %s. Without JavaScript the page loads itself again "
	    "every 5 s.</p></noscript>\n",
	    string(view, "time"));
	fputs(page_tail, f);
	if (fclose(f) == EOF) {
		free(html);
		errno = ENOMEM;
		return NULL;
	}
	return html;
}
