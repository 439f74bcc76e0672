#include "body.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 4096
#define WINDOW (15 + 16) /* 32 KiB, with the header of gzip */

enum body_state
body_begin(struct body *b, struct body_memory *memory, size_t most, bool gzip)
{
	*b = (struct body){.memory = memory, .most = most};
	if (!gzip)
		return BODY_GOOD;
	if ((b->z = calloc(1, sizeof(*b->z))) == NULL)
		return BODY_NO_MEMORY;
	if (inflateInit2(b->z, WINDOW) == Z_OK)
		return BODY_GOOD;
	free(b->z);
	b->z = NULL;
	return BODY_NO_MEMORY;
}

void
body_free(struct body *b)
{
	if (b->z != NULL)
		inflateEnd(b->z);
	free(b->z);
	free(b->data);
	if (b->memory != NULL)
		b->memory->used -= b->room;
	*b = (struct body){0};
}

/*
 * Makes room for n bytes more; there may be more room than that.  What is
 * unpacked has a byte more than it may fill: the end of gzip needs some, too.
 */
static enum body_state
make_room(struct body *b, size_t n)
{
	size_t room = b->room < ROOM_LEAST ? ROOM_LEAST : b->room;
	size_t most = b->most + (b->z != NULL);
	char *data;

	if (n > most - b->len)
		return BODY_TOO_LONG;
	while (room < b->len + n)
		room *= 2;
	if (room > most)
		room = most;
	if (room <= b->room)
		return BODY_GOOD;
	if (room - b->room > b->memory->most - b->memory->used ||
	    (data = realloc(b->data, room)) == NULL)
		return BODY_NO_MEMORY;
	b->memory->used += room - b->room;
	b->data = data;
	b->room = room;
	return BODY_GOOD;
}

/* Unpacks what was given to z, as far as there is room. */
static enum body_state
unpack(struct body *b)
{
	int result;

	if (b->ended) {
		(void)inflateReset(b->z); /* another member follows */
		b->ended = false;
	}
	b->z->next_out = (Bytef *)b->data + b->len;
	b->z->avail_out = (uInt)(b->room - b->len);
	result = inflate(b->z, Z_NO_FLUSH);
	b->len = b->room - b->z->avail_out;
	b->ended = result == Z_STREAM_END;
	if (b->len > b->most)
		return BODY_TOO_LONG;
	return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR ? BODY_GOOD
										 : BODY_BAD_GZIP;
}

static enum body_state
add_packed(struct body *b, const char *data, size_t len)
{
	enum body_state state = BODY_GOOD;

	/* The interface is older than const. */
	b->z->next_in = (Bytef *)(uintptr_t)data;
	b->z->avail_in = (uInt)len;
	do {
		if (b->len == b->room && (state = make_room(b, 1)) != BODY_GOOD)
			break;
		state = unpack(b);
	} while (state == BODY_GOOD && (b->z->avail_in > 0 || (b->z->avail_out == 0 && !b->ended)));
	return state;
}

enum body_state
body_add(struct body *b, const char *data, size_t len)
{
	enum body_state state;

	if (b->z != NULL)
		return add_packed(b, data, len);
	if ((state = make_room(b, len)) != BODY_GOOD)
		return state;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return BODY_GOOD;
}

enum body_state
body_end(struct body *b)
{
	return b->z == NULL || b->ended ? BODY_GOOD : BODY_BAD_GZIP;
}
