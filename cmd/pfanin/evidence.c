#include "evidence.h"

#include <string.h>
#include <unistd.h>

int
evidence_take(struct evidence *e, int fd, uint64_t offset)
{
	size_t n = offset < EVIDENCE_BYTES ? (size_t)offset : EVIDENCE_BYTES;

	*e = (struct evidence){.offset = offset, .n = n};
	if (pread(fd, e->head, n, 0) == -1 || pread(fd, e->tail, n, (off_t)(offset - n)) == -1)
		return -1;
	return 0;
}

void
evidence_add(struct evidence *e, const char *data, size_t n)
{
	size_t room = EVIDENCE_BYTES - e->n, first = n < room ? n : room;
	size_t last = n < EVIDENCE_BYTES ? n : EVIDENCE_BYTES;
	size_t kept = e->n + first - last;

	memcpy(e->head + e->n, data, first);
	memmove(e->tail, e->tail + e->n - kept, kept);
	memcpy(e->tail + kept, data + n - last, last);
	e->n += first;
	e->offset += n;
}

static bool
has(int fd, const char *text, size_t n, uint64_t offset)
{
	char there[EVIDENCE_BYTES];

	return pread(fd, there, n, (off_t)offset) == (ssize_t)n && memcmp(there, text, n) == 0;
}

bool
evidence_holds(const struct evidence *e, int fd)
{
	return has(fd, e->tail, e->n, e->offset - e->n) && has(fd, e->head, e->n, 0);
}
