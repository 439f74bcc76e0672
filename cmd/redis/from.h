#ifndef REDIS_FROM_H
#define REDIS_FROM_H

/*
 * from-redis: the entries of a stream as records, pchan-engines(7).
 */

/* Runs the helper; returns its exit status. */
int from_redis(const char *url);

#endif
