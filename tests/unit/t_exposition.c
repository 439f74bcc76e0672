#include "pmetrics/exposition.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "t.h"

static void
test_numbers(void)
{
	static const struct {
		double number;
		const char *text;
	} table[] = {
	    {0, "0.0"},
	    {1, "1.0"},
	    {-3, "-3.0"},
	    {0.1, "0.1"},
	    {0.005, "0.005"},
	    {1e-5, "1e-05"},
	    {2.5e-6, "2.5e-06"},
	    {10, "10.0"},
	    {100, "100.0"},
	    {0.1 + 0.2, "0.30000000000000004"},
	    {1.0 / 3, "0.3333333333333333"},
	    {1764155555.123456, "1764155555.123456"},
	    {123456789.0, "123456789.0"},
	    {1e22, "1e+22"},
	    {DBL_MAX, "1.7976931348623157e+308"},
	    {INFINITY, "+Inf"},
	    {-INFINITY, "-Inf"},
	    {NAN, "NaN"},
	};
	char text[EXPOSITION_NUMBER_SIZE];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		exposition_format_number(table[i].number, text);
		CHECK(strcmp(text, table[i].text) == 0, "%s, not %s", text, table[i].text);
	}
	for (int i = 0; i < 1000; i++) {
		double number = (double)random() / ((double)random() + 1);

		exposition_format_number(number, text);
		CHECK(!(strtod(text, NULL) < number) && !(strtod(text, NULL) > number), "%s", text);
	}
}

static void
test_labels(void)
{
	static const struct {
		struct exposition_label label[3];
		const char *text;
	} table[] = {
	    {{{"a", "x"}, {"b", "y"}, {"c", NULL}}, "a=\"x\",b=\"y\""},
	    {{{"a", NULL}, {"b", ""}, {"c", "z"}}, "b=\"\",c=\"z\""},
	    {{{"a", NULL}, {"b", NULL}, {"c", NULL}}, ""},
	    {{{"a", "\\ \" \n"}, {"b", "\\\\\n\n"}, {"c", NULL}},
		"a=\"\\\\ \\\" \\n\",b=\"\\\\\\\\\\n\\n\""},
	    {{{"a", "{},= \t\r\x1b# \xc3\xbc"}, {"b", NULL}, {"c", NULL}},
		"a=\"{},= \t\r\x1b# \xc3\xbc\""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *text = exposition_labels(table[i].label, 3);

		CHECK(strcmp(text, table[i].text) == 0, "%s, not %s", text, table[i].text);
		free(text);
	}
}

/* One family of each type. */
static char *
written(enum exposition_format format)
{
	struct exposition e;
	struct histogram h = {0};
	struct metrics_exemplar exemplar[HISTOGRAM_BUCKETS] = {
	    [0] = {.version = 2, .span_id = 1, .ns = 0, .end_us = 1},
	    [10] = {.version = 4, .ns = 2000000, .end_us = INT64_C(1700000000123000)},
	    [HISTOGRAM_BOUNDS] = {.version = 2,
		.ns = INT64_C(200000000000),
		.end_us = INT64_C(1700000000000000)},
	};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	memcpy(&exemplar[10].trace_id,
	    "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36", 16);
	memcpy(&exemplar[10].span_id, "\x00\xf0\x67\xaa\x0b\xa9\x02\xb7", 8);
	exposition_begin(&e, out, format);
	exposition_family(&e, "x", EXPOSITION_COUNTER, "A \"quoted\"\n\\ help.");
	exposition_count(&e, "", NULL, NULL, 0);
	exposition_count(&e, "a=\"1\"", NULL, NULL, UINT64_MAX);
	exposition_count(&e, "a=\"1\"", "reason", "exit", 3);
	exposition_count(&e, "", "reason", "exit", 4);
	exposition_family(&e, "g", EXPOSITION_GAUGE, "G.");
	exposition_number(&e, "a=\"1\"", "on", "input", 0.5);
	histogram_add(&h, 0, 2);
	histogram_add(&h, INT64_C(2000000), 1);
	histogram_add(&h, INT64_C(200000000000), 1);
	exposition_family(&e, "h_seconds", EXPOSITION_HISTOGRAM, "H.");
	exposition_histogram(&e, "a=\"1\"", &h, exemplar);
	exposition_end(&e);
	fclose(out);
	return text;
}

static void
has(const char *text, const char *line)
{
	CHECK(strstr(text, line) != NULL, "no %s in\n%s", line, text);
}

static void
test_text(void)
{
	char *text = written(EXPOSITION_TEXT);

	has(text,
	    "# HELP x_total A \"quoted\"\\n\\\\ help.\n# TYPE x_total counter\nx_total 0\n"
	    "x_total{a=\"1\"} 18446744073709551615\nx_total{a=\"1\",reason=\"exit\"} 3\n"
	    "x_total{reason=\"exit\"} 4\n");
	has(text, "# HELP g G.\n# TYPE g gauge\ng{a=\"1\",on=\"input\"} 0.5\n");
	has(text, "# TYPE h_seconds histogram\nh_seconds_bucket{a=\"1\",le=\"1e-06\"} 2\n");
	has(text, "le=\"0.001\"} 2\n");
	has(text, "le=\"0.0025\"} 3\n");
	has(text,
	    "le=\"100.0\"} 3\nh_seconds_bucket{a=\"1\",le=\"+Inf\"} 4\n"
	    "h_seconds_sum{a=\"1\"} 200.002\nh_seconds_count{a=\"1\"} 4\n");
	CHECK(strstr(text, "# EOF") == NULL, "it has an end");
	free(text);
}

static void
test_openmetrics(void)
{
	char *text = written(EXPOSITION_OPENMETRICS);

	has(text,
	    "# HELP x A \\\"quoted\\\"\\n\\\\ help.\n# TYPE x counter\nx_total 0\n"
	    "x_total{a=\"1\"} 18446744073709551615\n");
	has(text,
	    "le=\"0.001\"} 2\nh_seconds_bucket{a=\"1\",le=\"0.0025\"} 3 # {trace_id=\""
	    "4bf92f3577b34da6a3ce929d0e0e4736\",span_id=\"00f067aa0ba902b7\"} 0.002 "
	    "1700000000.123\n");
	has(text, "le=\"1e-06\"} 2 # {trace_id=\"00000000000000000000000000000000\",span_id=\"");
	has(text, "\"} 0.0 1e-06\n");
	has(text, "le=\"+Inf\"} 4 # {trace_id=\"");
	has(text, "\"} 200.0 1700000000.0\nh_seconds_sum");
	has(text, "h_seconds_count{a=\"1\"} 4\n# EOF\n");
	CHECK(strcmp(text + strlen(text) - 6, "# EOF\n") == 0, "something behind the end");
	free(text);
}

int
main(void)
{
	test_numbers();
	test_labels();
	test_text();
	test_openmetrics();
	return t_end();
}
