/* Pipes whose reader goes: what is left in them is counted. */

#include "proc/leftover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t.h"

static void
test_lines(void)
{
	static const struct {
		const char *written;
		size_t read; /* bytes that the reader takes before it goes */
		uint64_t lines;
	} table[] = {
	    {"", 0, 0},
	    {"1\n2\n3\n", 0, 3},
	    {"1\n2\n3\n", 2, 2},
	    /* in the middle of a line: it has not read the line */
	    {"1\n22\n", 3, 1},
	    /* all but an LF */
	    {"1\n22\n", 4, 1},
	    {"1\n22\n", 5, 0},
	    /* a part of a record that was not written to its end */
	    {"1\n22", 0, 1},
	    {"22", 0, 0},
	    {"\n\n", 0, 2},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t len = strlen(table[i].written);
		uint64_t lines;
		char buf[16];
		int ends[2], fd;

		CHECK(pipe2(ends, O_CLOEXEC) == 0);
		CHECK(write(ends[1], table[i].written, len) == (ssize_t)len);
		CHECK(table[i].read == 0 ||
		    read(ends[0], buf, table[i].read) == (ssize_t)table[i].read);
		fd = leftover_open(ends[1]);
		CHECK(fd != -1, "row %zu: %s", i, strerror(errno));
		CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
		close(ends[1]);
		close(ends[0]);
		lines = leftover_lines(fd);
		CHECK(lines == table[i].lines, "row %zu: %ju lines", i, (uintmax_t)lines);
		close(fd);
	}
}

static void
test_a_full_pipe(void)
{
	static char data[65536];
	uint64_t lines;
	int ends[2], fd;

	memset(data, '\n', sizeof(data));
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	CHECK(write(ends[1], data, sizeof(data)) == (ssize_t)sizeof(data));
	fd = leftover_open(ends[1]);
	close(ends[1]);
	close(ends[0]);
	lines = leftover_lines(fd);
	CHECK(lines == sizeof(data), "%ju lines", (uintmax_t)lines);
	close(fd);
}

static void
test_errors(void)
{
	errno = 0;
	CHECK(leftover_open(9999) == -1 && errno == ENOENT, "%s", strerror(errno));
	CHECK(leftover_lines(-1) == 0);
}

int
main(void)
{
	test_lines();
	test_a_full_pipe();
	test_errors();
	return t_end();
}
