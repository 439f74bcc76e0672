#include "topics.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "engine/helper.h"
#include "errors.h"

#define LOOK_MS 500
#define UNKNOWN_FOR (5 * CLOCK_S)

/* What the answer says of the topic. */
static enum topic_state
judge(const struct rd_kafka_metadata_topic *t, char why[TOPIC_WHY_SIZE])
{
	rd_kafka_resp_err_t err = t->err;

	for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < t->partition_cnt; i++)
		err = t->partitions[i].err;
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		snprintf(why, TOPIC_WHY_SIZE, "%s", rd_kafka_err2str(err));
	if (errors_kind(t->err) == ERROR_RIGHTS)
		helper_fail("topic %s: no right to use the topic (%s)", t->topic, why);
	if (errors_kind(t->err) == ERROR_TOPIC)
		return TOPIC_UNKNOWN;
	return t->err == RD_KAFKA_RESP_ERR_NO_ERROR && t->partition_cnt > 0 ? TOPIC_THERE
									    : TOPIC_AWAY;
}

enum topic_state
topics_look(
    rd_kafka_t *rk, const char *topic, int timeout, int32_t *n_partitions, char why[TOPIC_WHY_SIZE])
{
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	enum topic_state state = TOPIC_AWAY;
	rd_kafka_resp_err_t err;

	*why = '\0';
	if (rkt == NULL)
		helper_fail("topic %s: %s", topic, rd_kafka_err2str(rd_kafka_last_error()));
	err = rd_kafka_metadata(rk, 0, rkt, &metadata, timeout);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		snprintf(why, TOPIC_WHY_SIZE, "%s", rd_kafka_err2str(err));
	else {
		if (metadata->topic_cnt > 0) {
			state = judge(&metadata->topics[0], why);
			*n_partitions = metadata->topics[0].partition_cnt;
		}
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(rkt);
	return state;
}

bool
topics_are_there(rd_kafka_t *rk, char **topic, size_t n, int64_t *unknown)
{
	char why[TOPIC_WHY_SIZE];
	int64_t now = clock_now();
	int32_t partitions;

	for (size_t i = 0; i < n; i++)
		switch (topics_look(rk, topic[i], LOOK_MS, &partitions, why)) {
		case TOPIC_UNKNOWN:
			if (*unknown == 0)
				*unknown = now;
			if (now - *unknown >= UNKNOWN_FOR)
				helper_fail(
				    "topic %s: there is no such topic (%s); create it first",
				    topic[i], why);
			return false;
		case TOPIC_AWAY:
			*unknown = 0;
			return false;
		case TOPIC_THERE:
			break;
		}
	return true;
}
