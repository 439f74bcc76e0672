#include "inflight.h"

void
inflight_free(struct inflight *f)
{
	queue_free(&f->queue);
	*f = (struct inflight){0};
}

int
inflight_push(struct inflight *f, const struct record *r)
{
	return queue_push(&f->queue, r);
}

size_t
inflight_give(struct inflight *f, size_t max, size_t max_bytes, int64_t now)
{
	size_t n = 0, bytes = 0;

	for (; n < max && inflight_todo(f) > 0 && bytes < max_bytes; n++) {
		struct record *r = queue_at(&f->queue, f->given++);

		r->given = now;
		bytes += r->len + 1;
	}
	return n;
}

int
inflight_iov(const struct inflight *f, struct iovec *iov, int max)
{
	size_t skip = f->partial;
	int n = 0;

	for (size_t i = f->written; i < f->given; i++) {
		struct record *r = queue_at(&f->queue, i);
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
inflight_wrote(struct inflight *f, size_t n)
{
	size_t before = f->written;

	f->piped += n;
	n += f->partial;
	for (size_t len; f->written < f->given; f->written++) {
		len = queue_at(&f->queue, f->written)->len + 1;
		if (n < len)
			break;
		n -= len;
	}
	f->partial = n;
	return f->written - before;
}

bool
inflight_take_whole(struct inflight *f, struct record *front)
{
	struct record *run = f->partial > 0 ? inflight_head(f) : NULL;
	uint64_t lines;
	size_t bytes;

	if (run == NULL || f->written > 0 || run->kind != RECORD_RUN ||
	    (lines = record_whole_lines(run, f->partial, &bytes)) == 0)
		return false;
	(void)record_take(run, lines, bytes, front);
	f->partial -= bytes;
	return true;
}

bool
inflight_has(const struct inflight *f, uint64_t seq)
{
	for (size_t i = 0; i < f->queue.n; i++)
		if (queue_at(&f->queue, i)->seq == seq)
			return true;
	return false;
}

int64_t
inflight_since(const struct inflight *f)
{
	return inflight_head(f)->given;
}

struct record
inflight_pop_todo(struct inflight *f)
{
	return queue_pop(&f->queue);
}

void
inflight_delay(struct inflight *f, int64_t ns)
{
	for (size_t i = 0; i < f->given; i++)
		queue_at(&f->queue, i)->given += ns;
}

void
inflight_take_back_unread(struct inflight *f, size_t unread, size_t keep)
{
	size_t seen = f->written;

	/*
	 * What is unread are the pipe's last bytes.  First come those of the
	 * record that is written in part: if it has more bytes there than are
	 * unread, the child has seen some of it, and so all that is before it.
	 */
	if (f->partial > unread)
		seen++;
	else {
		/*
		 * Then whole records, their LF included, from the last one on.
		 */
		unread -= f->partial;
		while (seen > 0 && queue_at(&f->queue, seen - 1)->len + 1 <= unread)
			unread -= queue_at(&f->queue, --seen)->len + 1;
	}
	if (seen < keep)
		seen = keep;
	if (f->given > seen)
		f->given = seen;
	/* There is nobody to read the rest of them. */
	inflight_reset_pipe(f);
}

void
inflight_take_back(struct inflight *f)
{
	f->given = 0;
	inflight_reset_pipe(f);
}

void
inflight_reset_pipe(struct inflight *f)
{
	f->written = f->partial = 0;
	f->piped = 0;
}
