#ifndef PCHAN_KAFKA_GROUP_H
#define PCHAN_KAFKA_GROUP_H

/*
 * The member of a consumer group: which partitions are ours, and the commits of
 * what is finished.
 *
 * A partition that is revoked gets two seconds for what is on its way; then the
 * offset of what is finished is committed, and what is finished later commits
 * nothing.  A partition that was lost to another member commits nothing at all.
 *
 * The main thread's.
 */

#include <librdkafka/rdkafka.h>

struct consumer;

/* What the client needs to know before it is made. */
void group_configure(struct consumer *, rd_kafka_conf_t *);

/* Asks for partitions of the topics: they come with group_serve(). */
void group_join(struct consumer *);

/* Serves librdkafka: rebalances, errors, commits that have ended. */
void group_serve(struct consumer *);

/* Begins a commit if one is due. */
void group_commit(struct consumer *);

/* Tells of a group that gives no partitions for some time. */
void group_watch(struct consumer *);

/* Commits what is finished, and waits for that; leaves the group. */
void group_leave(struct consumer *);

#endif
