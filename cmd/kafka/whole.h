#ifndef PCHAN_KAFKA_WHOLE_H
#define PCHAN_KAFKA_WHOLE_H

/*
 * All partitions of the topics, without a group: as kcat -C reads them.
 * Partitions that are added later are not read.
 *
 * The main thread's.
 */

struct consumer;

/* Begins to read all partitions.  Blocks while no server lists them. */
void whole_begin(struct consumer *);

/* Serves librdkafka: errors, statistics. */
void whole_serve(struct consumer *);

#endif
