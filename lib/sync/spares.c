#include "sync/spares.h"

#include <stdlib.h>
#include <string.h>

size_t
spares_take(struct spares *s, void **block, size_t n)
{
	pthread_mutex_lock(&s->lock);
	n = n < s->n ? n : s->n;
	s->n -= n;
	memcpy(block, s->block + s->n, n * sizeof(*block));
	/* A block that is lost must not look as if we still had it. */
	memset(s->block + s->n, 0, n * sizeof(*block));
	pthread_mutex_unlock(&s->lock);
	return n;
}

void *
spares_get(struct spares *s)
{
	void *block;

	return spares_take(s, &block, 1) == 1 ? block : NULL;
}

void
spares_put(struct spares *s, void *const *block, size_t n)
{
	size_t kept;

	pthread_mutex_lock(&s->lock);
	kept = n < s->most - s->n ? n : s->most - s->n;
	memcpy(s->block + s->n, block, kept * sizeof(*block));
	s->n += kept;
	pthread_mutex_unlock(&s->lock);
	for (size_t i = kept; i < n; i++)
		free(block[i]);
}
