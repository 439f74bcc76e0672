#include "group.h"

#include <string.h>

#include "base/clock.h"
#include "consumer.h"
#include "errors.h"
#include "records.h"

#define REVOKED_WAIT (2 * CLOCK_S) /* for what is on its way */
#define COMMIT_WAIT (5 * CLOCK_S)  /* for the last commit */
#define LEAVE_WAIT (5 * CLOCK_S)   /* for the end of the membership */
#define GIVEN_WAIT (10 * CLOCK_S)  /* for partitions, until it is told */
#define RETRY_MS 100

static int
left(int64_t deadline)
{
	int64_t ns = deadline - clock_now();

	return ns > 0 ? (int)(ns / CLOCK_MS) + 1 : 0;
}

/* What may be committed; NULL: nothing. */
static rd_kafka_topic_partition_list_t *
list_due(const struct consumer *c)
{
	rd_kafka_topic_partition_list_t *list = NULL;

	for (size_t i = 0; i < c->offsets.n; i++) {
		const struct place *p = c->offsets.place[i];

		if (!offsets_is_due(p))
			continue;
		if (list == NULL)
			list = rd_kafka_topic_partition_list_new(1);
		rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = p->done;
	}
	return list;
}

/* What has become of a commit: its error, or that of a partition. */
static rd_kafka_resp_err_t
committed(struct consumer *c, rd_kafka_resp_err_t err, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; list != NULL && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *one = &list->elems[i];
		struct place *p = offsets_find(&c->offsets, one->topic, one->partition);

		if (one->err != RD_KAFKA_RESP_ERR_NO_ERROR && err == RD_KAFKA_RESP_ERR_NO_ERROR)
			err = one->err;
		else if (err == RD_KAFKA_RESP_ERR_NO_ERROR && p != NULL && p->assigned)
			p->committed = one->offset;
	}
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		c->failures = 0;
		trouble_over(&c->commits);
		return err;
	}
	c->failures++;
	if (errors_kind(err) == ERROR_RIGHTS)
		helper_fail("group %s: no right to commit offsets (%s)", c->settings.group,
		    rd_kafka_err2str(err));
	/* During a rebalance this happens once or twice. */
	if (c->failures > 2)
		trouble_tell(&c->commits, "group %s: offsets cannot be committed (%s)",
		    c->settings.group, rd_kafka_err2str(err));
	return err;
}

static void
want_rest(struct consumer *c)
{
	for (size_t i = 0; i < c->offsets.n; i++)
		if (offsets_is_due(c->offsets.place[i]))
			consumer_want_commit(c);
}

static void
on_commit(
    rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct consumer *c = opaque;

	(void)rk;
	c->committing = false;
	(void)committed(c, err, list);
	want_rest(c);
}

void
group_commit(struct consumer *c)
{
	rd_kafka_topic_partition_list_t *list;

	if (c->committing || clock_now() < c->commit_due)
		return;
	c->commit_due = CLOCK_NEVER;
	if ((list = list_due(c)) == NULL)
		return;
	c->committed = clock_now();
	c->committing = rd_kafka_commit(c->rk, list, 1) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (!c->committing)
		consumer_want_commit(c);
	rd_kafka_topic_partition_list_destroy(list);
}

/* Whether a commit that has failed so may succeed when it is tried again. */
static bool
may_succeed(rd_kafka_resp_err_t err)
{
	switch (err) {
	case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
	case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
		return false; /* others have the partitions */
	default:
		return errors_kind(err) == ERROR_PASSES;
	}
}

/* One commit, until its answer or the deadline. */
static rd_kafka_resp_err_t
commit_once(struct consumer *c, const rd_kafka_topic_partition_list_t *list, int64_t deadline)
{
	rd_kafka_queue_t *answers = rd_kafka_queue_new(c->rk);
	rd_kafka_resp_err_t err = rd_kafka_commit_queue(c->rk, list, answers, NULL, NULL);
	rd_kafka_event_t *event = NULL;

	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		event = rd_kafka_queue_poll(answers, left(deadline));
	if (event != NULL && rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT)
		err = committed(
		    c, rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event));
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(answers);
	return err;
}

/* Commits what is finished, and waits for that. */
static void
commit_now(struct consumer *c)
{
	int64_t deadline = clock_now() + COMMIT_WAIT;
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t err;

	while ((list = list_due(c)) != NULL && clock_now() < deadline) {
		err = commit_once(c, list, deadline);
		rd_kafka_topic_partition_list_destroy(list);
		list = NULL;
		if (!may_succeed(err))
			break;
		if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
			(void)poll(NULL, 0, RETRY_MS);
	}
	if (list != NULL)
		rd_kafka_topic_partition_list_destroy(list);
}

static bool
is_cooperative(rd_kafka_t *rk)
{
	return strcmp(rd_kafka_rebalance_protocol(rk), "COOPERATIVE") == 0;
}

/* Partitions are ours: their records go into our queue. */
static void
take_partitions(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
	c->joined = true;
	trouble_over(&c->trouble);
	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *one = &list->elems[i];
		struct place *p = offsets_place(&c->offsets, one->topic, one->partition);
		rd_kafka_queue_t *queue =
		    rd_kafka_queue_get_partition(c->rk, one->topic, one->partition);

		if (p == NULL || queue == NULL)
			consumer_out_of_memory();
		offsets_assign(p);
		rd_kafka_queue_forward(queue, c->records);
		rd_kafka_queue_destroy(queue);
	}
}

static bool
are_settled(const struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++) {
		const struct place *p =
		    offsets_find(&c->offsets, list->elems[i].topic, list->elems[i].partition);

		if (p != NULL && !offsets_is_settled(p))
			return false;
	}
	return true;
}

/* Partitions go to another member, which begins where we say that we are. */
static void
give_partitions(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
	int64_t deadline = clock_now() + REVOKED_WAIT;

	if (c->leaving)
		return;
	consumer_mark(c);
	while (!c->stops && !are_settled(c, list) && clock_now() < deadline)
		consumer_step(c, left(deadline));
	commit_now(c);
}

static void
forget_partitions(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++) {
		struct place *p =
		    offsets_find(&c->offsets, list->elems[i].topic, list->elems[i].partition);

		if (p != NULL)
			offsets_revoke(p);
	}
	c->joined = false;
	c->waits = clock_now();
}

static void
check(const struct consumer *c, rd_kafka_error_t *error)
{
	if (error == NULL)
		return;
	helper_fail("group %s: %s", c->settings.group, rd_kafka_error_string(error));
}

static void
on_rebalance(
    rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct consumer *c = opaque;
	bool assigns = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;

	c->rebalances++;
	c->news = true;
	if (assigns)
		take_partitions(c, list);
	else if (!rd_kafka_assignment_lost(rk) && c->marks)
		give_partitions(c, list);
	if (!assigns)
		forget_partitions(c, list);
	if (is_cooperative(rk))
		check(c,
		    assigns ? rd_kafka_incremental_assign(rk, list)
			    : rd_kafka_incremental_unassign(rk, list));
	else
		rd_kafka_assign(rk, assigns ? list : NULL);
}

void
group_configure(struct consumer *c, rd_kafka_conf_t *conf)
{
	settings_set(conf, "group.id", c->settings.group);
	settings_set(conf, "enable.auto.commit", "false");
	settings_set(conf, "enable.auto.offset.store", "false");
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
}

void
group_join(struct consumer *c)
{
	rd_kafka_topic_partition_list_t *topics =
	    rd_kafka_topic_partition_list_new((int)c->settings.n_topics);
	rd_kafka_resp_err_t err;

	for (size_t i = 0; i < c->settings.n_topics; i++)
		rd_kafka_topic_partition_list_add(
		    topics, c->settings.topic[i], RD_KAFKA_PARTITION_UA);
	err = rd_kafka_subscribe(c->rk, topics);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		helper_fail("group %s: %s", c->settings.group, rd_kafka_err2str(err));
	rd_kafka_topic_partition_list_destroy(topics);
	c->waits = clock_now();
}

void
group_serve(struct consumer *c)
{
	rd_kafka_message_t *m;

	while ((m = rd_kafka_consumer_poll(c->rk, 0)) != NULL)
		records_handle(c, m);
}

void
group_watch(struct consumer *c)
{
	bool has = false;

	for (size_t i = 0; i < c->offsets.n; i++)
		has |= c->offsets.place[i]->assigned;
	if (c->waits != 0 && !has && !c->joined && c->brokers.up &&
	    clock_now() - c->waits >= GIVEN_WAIT)
		trouble_tell(&c->trouble, "group %s: its coordinator gives no partitions yet",
		    c->settings.group);
}

void
group_leave(struct consumer *c)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
	int64_t deadline;
	rd_kafka_error_t *error;

	if (c->marks)
		commit_now(c);
	c->leaving = true;
	c->brokers.needed = false; /* connections are closed now */
	deadline = clock_now() + LEAVE_WAIT;
	error = rd_kafka_consumer_close_queue(c->rk, queue);
	while (error == NULL && !rd_kafka_consumer_closed(c->rk) && clock_now() < deadline)
		(void)rd_kafka_queue_poll_callback(queue, RETRY_MS);
	if (error != NULL)
		rd_kafka_error_destroy(error);
	rd_kafka_queue_destroy(queue);
}
