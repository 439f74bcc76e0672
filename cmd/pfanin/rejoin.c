#include "rejoin.h"

#include <err.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096

/* The byte at this offset; 0: there is none. */
static char
byte_at(int fd, uint64_t offset)
{
	char byte = '\0';

	return pread(fd, &byte, 1, (off_t)offset) == 1 ? byte : '\0';
}

/* Where the line begins in which the offset is. */
static uint64_t
line_start(int fd, uint64_t offset)
{
	char block[BLOCK], *lf;

	while (offset > 0) {
		size_t len = offset < BLOCK ? (size_t)offset : BLOCK;

		if (pread(fd, block, len, (off_t)(offset - len)) != (ssize_t)len)
			break;
		if ((lf = memrchr(block, '\n', len)) != NULL)
			return offset - len + (size_t)(lf - block) + 1;
		offset -= len;
	}
	return 0;
}

struct reader_place
rejoin(const char *path, int fd, const struct stat *st, struct reader_place at)
{
	if ((uint64_t)st->st_size < at.offset) {
		warnx("%s: it is shorter than it was (truncated): it is read from its start", path);
		return (struct reader_place){0};
	}
	if (at.offset == 0 || (uint64_t)st->st_size == at.offset ||
	    byte_at(fd, at.offset - 1) == '\n')
		return at;
	if (byte_at(fd, at.offset) == '\n') {
		at.offset++;
		return at;
	}
	at.offset = line_start(fd, at.offset);
	at.lines -= at.lines > 0;
	return at;
}
