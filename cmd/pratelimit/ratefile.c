#include "ratefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bucket.h"
#include "units.h"

#define BLANK " \t\r\n"

bool
rate_is_sane(const struct rate *r)
{
	return bucket_time(r, r->burst) < BUCKET_LONGEST;
}

/* What is in it, without white space around.  -1 with errno; EFBIG: it is too long for a rate. */
static int
read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;
	size_t skip;

	if (fd == -1)
		return -1;
	n = read(fd, text, size);
	close(fd);
	if (n == -1)
		return -1;
	if ((size_t)n == size) {
		errno = EFBIG;
		return -1;
	}
	text[n] = '\0';
	while (n > 0 && strchr(BLANK, text[n - 1]) != NULL)
		text[--n] = '\0';
	skip = strspn(text, BLANK);
	memmove(text, text + skip, strlen(text + skip) + 1);
	return 0;
}

int
ratefile_read(const char *path, bool bytes, struct rate *r, char *why, size_t size)
{
	struct rate new = *r;
	const char *allowed;
	char text[128];

	if (read_text(path, text, sizeof(text)) == -1) {
		snprintf(why, size, "%s: %s", path,
		    errno == EFBIG ? "is too long for a rate" : strerror(errno));
		return -1;
	}
	if (units_rate(text, bytes, &new.amount, &new.per, &allowed) == -1) {
		snprintf(why, size, "%s: \"%s\": want %s", path, text, allowed);
		return -1;
	}
	if (!rate_is_sane(&new)) {
		snprintf(why, size, "%s: \"%s\": at this rate nobody lives to see the burst", path,
		    text);
		return -1;
	}
	*r = new;
	return 0;
}
