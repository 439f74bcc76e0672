/* The text of a state file, both ways. */

#include "pfanin/bookmark.h"

#include <stdlib.h>
#include <string.h>

#include "t.h"

#define HEAD "{\"pchan\":\"state/1\",\"inputs\":["
#define INPUT(path)                                              \
	"{" path ",\"device\":2049,\"inode\":131,\"head\":4096," \
	"\"hash\":\"cbf29ce484222325\",\"offset\":70,\"line\":2}"

static const struct {
	const char *text, *why; /* NULL: it is right */
	size_t n;
} texts[] = {
    {HEAD "]}", NULL, 0},
    {HEAD "\n" INPUT("\"path\":\"/a\"") "\n]}\n", NULL, 1},
    {HEAD INPUT("\"path\":\"/a\"") "," INPUT("\"path_hex\":\"2fff\"") "]}", NULL, 2},
    {HEAD INPUT("\"path_hex\":\"2ff\"") "]}", "input 1 is none", 0},
    {HEAD INPUT("\"path_hex\":\"xx\"") "]}", "input 1 is none", 0},
    {HEAD INPUT("\"path\":\"\"") "]}", "input 1 is none", 0},
    {HEAD INPUT("\"path\":\"/a\",\"path_hex\":\"2f\"") "]}", "input 1 is none", 0},
    {HEAD INPUT("\"path\":\"/a\"") ",{}]}", "input 2 is none", 0},
    {HEAD "{\"path\":\"/a\",\"device\":1,\"inode\":1,\"head\":4097,\"hash\":\"cbf29ce484222325\","
	  "\"offset\":1,\"line\":1}]}",
	"input 1 is none", 0},
    {HEAD "{\"path\":\"/a\",\"device\":1,\"inode\":1,\"head\":1,\"hash\":\"zbf29ce484222325\","
	  "\"offset\":1,\"line\":1}]}",
	"input 1 is none", 0},
    {HEAD "{\"path\":\"/a\",\"device\":1,\"inode\":1,\"head\":1,\"hash\":\"cbf29ce484222325\","
	  "\"offset\":-1,\"line\":1}]}",
	"input 1 is none", 0},
    {"{\"pchan\":\"state/2\",\"inputs\":[]}", "another version", 0},
    {"{\"pchan\":\"stat\",\"inputs\":[]}", "no state", 0},
    {"{\"pchan\":\"state/1\",\"inputs\":{}}", "no state", 0},
    {"[]", "no state", 0},
    {HEAD, "line 1: ", 0},
    {"x", "line 1: ", 0},
    {"", "line 1: ", 0},
};

static void
free_all(struct bookmark *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(all[i].path);
	free(all);
}

static void
test_parse(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *why = NULL;
		char line[128];
		size_t n = 0;
		struct bookmark *all =
		    bookmarks_parse(texts[i].text, strlen(texts[i].text), &n, &why, line);

		if (texts[i].why != NULL) {
			CHECK(all == NULL && why != NULL && strstr(why, texts[i].why) != NULL,
			    "%zu: %s", i, why);
			continue;
		}
		CHECK(all != NULL && n == texts[i].n, "%zu: %zu, %s", i, n, why);
		free_all(all, n);
	}
}

static void
test_round(void)
{
	static char a[] = "/a \"b\"\n", b[] = "/\xff\x01", c[] = "-";
	const struct bookmark books[] = {
	    {a, 1, 2, {4096, 0xcbf29ce484222325}, {UINT64_C(1) << 50, 7}},
	    {b, (dev_t)-1, (ino_t)-1, {0, 1}, {0, 0}}, {c, 0, 0, {1, 0}, {1, 1}}};
	const struct bookmark *const list[] = {&books[0], &books[1], &books[2]};
	char *text = NULL, line[128];
	size_t len, n = 0;
	FILE *to = open_memstream(&text, &len);
	struct bookmark *all;
	const char *why;

	bookmarks_print(to, list, 3);
	CHECK(fclose(to) == 0, "%m");
	all = bookmarks_parse(text, len, &n, &why, line);
	if (!CHECK(all != NULL && n == 3, "%s", text)) {
		for (size_t i = 0; i < 3; i++)
			CHECK(strcmp(all[i].path, books[i].path) == 0 &&
				all[i].device == books[i].device &&
				all[i].inode == books[i].inode &&
				all[i].head.len == books[i].head.len &&
				all[i].head.hash == books[i].head.hash &&
				all[i].done.offset == books[i].done.offset &&
				all[i].done.lines == books[i].done.lines,
			    "%zu: %s", i, text);
		free_all(all, n);
	}
	free(text);
}

int
main(void)
{
	test_parse();
	test_round();
	return t_end();
}
