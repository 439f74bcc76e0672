#include "pmetrics/points.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

#include "t.h"

#define START UINT64_C(1764155555000000001)
#define NOW UINT64_C(1764155556000000002)
#define LABELS "stage=\"a\\\\n \\\"b\\\"\\n\",tool=\"\""

static json_t *
get(json_t *json, const char *path)
{
	char copy[128], *rest = copy, *word;

	strlcpy(copy, path, sizeof(copy));
	while (json != NULL && (word = strsep(&rest, ".")) != NULL)
		json = json_is_array(json) ? json_array_get(json, (size_t)(*word - '0'))
					   : json_object_get(json, word);
	return json;
}

static void
is_text(json_t *json, const char *path, const char *text)
{
	const char *got = json_string_value(get(json, path));

	CHECK(got != NULL && strcmp(got, text) == 0, "%s: %s, not %s", path,
	    got != NULL ? got : "NULL", text);
}

static void
is_number(json_t *json, const char *path, double number)
{
	double got = json_number_value(get(json, path));

	CHECK(json_is_number(get(json, path)) && fabs(got - number) < 1e-12, "%s: %g", path, got);
}

static void
write_all(struct points *p)
{
	struct histogram h = {0};
	struct exposition e;

	points_begin(p, START, NOW);
	exposition_begin_points(&e, p);
	exposition_family(&e, "x_bytes", EXPOSITION_COUNTER, "A \"quoted\"\n\\ help.");
	exposition_count(&e, LABELS, NULL, NULL, UINT64_MAX);
	exposition_count(&e, "", "reason", "exit", 3);
	exposition_family(&e, "none", EXPOSITION_GAUGE, "Has no samples.");
	exposition_family(&e, "g_seconds", EXPOSITION_GAUGE, "G.");
	exposition_number(&e, "a=\"1\"", "on", "input", 0.1);
	exposition_number(&e, "", NULL, NULL, INFINITY);
	exposition_family(&e, "h", EXPOSITION_HISTOGRAM, "H.");
	histogram_add(&h, 0, 2);
	histogram_add(&h, INT64_C(2000000), 1);
	histogram_add(&h, INT64_C(200000000000), 1);
	exposition_histogram(&e, "a=\"1\"", &h, NULL);
	exposition_end(&e);
}

static void
check_all(json_t *json)
{
	CHECK(json_array_size(json) == 3, "%zu", json_array_size(json));
	is_text(json, "0.name", "x_bytes");
	is_text(json, "0.description", "A \"quoted\"\n\\ help.");
	is_text(json, "0.unit", "By");
	is_number(json, "0.sum.aggregationTemporality", 2);
	CHECK(json_is_true(get(json, "0.sum.isMonotonic")), "not monotonic");
	is_text(json, "0.sum.dataPoints.0.attributes.0.key", "stage");
	is_text(json, "0.sum.dataPoints.0.attributes.0.value.stringValue", "a\\n \"b\"\n");
	is_text(json, "0.sum.dataPoints.0.attributes.1.value.stringValue", "");
	is_text(json, "0.sum.dataPoints.0.asInt", "9223372036854775807");
	is_text(json, "0.sum.dataPoints.0.startTimeUnixNano", "1764155555000000001");
	is_text(json, "0.sum.dataPoints.0.timeUnixNano", "1764155556000000002");
	is_text(json, "0.sum.dataPoints.1.attributes.0.key", "reason");
	is_text(json, "0.sum.dataPoints.1.asInt", "3");
	is_text(json, "1.name", "g_seconds");
	is_text(json, "1.unit", "s");
	is_number(json, "1.gauge.dataPoints.0.asDouble", 0.1);
	CHECK(get(json, "1.gauge.dataPoints.0.startTimeUnixNano") == NULL, "a gauge has a start");
	is_number(json, "1.gauge.dataPoints.1.asDouble", 0);
	CHECK(json_array_size(get(json, "1.gauge.dataPoints.1.attributes")) == 0, "attributes");
	CHECK(get(json, "2.unit") == NULL, "a unit");
	is_number(json, "2.histogram.aggregationTemporality", 2);
	is_text(json, "2.histogram.dataPoints.0.count", "4");
	is_number(json, "2.histogram.dataPoints.0.sum", 200.002);
	is_text(json, "2.histogram.dataPoints.0.bucketCounts.0", "2");
	is_number(json, "2.histogram.dataPoints.0.explicitBounds.0", 1e-6);
	CHECK(json_array_size(get(json, "2.histogram.dataPoints.0.bucketCounts")) ==
		HISTOGRAM_BUCKETS,
	    "buckets");
	CHECK(json_array_size(get(json, "2.histogram.dataPoints.0.explicitBounds")) ==
		HISTOGRAM_BOUNDS,
	    "bounds");
}

int
main(void)
{
	struct points p;
	struct text array = {0};
	json_error_t error;
	json_t *json;

	write_all(&p);
	CHECK(points_end(&p), "no memory");
	CHECK(p.n == 5, "%d points", (int)p.n);
	TEXT_LITERAL(&array, "[");
	text_bytes(&array, p.text.data, p.text.len);
	TEXT_LITERAL(&array, "]");
	json = json_loadb(array.data, array.len, 0, &error);
	CHECK(json != NULL, "%s in %.*s", error.text, (int)array.len, array.data);
	check_all(json);
	json_decref(json);
	text_free(&array);
	points_free(&p);
	/* Without a sample there is nothing. */
	points_begin(&p, START, NOW);
	points_family(&p, "x", EXPOSITION_COUNTER, "X.");
	CHECK(points_end(&p) && p.text.len == 0 && p.n == 0, "something");
	points_free(&p);
	return t_end();
}
