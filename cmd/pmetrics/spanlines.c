#include "spanlines.h"

#include <errno.h>
#include <string.h>

#include "record/reader.h"
#include "record/record.h"

static bool
is_blank(const struct record *r)
{
	size_t i = 0;

	while (i < r->len && strchr(" \t\r", r->data[i]) != NULL && r->data[i] != '\0')
		i++;
	return i == r->len;
}

/* -1 with errno: memory, or fn's. */
static int
read_line(
    const struct record *r, const struct spanlines_use *use, struct spanlines_rejects *rejects)
{
	const char *why = NULL;

	if (is_blank(r) || (use->skips != NULL && use->skips(r->data, r->len, use->arg)))
		return 0;
	if (r->full_len != 0)
		why = "it is longer than 64M";
	else if (spanview_line(r->data, r->len, use->fn, use->arg, &why) == -1 && why == NULL)
		return -1;
	if (why != NULL && rejects->n++ == 0) {
		rejects->line = r->line;
		strlcpy(rejects->why, why, sizeof(rejects->why));
	}
	return 0;
}

static int
read_whole_lines(
    struct reader *reader, const struct spanlines_use *use, struct spanlines_rejects *rejects)
{
	struct record r;
	int result = 0;

	while (result == 0 && reader_line(reader, &r)) {
		result = read_line(&r, use, rejects);
		record_free(&r);
	}
	return result;
}

static int
read_all(struct reader *reader, const struct spanlines_use *use, struct spanlines_rejects *rejects)
{
	struct spanlines_rejects torn = {0};
	struct record r;
	ssize_t n;
	int result = 0;

	while (result == 0 && (n = reader_fill(reader)) != 0) {
		if (n == -1 && errno == ENOMEM)
			return -1;
		if (n == -1) {
			rejects->error = errno;
			break;
		}
		result = read_whole_lines(reader, use, rejects);
	}
	if (result == 0 && reader_rest(reader, &r)) {
		result = read_line(&r, use, &torn);
		record_free(&r);
	}
	return result;
}

int
spanlines_read(int fd, const struct spanlines_use *use, struct spanlines_rejects *rejects)
{
	const struct reader_limits limits = {.max = SPANLINES_MAX, .strip_bom = true};
	struct reader *reader = reader_new(fd, &limits);
	int result, error;

	if (reader == NULL)
		return -1;
	result = read_all(reader, use, rejects);
	error = errno;
	reader_free(reader);
	errno = error;
	return result;
}
