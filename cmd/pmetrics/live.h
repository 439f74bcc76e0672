#ifndef LIVE_H
#define LIVE_H

/*
 * What a server shows of the pipelines: a watch that looks once a second, but
 * only while somebody asks.  Nobody has asked for a minute: the watch ends, and
 * the next one who asks begins another.  One thread's.
 */

#include <jansson.h>

struct live;

/* As watch_new(). */
struct live *live_new(double window, unsigned how);
void live_free(struct live *);

/* A descriptor that is readable when live_due() has something to do. */
int live_fd(const struct live *);
void live_due(struct live *);

/* The view as JSON, a new reference.  NULL with errno. */
json_t *live_json(struct live *);

#endif
