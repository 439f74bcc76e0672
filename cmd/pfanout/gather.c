#include "gather.h"

#include "record/queue.h"

int
gather(const struct queue *q, size_t from, size_t to, size_t skip, struct iovec *iov, int max)
{
	int n = 0;

	for (size_t i = from; i < to; i++) {
		struct record *r = queue_at(q, i);
		char *base = r->data + skip;
		size_t len = r->len + 1 - skip;

		skip = 0;
		if (n > 0 && (char *)iov[n - 1].iov_base + iov[n - 1].iov_len == base)
			iov[n - 1].iov_len += len;
		else if (n < max)
			iov[n++] = (struct iovec){base, len};
		else
			break;
	}
	return n;
}

size_t
gather_done(const struct queue *q, size_t from, size_t *partial, size_t n)
{
	size_t whole = 0;

	n += *partial;
	for (size_t len; from + whole < q->n; whole++) {
		len = queue_at(q, from + whole)->len + 1;
		if (n < len)
			break;
		n -= len;
	}
	*partial = n;
	return whole;
}
