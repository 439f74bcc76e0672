#include "backlog.h"

#include <stdlib.h>
#include <string.h>

static size_t
size_of(const struct backlog_item *item)
{
	return item->record.len + item->key.len;
}

void
backlog_free(struct backlog *b)
{
	while (b->n > 0)
		backlog_drop(b);
	free(b->items);
	*b = (struct backlog){0};
}

int
backlog_add(struct backlog *b, const struct backlog_item *item)
{
	/* Half of it at least is free: each item is moved once in a while. */
	if (b->first + b->n == b->room && b->first >= b->n && b->first > 0) {
		memcpy(b->items, b->items + b->first, b->n * sizeof(*b->items));
		b->first = 0;
	}
	if (b->first + b->n == b->room) {
		size_t room = b->room > 0 ? 2 * b->room : 64;
		struct backlog_item *items = reallocarray(b->items, room, sizeof(*items));

		if (items == NULL)
			return -1;
		b->items = items;
		b->room = room;
	}
	b->items[b->first + b->n++] = *item;
	return 0;
}

struct backlog_item *
backlog_at(const struct backlog *b, size_t i)
{
	return &b->items[b->first + i];
}

size_t
backlog_run(const struct backlog *b, size_t most)
{
	size_t n = 0, bytes = 0;

	while (n < b->n && n < most) {
		bytes += size_of(backlog_at(b, n));
		if (n > 0 && bytes > BACKLOG_BYTES)
			break;
		n++;
	}
	return n;
}

void
backlog_drop(struct backlog *b)
{
	json_key_forget(&backlog_at(b, 0)->key);
	b->first++;
	if (--b->n == 0)
		b->first = 0;
}
