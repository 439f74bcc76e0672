#include "fingerprint.h"

#include <errno.h>
#include <unistd.h>

#include "base/hash.h"

/* The first bytes, up to len of them; -1 with errno. */
static ssize_t
read_head(int fd, char *head, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, head + got, len - got, (off_t)got);

		if (n == 0)
			break;
		if (n == -1 && errno != EINTR)
			return -1;
		got += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)got;
}

int
fingerprint_take(struct fingerprint *f, int fd, uint64_t most)
{
	char head[FINGERPRINT_BYTES];
	ssize_t n = read_head(fd, head, most < sizeof(head) ? (size_t)most : sizeof(head));

	if (n == -1)
		return -1;
	*f = (struct fingerprint){(size_t)n, hash_bytes(head, (size_t)n)};
	return 0;
}

void
fingerprint_add(struct fingerprint *f, const char *data, size_t n)
{
	size_t room = FINGERPRINT_BYTES - f->len, more = n < room ? n : room;

	f->hash = hash_more(f->hash, data, more);
	f->len += more;
}

bool
fingerprint_holds(const struct fingerprint *f, int fd)
{
	struct fingerprint now;

	return f->len == 0 ||
	    (fingerprint_take(&now, fd, f->len) == 0 && now.len == f->len && now.hash == f->hash);
}
