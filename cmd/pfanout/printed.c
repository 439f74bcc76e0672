#include "printed.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "record/record.h"

#define FIRST (4 * 1024)

void
printed_free(struct printed *p)
{
	if (p->slab != NULL)
		slab_release(p->slab, 1);
	p->slab = NULL;
	p->len = 0;
}

/* Makes room for more.  -1 with errno: EFBIG beyond the bound. */
static int
grow(struct printed *p)
{
	size_t size = p->slab == NULL ? FIRST : 2 * p->slab->size;
	struct slab *s;

	if (p->len > p->most) {
		errno = EFBIG;
		return -1;
	}
	if (p->slab != NULL && p->len + 1 < p->slab->size)
		return 0;
	/* A byte to see that it is over, and an LF. */
	if (size > p->most + 2)
		size = p->most + 2;
	if ((s = slab_new(size, 1)) == NULL)
		return -1;
	if (p->slab != NULL) {
		memcpy(s->data, p->slab->data, p->len);
		slab_release(p->slab, 1);
	}
	p->slab = s;
	return 0;
}

bool
printed_read(struct printed *p, int fd, int *error)
{
	ssize_t n;

	*error = 0;
	for (;;) {
		if (grow(p) == -1) {
			*error = errno;
			return false;
		}
		n = read(fd, p->slab->data + p->len, p->slab->size - p->len - 1);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == -1;
		p->len += (size_t)n;
	}
}

size_t
printed_long_line(const struct printed *p, size_t max)
{
	const char *at = p->len > max ? p->slab->data : NULL;
	size_t left = p->len;

	while (left > max) {
		const char *lf = memchr(at, '\n', left);
		size_t len = lf != NULL ? (size_t)(lf - at) : left;

		if (len > max)
			return len;
		at += len + 1;
		left -= len + 1;
	}
	return 0;
}

const char *
printed_last_line(const struct printed *p, size_t *len)
{
	const char *data = p->len > 0 ? p->slab->data : NULL, *lf;
	size_t end = p->len;

	while (end > 0 && data[end - 1] == '\n')
		end--;
	if (end == 0)
		return NULL;
	lf = memrchr(data, '\n', end);
	*len = lf != NULL ? end - (size_t)(lf + 1 - data) : end;
	return data + end - *len;
}

void
printed_move(struct printed *p, struct record *r)
{
	if (p->len == 0) {
		printed_free(p);
		return;
	}
	/* The last line may lack its LF. */
	r->len = p->slab->data[p->len - 1] == '\n' ? p->len - 1 : p->len;
	r->slab = p->slab;
	r->data = r->slab->data;
	r->data[r->len] = '\n';
	r->lines = record_lines(r);
	record_detach(r);
	p->slab = NULL;
	p->len = 0;
}
