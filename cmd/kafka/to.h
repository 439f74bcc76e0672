#ifndef PCHAN_KAFKA_TO_H
#define PCHAN_KAFKA_TO_H

/*
 * to-kafka: records from pfanout to a topic.  Returns the exit status.
 */

int to_run(const char *url);

#endif
