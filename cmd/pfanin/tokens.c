#include "tokens.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 16

void
tokens_free(struct tokens *t)
{
	free(t->queue);
	*t = (struct tokens){0};
}

bool
tokens_allow(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len > 0 && len < TOKEN_SIZE;
}

static void
set_latest(struct tokens *t, const char *text)
{
	memcpy(t->latest, text, TOKEN_SIZE);
	t->fresh = true;
}

static int
make_room(struct tokens *t)
{
	size_t room = t->room == 0 ? ROOM_MIN : 2 * t->room;
	struct token *queue;

	if (t->n < t->room)
		return 0;
	if ((queue = reallocarray(t->queue, room, sizeof(*queue))) == NULL)
		return -1;
	t->queue = queue;
	t->room = room;
	return 0;
}

int
tokens_come(struct tokens *t, const char *text, size_t len, uint64_t end)
{
	struct token token = {.end = end};

	memcpy(token.text, text, len);
	if (end <= t->sent) {
		set_latest(t, token.text);
		return 1;
	}
	/* Of two with no record between them the later one is enough. */
	if (t->n > 0 && t->queue[t->n - 1].end == end)
		t->n--;
	else if (make_room(t) == -1)
		return -1;
	t->queue[t->n++] = token;
	return 0;
}

bool
tokens_sent(struct tokens *t, uint64_t end)
{
	size_t n = 0;

	t->sent = end;
	while (n < t->n && t->queue[n].end <= end)
		n++;
	if (n == 0)
		return false;
	set_latest(t, t->queue[n - 1].text);
	t->n -= n;
	memmove(t->queue, t->queue + n, t->n * sizeof(*t->queue));
	return true;
}

bool
tokens_take(struct tokens *t, char text[TOKEN_SIZE])
{
	if (!t->fresh)
		return false;
	memcpy(text, t->latest, TOKEN_SIZE);
	t->fresh = false;
	return true;
}
