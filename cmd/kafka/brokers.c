#include "brokers.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <jansson.h>

#include "json/json.h"
#include "errors.h"

#define DOWN_TOLD 2 /* seconds without a server, from which on it is told */
#define STATISTICS "1000"

static void
on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	struct brokers *b = opaque;

	if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION)
		helper_fail(
		    "%s: the server refuses the login (%s); see sasl.* in the file of config=",
		    b->hosts, reason);
	if (err == RD_KAFKA_RESP_ERR__SSL && !b->was_up)
		helper_fail("%s: TLS: %s", b->hosts, reason);
	if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		return; /* the statistics say so, too */
	snprintf(b->reason, sizeof(b->reason), "%s", reason);
	if (err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
		b->old = true;
	if (err == RD_KAFKA_RESP_ERR__FATAL) {
		(void)rd_kafka_fatal_error(rk, b->reason, sizeof(b->reason));
		b->fatal = true;
	}
}

/* Takes what the statistics say of each server. */
static void
look(struct brokers *b, const char *json, size_t len)
{
	const char *why, *key;
	struct json_path *path = json_path_new(".brokers", &why);
	struct json_slice found;
	json_t *all = NULL, *one;

	if (path == NULL)
		helper_fail("out of memory");
	if (json_path_get(path, json, len, &found))
		all = json_loadb(found.data, found.len, 0, NULL);
	json_path_free(path);
	b->up = false;
	b->reconnects = 0;
	json_object_foreach(all, key, one)
	{
		const char *source = json_string_value(json_object_get(one, "source"));
		const char *state = json_string_value(json_object_get(one, "state"));
		json_int_t connects = json_integer_value(json_object_get(one, "connects"));

		if (source == NULL || state == NULL || strcmp(source, "internal") == 0)
			continue;
		b->up |= strcmp(state, "UP") == 0;
		b->reconnects += connects > 1 ? (uint64_t)connects - 1 : 0;
	}
	json_decref(all);
}

static int
on_statistics(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
	struct brokers *b = opaque;

	(void)rk;
	look(b, json, len);
	b->ticked = true;
	b->was_up |= b->up;
	b->down = b->up || !b->needed ? 0 : b->down + 1;
	if (b->up)
		trouble_over(&b->trouble);
	else if (b->down >= DOWN_TOLD)
		trouble_tell(&b->trouble, "%s: no server answers (%s)", b->hosts,
		    *b->reason != '\0' ? b->reason : "no connection yet");
	return 0; /* librdkafka frees the text */
}

/* Whether the text says that a place is gone, and where reading goes on. */
static bool
is_reset(int level, const char *facility)
{
	return level <= LOG_WARNING && strcmp(facility, "OFFSET") == 0;
}

/* What the user has asked for (debug= in the file) is shown, too. */
static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	const char *thread = strstr(text, "]: ");

	(void)rk;
	if (is_reset(level, facility))
		helper_say("%s", *text == '[' && thread != NULL ? thread + 3 : text);
	else if (level >= LOG_DEBUG)
		helper_say("%s: %s", facility, text);
}

static void
on_no_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	(void)rk;
	(void)err;
	(void)reason;
	(void)opaque;
}

void
brokers_watch(rd_kafka_conf_t *conf, struct brokers *b)
{
	char why[128];

	rd_kafka_conf_set_opaque(conf, b);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_stats_cb(conf, on_statistics);
	rd_kafka_conf_set_log_cb(conf, on_log);
	(void)rd_kafka_conf_set(conf, "statistics.interval.ms", STATISTICS, why, sizeof(why));
}

void
brokers_ignore(rd_kafka_conf_t *conf, struct brokers *b)
{
	rd_kafka_conf_set_opaque(conf, b);
	rd_kafka_conf_set_error_cb(conf, on_no_error);
	rd_kafka_conf_set_log_cb(conf, on_log);
}

void
brokers_wake(rd_kafka_queue_t *queue, int fd)
{
	static const uint64_t one = 1;

	rd_kafka_queue_io_event_enable(queue, fd, &one, sizeof(one));
}
