#ifndef PCHAN_KAFKA_RECORDS_H
#define PCHAN_KAFKA_RECORDS_H

/*
 * Records from Kafka to pfanin.
 *
 * A record without a value (a tombstone) becomes `null`, and with meta= an
 * object that has only that member.
 *
 * The main thread's.
 */

#include <stdbool.h>

#include <librdkafka/rdkafka.h>

struct consumer;

/*
 * Takes what has been fetched, up to the next mark and while there is room.
 * False: nothing more is there.
 */
bool records_take(struct consumer *);

/*
 * What has come in a queue, a record or an error, which is freed.  An error
 * that does not pass ends the process.
 */
void records_handle(struct consumer *, rd_kafka_message_t *);

/* Whether all partitions that are ours have been read to their end. */
bool records_are_at_end(const struct consumer *);

/* Tells pfanin how much there is to read of each partition, and the like. */
void records_tell(struct consumer *);

#endif
