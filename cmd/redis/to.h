#ifndef REDIS_TO_H
#define REDIS_TO_H

/*
 * to-redis: records become entries of a stream, pchan-engines(7).
 */

/* Runs the helper; returns its exit status. */
int to_redis(const char *url);

#endif
