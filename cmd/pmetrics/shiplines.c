#include "shiplines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST 65536

void
shiplines_begin(struct shiplines *s, int fd, uint64_t offset)
{
	*s = (struct shiplines){.fd = fd, .offset = offset};
}

void
shiplines_end(struct shiplines *s)
{
	free(s->data);
}

/* Makes room for more behind what is there.  -1 with errno. */
static int
make_room(struct shiplines *s)
{
	size_t more = s->room == 0 ? FIRST : 2 * s->room;
	char *data;

	if (s->begin > 0) {
		memmove(s->data, s->data + s->begin, s->end - s->begin);
		s->end -= s->begin;
		s->begin = 0;
	}
	if (s->end < s->room)
		return 0;
	if ((data = realloc(s->data, more)) == NULL)
		return -1;
	s->data = data;
	s->room = more;
	return 0;
}

/* Reads more.  1; 0 at the end; -1 with errno. */
static int
fill(struct shiplines *s)
{
	ssize_t n;

	if (s->end == s->room && make_room(s) == -1)
		return -1;
	while ((n = read(s->fd, s->data + s->end, s->room - s->end)) == -1 && errno == EINTR)
		continue;
	if (n > 0)
		s->end += (size_t)n;
	return n > 0 ? 1 : (int)n;
}

/* Takes what is there up to an LF, of a line that is too long. */
static enum shiplines_kind
skip(struct shiplines *s)
{
	int more = 1;

	for (s->last = 0; more == 1; more = fill(s)) {
		size_t n = s->end - s->begin;
		const char *end = memchr(s->data + s->begin, '\n', n);

		if (end != NULL)
			n = (size_t)(end + 1 - s->data) - s->begin;
		s->begin += n;
		s->offset += n;
		if (end != NULL)
			return SHIPLINES_LONG;
		s->begin = s->end = 0;
	}
	return more == 0 ? SHIPLINES_LONG : SHIPLINES_ERROR;
}

static void
take(struct shiplines *s, size_t len)
{
	s->last = len;
	s->begin += len;
	s->offset += len;
}

enum shiplines_kind
shiplines_next(struct shiplines *s, const char **line, size_t *len)
{
	size_t seen = 0;
	const char *end = NULL;
	int more = 1;

	while (end == NULL && more == 1) {
		size_t n = s->end - s->begin;

		if (n > seen)
			end = memchr(s->data + s->begin + seen, '\n', n - seen);
		seen = n;
		if (end == NULL && n > SHIPLINES_MOST)
			return skip(s);
		if (end == NULL)
			more = fill(s);
	}
	if (more == -1)
		return SHIPLINES_ERROR;
	if (s->begin == s->end)
		return SHIPLINES_END;
	*line = s->data + s->begin;
	*len = end != NULL ? (size_t)(end - *line) : s->end - s->begin;
	take(s, *len + (end != NULL));
	if (*len > SHIPLINES_MOST)
		return SHIPLINES_LONG;
	return end != NULL ? SHIPLINES_LINE : SHIPLINES_TAIL;
}

void
shiplines_back(struct shiplines *s)
{
	s->begin -= s->last;
	s->offset -= s->last;
	s->last = 0;
}
