#include "lines.h"

#include <string.h>

#include "record/mark.h"

/* Takes a line off the front. */
static struct json_slice
take_line(const char *body, size_t len, size_t *at)
{
	const char *line = body + *at, *lf = memchr(line, '\n', len - *at);
	size_t n = lf != NULL ? (size_t)(lf - line) : len - *at;

	*at += n + (lf != NULL);
	return (struct json_slice){line, n};
}

/* Why a text is no record; NULL: it is one. */
static const char *
judge(const char *text, size_t len)
{
	struct json_error error;
	struct mark mark;

	if (!json_check(text, len, &error))
		return error.what;
	/* It would be taken for one of this pipeline, and not for a record. */
	return mark_read(text, len, &mark) ? "a mark of pchan is no record" : NULL;
}

void
lines_check(const char *body, size_t len, struct lines *l)
{
	size_t at = 0;

	*l = (struct lines){0};
	if (len > 0 && judge(body, len) == NULL) {
		l->single = true;
		l->records = 1;
		return;
	}
	for (size_t n = 1; at < len; n++) {
		struct json_slice line = take_line(body, len, &at);
		const char *why;

		if (json_blank(line.data, line.len))
			continue;
		l->records++;
		if ((why = judge(line.data, line.len)) == NULL)
			continue;
		if (l->bad == 0)
			l->why = why;
		if (l->bad < LINES_SHOWN)
			l->shown[l->bad] = n;
		l->bad++;
	}
}

bool
lines_next(
    const struct lines *l, const char *body, size_t len, size_t *at, struct json_slice *record)
{
	if (l->single && *at == 0) {
		*at = len;
		*record = (struct json_slice){body, len};
		return true;
	}
	while (*at < len) {
		*record = take_line(body, len, at);
		if (!json_blank(record->data, record->len))
			return true;
	}
	return false;
}
