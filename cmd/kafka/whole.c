#include "whole.h"

#include "consumer.h"
#include "topics.h"

#define LOOK_MS 1000

static void
begin_topic(struct consumer *c, const char *name, int32_t n_partitions)
{
	/* librdkafka needs the handle for as long as it reads. */
	rd_kafka_topic_t *topic = rd_kafka_topic_new(c->rk, name, NULL);

	if (topic == NULL)
		helper_fail("topic %s: %s", name, rd_kafka_err2str(rd_kafka_last_error()));
	for (int32_t i = 0; i < n_partitions; i++) {
		struct place *p = offsets_place(&c->offsets, name, i);

		if (p == NULL)
			consumer_out_of_memory();
		offsets_assign(p);
		if (rd_kafka_consume_start_queue(topic, i, c->settings.offset, c->records) == -1)
			helper_fail("%s: %s", p->name, rd_kafka_err2str(rd_kafka_last_error()));
	}
}

void
whole_begin(struct consumer *c)
{
	char why[TOPIC_WHY_SIZE];

	for (size_t i = 0; i < c->settings.n_topics && !c->stops; i++) {
		int32_t n = 0;

		while (!c->stops &&
		    topics_look(c->rk, c->settings.topic[i], LOOK_MS, &n, why) != TOPIC_THERE) {
			whole_serve(c);
			consumer_step(c, 0);
		}
		begin_topic(c, c->settings.topic[i], n);
	}
}

void
whole_serve(struct consumer *c)
{
	(void)rd_kafka_poll(c->rk, 0);
}
