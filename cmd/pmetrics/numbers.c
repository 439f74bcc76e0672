#include "numbers.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/units.h"
#include "base/version.h"
#include "exposition.h"
#include "families.h"
#include "json/text.h"
#include "metrics/look.h"
#include "metrics/rundir.h"
#include "points.h"
#include "shipped.h"
#include "trace/otlp.h"
#include "trace/resource.h"
#include "trace/settings.h"

#define EXPORTER "OTEL_METRICS_EXPORTER"
#define INTERVAL "OTEL_METRIC_EXPORT_INTERVAL"
#define INTERVAL_MOST 86400000 /* ms */

struct numbers {
	struct settings settings;
	int64_t interval;
	unsigned char id[16]; /* service.instance.id */
	uint64_t boot;        /* calendar ns */
};

/* A word of a list, `otlp,prometheus`. */
bool
numbers_wanted(void)
{
	const char *list = getenv(EXPORTER);

	while (list != NULL && *list != '\0') {
		size_t len = strcspn(list, ",");

		if (len == 4 && strncmp(list, "otlp", len) == 0)
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}

static int64_t
read_interval(void)
{
	const char *value = getenv(INTERVAL), *why;
	int64_t ms = 60000;

	if (value != NULL && *value != '\0' &&
	    units_number(value, 1, INTERVAL_MOST, &ms, &why) == -1)
		warnx("ship: " INTERVAL ": %s: not %s: it is ignored", value, why);
	return ms * CLOCK_MS;
}

static uint64_t
calendar(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * CLOCK_S + (uint64_t)now.tv_nsec;
}

static uint64_t
boot_time(void)
{
	struct timespec since;

	clock_gettime(CLOCK_BOOTTIME, &since);
	return calendar() - ((uint64_t)since.tv_sec * CLOCK_S + (uint64_t)since.tv_nsec);
}

/*
 * The same one for all runs of this user on this machine, as the numbers go on
 * where they were.
 */
static void
make_id(unsigned char id[16])
{
	char name[HOST_NAME_MAX + 16] = "";
	uint64_t half[2];

	(void)gethostname(name, HOST_NAME_MAX);
	half[0] = hash_bytes(name, strlen(name));
	half[1] = hash_bytes(&half[0], sizeof(half[0])) + geteuid();
	memcpy(id, half, sizeof(half));
}

struct numbers *
numbers_new(int status)
{
	struct numbers *n = calloc(1, sizeof(*n));

	if (n == NULL || settings_read(&n->settings) == -1)
		err(status, "ship");
	n->interval = read_interval();
	n->boot = boot_time();
	make_id(n->id);
	return n;
}

void
numbers_free(struct numbers *n)
{
	if (n == NULL)
		return;
	settings_free(&n->settings);
	free(n);
}

int64_t
numbers_interval(const struct numbers *n)
{
	return n->interval;
}

/*
 * Since when the counters have counted: the oldest of the run directories was
 * made, or the machine was started.
 */
static uint64_t
start_time(const struct numbers *n, uint64_t now)
{
	struct rundir_list list;
	uint64_t start = now;

	if (rundir_list(&list) == -1)
		return n->boot;
	for (size_t i = 0; i < list.n; i++) {
		struct statx st;
		uint64_t made = n->boot;

		if (statx(AT_FDCWD, list.path[i], AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) == -1)
			continue;
		if ((st.stx_mask & STATX_BTIME) != 0 && st.stx_btime.tv_sec > 0)
			made = (uint64_t)st.stx_btime.tv_sec * CLOCK_S + st.stx_btime.tv_nsec;
		if (made < start)
			start = made;
	}
	rundir_list_free(&list);
	return start;
}

static void
put_request(struct text *t, const struct numbers *n, const struct points *points)
{
	const struct otlp_stage self = {
	    .tool = "pmetrics", .name = "pchan", .pipeline = "", .uuid = n->id, .pid = getpid()};

	TEXT_LITERAL(t, "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[");
	resource_put(t, &n->settings, &self);
	TEXT_LITERAL(t, "]},\"scopeMetrics\":[{\"scope\":{\"name\":\"pchan\",\"version\":");
	text_string(t, PCHAN_VERSION);
	TEXT_LITERAL(t, "},\"metrics\":[");
	text_bytes(t, points->text.data, points->text.len);
	TEXT_LITERAL(t, "]}]}]}");
}

char *
numbers_request(struct numbers *n, size_t *len, uint64_t *data_points)
{
	const uint64_t now = calendar();
	struct exposition e;
	struct points points;
	struct text text = {0};
	struct shipped shipped;
	struct look look;

	if (shipped_read_totals(&shipped) == -1)
		return NULL;
	if (look_take(&look, LOOK_FOLD) == -1) {
		shipped_free(&shipped);
		return NULL;
	}
	points_begin(&points, start_time(n, now), now);
	exposition_begin_points(&e, &points);
	if ((look.n > 0 || look.retired.n > 0) && families_write(&e, &look, &shipped, false) == 0 &&
	    points_end(&points))
		put_request(&text, n, &points);
	look_free(&look);
	shipped_free(&shipped);
	*data_points = points.n;
	points_free(&points);
	*len = text.len;
	if (!text.failed)
		return text.data;
	text_free(&text);
	return NULL;
}
