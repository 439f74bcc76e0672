#ifndef REDIS_GROUP_H
#define REDIS_GROUP_H

/*
 * A consumer of a group, beside its reading: it acknowledges what is finished,
 * keeps what it has from being idle, takes over what others have left behind,
 * and leaves the group at the end.
 */

#include "reader.h"

#define GROUP_FIRST "0-0" /* before all entries */

/* Acknowledges what is finished. */
void group_acknowledge(struct reading *);

/*
 * Once every quarter of claim=: our entries are touched, so that nobody takes
 * them over; then those of others that have been idle for that time are taken
 * over, if there is room.
 */
void group_make_round(struct reading *, int64_t now);

/* The group is not there: it is made. */
void group_create(struct reading *);

/* Asks for the numbers of the metrics. */
void group_ask_lag(struct reading *);

/*
 * Asks the server to forget the consumer, unless entries are pending for it,
 * which would be lost for the group.
 */
void group_leave(struct reading *);

/* The reply to one of these commands. */
void group_take(struct reading *, enum command, uint64_t n, const redisReply *);

/* The connection is lost. */
void group_lose(struct reading *);

#endif
