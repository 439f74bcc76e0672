#ifndef PCHAN_KAFKA_FROM_H
#define PCHAN_KAFKA_FROM_H

/*
 * from-kafka: records from topics to pfanin, as a member of a consumer group,
 * or without one.  Returns the exit status.
 */

int from_run(const char *url);

#endif
