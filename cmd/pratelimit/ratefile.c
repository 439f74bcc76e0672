#include "ratefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bucket.h"
#include "base/units.h"

#define BLANK " \t\r\n"

/* Returns NULL, or what is wrong with the file that was opened. */
static const char *
check_regular(int fd)
{
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		return strerror(errno);
	if (S_ISDIR(st.st_mode))
		return strerror(EISDIR);
	return S_ISREG(st.st_mode) ? NULL : "is not a regular file";
}

/*
 * Reads the file's text, without white space around it.  Control characters
 * become question marks, as a message may show the text on a terminal.  Returns
 * NULL, or what is wrong.
 */
static const char *
read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong = check_regular(fd);
	ssize_t n = 0;
	size_t skip;

	if (wrong == NULL && (n = read(fd, text, size)) == -1)
		wrong = strerror(errno);
	if (fd != -1)
		close(fd);
	if (wrong == NULL && (size_t)n == size)
		wrong = "is too long for a rate";
	if (wrong != NULL || n < 0)
		return wrong;
	text[n] = '\0';
	while (n > 0 && strchr(BLANK, text[n - 1]) != NULL)
		text[--n] = '\0';
	skip = strspn(text, BLANK);
	memmove(text, text + skip, strlen(text + skip) + 1);
	for (size_t i = 0; text[i] != '\0'; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	return NULL;
}

int
ratefile_read(const char *path, bool bytes, struct rate *r, char *why, size_t size)
{
	struct rate wanted = *r;
	const char *allowed, *wrong;
	char text[128];

	if ((wrong = read_text(path, text, sizeof(text))) != NULL) {
		snprintf(why, size, "%s: %s", path, wrong);
		return -1;
	}
	if (units_rate(text, bytes, &wanted.amount, &wanted.per, &allowed) == -1) {
		snprintf(why, size, "%s: \"%s\": expected %s", path, text, allowed);
		return -1;
	}
	if (!bucket_is_sane(&wanted)) {
		snprintf(why, size,
		    "%s: \"%s\": the burst would take longer than a lifetime to earn", path, text);
		return -1;
	}
	*r = wanted;
	return 0;
}
