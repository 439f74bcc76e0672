#include "pmetrics/shiplines.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "t.h"

static int fd;

static void
append(const char *text)
{
	CHECK(pwrite(fd, text, strlen(text), lseek(fd, 0, SEEK_END)) == (ssize_t)strlen(text), "?");
}

static void
expect(struct shiplines *s, enum shiplines_kind kind, const char *text, uint64_t offset)
{
	const char *line = NULL;
	size_t len = 0;
	enum shiplines_kind got = shiplines_next(s, &line, &len);

	CHECK(got == kind && s->offset == offset, "%d at %d", (int)got, (int)s->offset);
	if (kind <= SHIPLINES_TAIL)
		CHECK(len == strlen(text) && memcmp(line, text, len) == 0, "%.*s", (int)len, line);
}

static void
test_lines(void)
{
	struct shiplines s;

	CHECK(ftruncate(fd, 0) == 0, "?");
	append("one\ntwo\n\nfou");
	lseek(fd, 0, SEEK_SET);
	shiplines_begin(&s, fd, 0);
	expect(&s, SHIPLINES_LINE, "one", 4);
	expect(&s, SHIPLINES_LINE, "two", 8);
	shiplines_back(&s);
	CHECK(s.offset == 4, "%d", (int)s.offset);
	expect(&s, SHIPLINES_LINE, "two", 8);
	expect(&s, SHIPLINES_LINE, "", 9);
	expect(&s, SHIPLINES_TAIL, "fou", 12);
	shiplines_back(&s);
	lseek(fd, 12, SEEK_SET);
	append("r\n");
	lseek(fd, 12, SEEK_SET);
	expect(&s, SHIPLINES_LINE, "four", 14);
	expect(&s, SHIPLINES_END, NULL, 14);
	expect(&s, SHIPLINES_END, NULL, 14);
	shiplines_end(&s);
	/* From the middle. */
	lseek(fd, 4, SEEK_SET);
	shiplines_begin(&s, fd, 4);
	expect(&s, SHIPLINES_LINE, "two", 8);
	shiplines_end(&s);
	/* No file at all. */
	shiplines_begin(&s, -1, 0);
	expect(&s, SHIPLINES_ERROR, NULL, 0);
	shiplines_end(&s);
}

/* Lines of all lengths around those of the buffer; the last is too long. */
static void
test_long(void)
{
	static const size_t length[] = {1, 65534, 65535, 65536, 131072, 1 << 20, SHIPLINES_MOST,
	    SHIPLINES_MOST + 1, 3 * SHIPLINES_MOST, 5};
	const size_t n = sizeof(length) / sizeof(length[0]);
	uint64_t offset = 0;
	struct shiplines s;

	CHECK(ftruncate(fd, 0) == 0, "?");
	for (size_t i = 0; i < n; i++) {
		char *text = calloc(1, length[i] + 2);

		memset(text, 'a' + (int)i, length[i]);
		text[length[i]] = '\n';
		append(text);
		free(text);
	}
	append("tail");
	lseek(fd, 0, SEEK_SET);
	shiplines_begin(&s, fd, 0);
	for (size_t i = 0; i < n; i++) {
		const char *line;
		size_t len = 0;
		enum shiplines_kind kind = shiplines_next(&s, &line, &len);

		offset += length[i] + 1;
		CHECK(kind == (length[i] > SHIPLINES_MOST ? SHIPLINES_LONG : SHIPLINES_LINE),
		    "%zu: %d", length[i], (int)kind);
		CHECK(s.offset == offset, "%zu", length[i]);
		if (kind == SHIPLINES_LINE)
			CHECK(len == length[i] && line[0] == 'a' + (int)i &&
				line[len - 1] == 'a' + (int)i,
			    "%zu", length[i]);
	}
	expect(&s, SHIPLINES_TAIL, "tail", offset + 4);
	CHECK(s.room <= 4 * SHIPLINES_MOST, "%zu", s.room);
	shiplines_end(&s);
}

int
main(void)
{
	fd = memfd_create("lines", 0);
	test_lines();
	test_long();
	return t_end();
}
