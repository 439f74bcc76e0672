/*
 * A followed file is read while it grows, is truncated, and is copied before
 * that.
 */

#include "pfanin/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/reader.h"
#include "record/record.h"
#include "t.h"

/* A line that differs from all others, longer than what is remembered. */
#define LINE(n) n " " n " 0123456789012345678901234567890123456789012345678901234567890123456789"
#define OLD(n) LINE("old" n) "\n"
#define NEW(n) LINE("new" n) "\n"

static void
write_file(const char *name, int flags, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | flags, 0600);
	size_t len = strlen(text);

	CHECK(fd != -1 && write(fd, text, len) == (ssize_t)len, "%s: %m", name);
	close(fd);
}

/* A file that is being followed, and what was read of it. */
struct run {
	int fd;
	struct trail trail;
	struct reader *reader;
	uint64_t lost;
	char text[4096]; /* lines that ended at an LF, or "[half]" */
};

static void
begin(struct run *run, uint64_t offset)
{
	struct reader_limits limits = {.max = 1 << 20};

	*run = (struct run){.fd = open("log", O_RDONLY)};
	run->reader = reader_new(run->fd, &limits);
	CHECK(run->fd != -1 && run->reader != NULL, "%m");
	trail_begin(&run->trail, run->fd, "log", (struct reader_place){.offset = offset});
}

static void
end(struct run *run)
{
	trail_end(&run->trail);
	reader_free(run->reader);
	close(run->fd);
}

/* Reads until there is nothing more. */
static void
read_all(struct run *run)
{
	struct trail_news news = {.more = true};
	struct record r;

	for (int i = 0; i < 100 && news.more; i++) {
		CHECK(trail_fill(&run->trail, run->reader, &news) >= 0, "%m");
		while (reader_line(run->reader, &r)) {
			strncat(run->text, r.data, r.len + 1);
			record_free(&r);
		}
		if (news.cut && reader_rest(run->reader, &r)) {
			strcat(run->text, "[");
			strncat(run->text, r.data, r.len);
			strcat(run->text, "]");
			record_free(&r);
		}
		run->lost += news.lost;
	}
	CHECK(!news.more, "no end");
}

#define WANT(run, want)                                                   \
	do {                                                              \
		read_all(run);                                            \
		CHECK(strcmp((run)->text, want) == 0, "%s", (run)->text); \
		(run)->text[0] = '\0';                                    \
	} while (0)

static void
test_growth(void)
{
	struct run run;

	write_file("log", O_TRUNC, "one\ntw");
	begin(&run, 0);
	WANT(&run, "one\n");
	WANT(&run, "");
	write_file("log", O_APPEND, "o\nthree\n");
	WANT(&run, "two\nthree\n");
	end(&run);
	begin(&run, 4);
	WANT(&run, "two\nthree\n");
	end(&run);
}

/* Each way in which the file is found after a truncation. */
static void
test_truncation(void)
{
	static const struct {
		const char *old, *now, *want;
	} tests[] = {
	    {OLD("1"), "", ""},
	    {OLD("1"), NEW("1"), NEW("1")},
	    {OLD("1"), NEW("1") NEW("2"), NEW("1") NEW("2")},
	    {OLD("1") OLD("2"), NEW("1"), NEW("1")},
	    {OLD("1") "half", NEW("1"), "[half]" NEW("1")},
	    {OLD("1") "half", NEW("1") NEW("2") "ha", "[half]" NEW("1") NEW("2")},
	    /* The last bytes are the same, the first ones are not. */
	    {OLD("1") LINE("same") "\n", NEW("1") LINE("same") "\n", NEW("1") LINE("same") "\n"},
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct run run;

		write_file("log", O_TRUNC, tests[i].old);
		begin(&run, 0);
		read_all(&run);
		run.text[0] = '\0';
		write_file("log", O_TRUNC, tests[i].now);
		WANT(&run, tests[i].want);
		CHECK(run.lost == 0, "%ju", (uintmax_t)run.lost);
		write_file("log", O_APPEND, "x\n");
		read_all(&run);
		CHECK(strstr(run.text, "x\n") != NULL, "row %zu: it does not go on", i);
		end(&run);
	}
}

/* What was not read before the truncation is in the copy. */
static void
test_copy(void)
{
	static const char *const names[] = {"log.1", "log-20261126", "logs"};
	struct run run;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		write_file("log", O_TRUNC, OLD("1") "half");
		/* Others begin like it, but are no copies. */
		write_file("log.other", O_TRUNC, OLD("2") "half of another one\n");
		begin(&run, 0);
		WANT(&run, OLD("1"));
		write_file(names[i], O_TRUNC, OLD("1") "half a line\n" OLD("2") "end");
		write_file("log", O_TRUNC, NEW("1"));
		WANT(&run, "half a line\n" OLD("2") "[end]" NEW("1"));
		write_file("log", O_APPEND, NEW("2"));
		WANT(&run, NEW("2"));
		end(&run);
		unlink(names[i]);
	}
	unlink("log.other");
}

static void
test_lost(void)
{
	static char big[200 * 1024];
	struct trail_news news;
	struct run run;

	memset(big, 'x', sizeof(big) - 1);
	write_file("log", O_TRUNC, big);
	begin(&run, 0);
	/* One read does not bring all of it. */
	CHECK(trail_fill(&run.trail, run.reader, &news) > 0 && news.more, "%m");
	write_file("log", O_TRUNC, NEW("1"));
	CHECK(trail_fill(&run.trail, run.reader, &news) == 0 && news.cut, "not noticed");
	CHECK(news.lost > 0 && news.lost < sizeof(big), "%ju", (uintmax_t)news.lost);
	end(&run);
}

int
main(void)
{
	char folder[] = "/tmp/t_trail.XXXXXX";

	alarm(60);
	CHECK(mkdtemp(folder) != NULL && chdir(folder) == 0, "%m");
	test_growth();
	test_truncation();
	test_copy();
	test_lost();
	unlink("log");
	rmdir(folder);
	return t_end();
}
