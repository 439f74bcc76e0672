#include "pfanout/printed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/record.h"
#include "t.h"

/* What printed_read() makes of a pipe into which this was written. */
static struct printed
print(const char *text, size_t len, size_t most, bool close_it, bool *open, int *error)
{
	struct printed p = {.most = most};
	int fd[2];

	if (pipe2(fd, O_NONBLOCK) == -1)
		abort();
	CHECK(write(fd[1], text, len) == (ssize_t)len);
	if (close_it)
		close(fd[1]);
	*open = printed_read(&p, fd[0], error);
	close(fd[0]);
	if (!close_it)
		close(fd[1]);
	return p;
}

static void
test_read(void)
{
	static char text[60000];
	struct printed p;
	bool open;
	int error;

	memset(text, 'x', sizeof(text));
	p = print(text, 5, 100, false, &open, &error);
	CHECK(open && error == 0 && p.len == 5, "more may come");
	printed_free(&p);
	CHECK(p.len == 0 && p.slab == NULL);
	printed_free(&p);
	p = print(text, sizeof(text), 1 << 20, true, &open, &error);
	CHECK(!open && error == 0 && p.len == sizeof(text), "it is over");
	CHECK(memcmp(p.slab->data, text, p.len) == 0);
	printed_free(&p);
	p = print(text, 100, 100, true, &open, &error);
	CHECK(!open && error == 0 && p.len == 100, "all that is allowed");
	printed_free(&p);
	p = print(text, 101, 100, true, &open, &error);
	CHECK(!open && error == EFBIG, "a byte more");
	printed_free(&p);
}

static void
test_lines(void)
{
	static const struct {
		const char *text;
		size_t max, len; /* of the first line that is too long */
		uint64_t lines;
		const char *want; /* the record, with its LF */
	} table[] = {
	    {"", 3, 0, 0, NULL},
	    {"\n", 3, 0, 1, "\n"},
	    {"abc\n", 3, 0, 1, "abc\n"},
	    {"abc", 3, 0, 1, "abc\n"},
	    {"abcd", 3, 4, 1, "abcd\n"},
	    {"a\nbcde\nf\n", 3, 4, 3, "a\nbcde\nf\n"},
	    {"abc\n\nabc\nabcdef\nabcde", 3, 6, 5, "abc\n\nabc\nabcdef\nabcde\n"},
	    {"\n\n\n\n\nx", 3, 0, 6, "\n\n\n\n\nx\n"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct record r = {0};
		struct printed p;
		bool open;
		int error;

		p = print(table[i].text, strlen(table[i].text), 1000, true, &open, &error);
		CHECK(printed_long_line(&p, table[i].max) == table[i].len, "row %zu", i);
		printed_move(&p, &r);
		CHECK(p.len == 0 && p.slab == NULL);
		if (table[i].want == NULL) {
			CHECK(r.slab == NULL && r.len == 0 && r.lines == 0);
			continue;
		}
		CHECK(r.len + 1 == strlen(table[i].want), "row %zu: %zu", i, r.len);
		CHECK(memcmp(r.data, table[i].want, r.len + 1) == 0, "row %zu", i);
		CHECK(r.lines == table[i].lines, "row %zu: %ju", i, (uintmax_t)r.lines);
		record_free(&r);
	}
}

int
main(void)
{
	test_read();
	test_lines();
	return t_end();
}
