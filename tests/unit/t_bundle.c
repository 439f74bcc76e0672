#include "pmetrics/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "t.h"

#define RUN                                                                                    \
	"{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":" \
	"\"svc\"}}]},\"scopeSpans\":[{\"spans\":[{\"name\":\"pfanout enrich\"}]}]}"
#define RECORDS                                                                             \
	"{ \"scopeSpans\" : [{\"spans\":[{\"name\":\"process a\",\"attributes\":[{\"key\":" \
	"\"messaging.destination.name\",\"value\":{\"stringValue\":\"a\"}}]},{}]},{},"      \
	"{\"spans\":[{\"x\":1.10}]}] }"

/* Lines that are added one after the other; what becomes of each. */
static const struct {
	const char *line;
	enum bundle_added added;
	uint64_t spans;   /* of the line */
	const char *text; /* of the bundle, so far; "": nothing is in it */
} table[] = {
    {"", BUNDLE_ADDED, 0, ""},
    {" \t", BUNDLE_ADDED, 0, ""},
    {"oops", BUNDLE_BROKEN, 0, ""},
    {"{}", BUNDLE_BROKEN, 0, ""},
    {"[]", BUNDLE_BROKEN, 0, ""},
    {"{\"resourceSpans\":{}}", BUNDLE_BROKEN, 0, ""},
    {"{\"resourceSpans\":[]", BUNDLE_BROKEN, 0, ""},
    {"{\"resourceSpans\":[]}", BUNDLE_ADDED, 0, ""},
    {"{\"resourceSpans\":[{},1,{\"scopeSpans\":[7]}]}", BUNDLE_ADDED, 0, ""},
    {"{\"resourceSpans\":[" RUN "]}", BUNDLE_ADDED, 1, "{\"resourceSpans\":[" RUN "]}"},
    {" {\"more\":[\"resourceSpans\"],\"resourceSpans\" : [" RECORDS "," RUN "] } ", BUNDLE_ADDED, 4,
	"{\"resourceSpans\":[" RUN "," RECORDS "," RUN "]}"},
    /* The last member of that name counts, in whatever way it is written. */
    {"{\"resourceSpans\":[{}],\"resource\\u0053pans\":[" RUN "]}", BUNDLE_ADDED, 1,
	"{\"resourceSpans\":[" RUN "," RECORDS "," RUN "," RUN "]}"},
};

static void
test_table(void)
{
	struct bundle b = {0};
	uint64_t spans = 0;
	size_t len;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *line = table[i].line;
		enum bundle_added added = bundle_add(&b, line, strlen(line), 3, "pfanout");

		CHECK(added == table[i].added, "%zu: %d", i, (int)added);
		CHECK(bundle_count(line, strlen(line)) == table[i].spans, "%zu", i);
		spans += table[i].spans;
		CHECK(b.spans == spans, "%zu: %d", i, (int)b.spans);
		if (*table[i].text == '\0')
			CHECK(b.len == 0, "%zu", i);
		else
			CHECK(strcmp(bundle_text(&b, &len), table[i].text) == 0 &&
				len == strlen(table[i].text),
			    "%zu: %s", i, b.text);
	}
	CHECK(b.n == 2, "%zu owners", b.n);
	CHECK(strcmp(b.owner[0].stage, "enrich") == 0 && b.owner[0].spans == 3 &&
		b.owner[0].place == 3 && strcmp(b.owner[0].tool, "pfanout") == 0,
	    "%s", b.owner[0].stage);
	CHECK(strcmp(b.owner[1].stage, "a") == 0 && b.owner[1].spans == 3, "%s", b.owner[1].stage);
	bundle_free(&b);
	CHECK(b.spans == 0 && b.n == 0 && b.len == 0, "not empty");
}

/* A line with a text of this length in its only span. */
static char *
long_line(size_t len)
{
	static const char head[] = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"",
			  tail[] = "\"}]}]}]}";
	char *line = malloc(len + sizeof(head) + sizeof(tail));

	strcpy(line, head);
	memset(line + strlen(head), 'x', len);
	strcpy(line + strlen(head) + len, tail);
	return line;
}

static void
test_bound(void)
{
	char *half = long_line(BUNDLE_MOST / 2 - 100), *more = long_line(2 * BUNDLE_MOST);
	struct bundle b = {0};
	size_t len;

	CHECK(bundle_add(&b, half, strlen(half), 0, "") == BUNDLE_ADDED, "first");
	CHECK(bundle_add(&b, half, strlen(half), 0, "") == BUNDLE_ADDED, "second");
	CHECK(bundle_add(&b, half, strlen(half), 0, "") == BUNDLE_FULL, "third");
	CHECK(b.spans == 2, "%d", (int)b.spans);
	(void)bundle_text(&b, &len);
	CHECK(len <= BUNDLE_MOST, "%zu", len);
	bundle_free(&b);
	/* A long line goes alone. */
	CHECK(bundle_add(&b, more, strlen(more), 0, "") == BUNDLE_ADDED, "long");
	CHECK(bundle_add(&b, half, strlen(half), 0, "") == BUNDLE_FULL, "behind it");
	bundle_free(&b);
	free(half);
	free(more);
}

int
main(void)
{
	test_table();
	test_bound();
	return t_end();
}
