#include "record/discard.h"

#include <errno.h>
#include <stdbool.h>

#include "record/envelope.h"
#include "record/reader.h"
#include "record/record.h"

/* Counts the letters among the lines that the reader has. */
static void
count_lines(struct reader *reader, bool at_end, uint64_t *letters)
{
	struct record line;

	while (reader_line(reader, &line) || (at_end && reader_rest(reader, &line))) {
		*letters += envelope_kind_anywhere(line.data, line.len) == ENVELOPE_LETTER;
		record_free(&line);
	}
}

int
discard_count(int fd, uint64_t *letters)
{
	struct reader_limits limits = {.max = READER_NO_LIMIT};
	struct reader *reader = reader_new(fd, &limits);
	ssize_t n = -1;
	int saved;

	*letters = 0;
	if (reader == NULL)
		return -1;
	do {
		if ((n = reader_fill(reader)) != -1)
			count_lines(reader, n == 0, letters);
	} while (n > 0);
	saved = errno;
	reader_free(reader);
	errno = saved;
	return n == -1 ? -1 : 0;
}
