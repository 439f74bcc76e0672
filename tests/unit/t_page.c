/* The page: what is in it, and that names can't be more than text. */

#include <stdlib.h>

#include "pmetrics/page.h"
#include "pmetrics/viewjson.h"
#include "t.h"
#include "t_view.h"

#define MOST (24 * 1024)

static char *
rendered(const struct view *view, size_t *len)
{
	json_t *json = view_json(view);
	char *html = page_render(json, "/metrics", len);

	json_decref(json);
	return html;
}

static void
test_contents(void)
{
	static const char *const expected[] = {
	    "<!doctype html>",
	    "<h2>enrich is the bottleneck: 8 of 8 workers busy, 19.4 ms a record</h2>",
	    "<section class=\"pool\">",
	    "<p class=\"sub\">access \xc2\xb7 up 12.1 min \xc2\xb7 CPU 59 % of 2</p>",
	    "<tr class=\"named\"><td title=\"enrich\">enrich</td>"
	    "<td>workers busy 98 %: bottleneck</td><td class=\"wide\">412</td><td>411</td>"
	    "<td class=\"wide\">8/8</td><td>32</td><td class=\"wide\">19.4 ms</td>"
	    "<td class=\"wide\">61.0 ms</td><td class=\"wide\">0.5</td>"
	    "<td class=\"dead\">7</td></tr>",
	    "<td title=\"gzip -9\">gzip -9</td><td>program, CPU 3 %</td>",
	    "<p class=\"failures\"><span class=\"dead\">Failed in enrich: </span>7 timeout</p>",
	    "<h2>The pipeline has ended</h2>",
	    "<td>killed</td>",
	    "<noscript><p>This is of 2026-11-26T12:00:00.000000Z.",
	    "</html>\n",
	};
	const struct view view = view_made();
	size_t len;
	char *html = rendered(&view, &len);

	CHECK(html != NULL && strlen(html) == len, "the length");
	CHECK(len < MOST, "%zu bytes", len);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		CHECK(strstr(html, expected[i]) != NULL, "not there: %s", expected[i]);
	CHECK(strstr(html, "http://") == strstr(html, "http://www.w3.org/2000/svg"),
	    "a name outside");
	CHECK(strstr(html, "https:") == NULL && strstr(html, "innerHTML") == NULL, "markup");
	free(html);
}

static void
test_empty(void)
{
	const struct view view = {0};
	size_t len;
	char *html = rendered(&view, &len);

	CHECK(strstr(html, "<h2>No stage runs</h2>") != NULL, "what is there");
	free(html);
}

static void
test_numbers(void)
{
	static const struct {
		double rate, time;
		const char *cells;
	} rows[] = {
	    {NAN, NAN, "<td class=\"wide\">\xe2\x80\x93</td><td>\xe2\x80\x93</td>"},
	    {0, 0, "<td class=\"wide\">0 \xc2\xb5s</td>"},
	    {0.44, 2e-6, "<td>0.4</td>"},
	    {5, 2e-6, "<td>5</td>"},
	    {9.99, 0.000999, "<td>10</td>"},
	    {999.4, 0.001, "<td>999</td>"},
	    {999.6, 0.001, "<td>1.00k</td>"},
	    {1240, 0.0194, "<td>1.24k</td>"},
	    {12400, 0.0194, "<td class=\"wide\">19.4 ms</td>"},
	    {12400, 59.9, "<td>12.4k</td>"},
	    {1e6, 59.9, "<td>1.00M</td>"},
	    {124e6, 90, "<td>124M</td>"},
	    {5e15, 90, "<td class=\"wide\">1.5 min</td>"},
	    {5e15, 86400, "<td>5000T</td>"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct view view = view_made();
		size_t len;
		char *html;

		view_parts[1].in = view_parts[1].out = rows[i].rate;
		view_parts[1].mean = rows[i].time;
		html = rendered(&view, &len);
		CHECK(strstr(html, rows[i].cells) != NULL, "not there: %s", rows[i].cells);
		free(html);
	}
}

/* How often a text is in another. */
static size_t
times(const char *html, const char *s)
{
	size_t n = 0;

	for (; (html = strstr(html, s)) != NULL; html++)
		n++;
	return n;
}

static void
test_hostile_names(void)
{
	struct view view = view_made();
	size_t len, tags;
	char *html = rendered(&view, &len);

	tags = times(html, "<");
	free(html);
	for (size_t i = 0; i < 4; i++)
		snprintf(view_parts[i].name, MODEL_NAME_SIZE, "%s",
		    "</script><img src=x onerror=alert(1)>\"'&amp;@view@\xc3\xa9");
	snprintf(view_pipelines[0].name, MODEL_NAME_SIZE, "<b>");
	snprintf(view_pipelines[0].text, MODEL_TEXT_SIZE, "<i>");
	html = rendered(&view, &len);
	CHECK(times(html, "<") == tags, "%zu tags", times(html, "<"));
	CHECK(strstr(html,
		  "<td title=\"&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"
		  "&quot;&#39;&amp;amp;@view@\xc3\xa9\">&lt;/script&gt;") != NULL,
	    "the name");
	free(html);
}

/* That the hashes are those of what is served, tests/cli/page.bats shows. */
static void
test_policy(void)
{
	const char *policy = page_headers[1];

	CHECK(strcmp(page_headers[0], "Content-Security-Policy") == 0, "%s", page_headers[0]);
	CHECK(strncmp(policy, "default-src 'none'; style-src 'sha256-", 38) == 0, "%s", policy);
	CHECK(times(policy, "sha256-") == 2 && times(policy, "unsafe") == 0, "%s", policy);
}

int
main(void)
{
	json_object_seed(0);
	test_contents();
	test_empty();
	test_numbers();
	test_hostile_names();
	test_policy();
	return t_end();
}
