#ifndef EVIDENCE_H
#define EVIDENCE_H

/*
 * What is remembered of the text of a file up to an offset, so that another
 * text in the same file, or the same text in another file, is recognised: its
 * first and its last bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVIDENCE_BYTES 64

struct evidence {
	uint64_t offset;
	size_t n; /* bytes of head, and of tail */
	char head[EVIDENCE_BYTES], tail[EVIDENCE_BYTES];
};

/* Of what the file has before the offset.  -1 with errno. */
int evidence_take(struct evidence *, int fd, uint64_t offset);

/* The text goes on with these n bytes. */
void evidence_add(struct evidence *, const char *data, size_t n);

/* Whether the file has this text before the offset, for all that is known. */
bool evidence_holds(const struct evidence *, int fd);

#endif
