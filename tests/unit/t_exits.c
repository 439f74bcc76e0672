#include "pfanout/exits.h"

#include <string.h>

#include "t.h"

static void
test_parse(void)
{
	static const struct {
		const char *text;
		int status; /* that is in the list; 0: none is, -1: an error */
	} table[] = {
	    {"1", 1},
	    {"255", 255},
	    {"1,3,75", 3},
	    {"1,3,75", 75},
	    {"none", 0},
	    {"", -1},
	    {"0", -1},
	    {"256", -1},
	    {"1,", -1},
	    {",1", -1},
	    {"1 2", -1},
	    {"-1", -1},
	    {"+1", -1},
	    {"none,1", -1},
	    {"99999999999999999999", -1},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct exit_list list = {.has = {[9] = true}};
		const char *why = NULL;
		int got = exit_list_parse(&list, table[i].text, &why);

		CHECK(got == (table[i].status == -1 ? -1 : 0), "%s", table[i].text);
		if (got == -1) {
			CHECK(strstr(why, "1 to 255") != NULL, "%s", why);
			continue;
		}
		CHECK(list.given && !list.has[9] && !list.has[0], "%s", table[i].text);
		for (int s = 1; s < 256; s++)
			CHECK(table[i].status != 0 || !list.has[s], "%s: %d", table[i].text, s);
		CHECK(table[i].status == 0 || list.has[table[i].status], "%s", table[i].text);
	}
}

static void
test_meaning(void)
{
	static const struct {
		const char *ok, *retry, *reject; /* NULL: not given */
		int conflict;
		int status;
		enum exit_meaning meaning;
	} table[] = {
	    {NULL, NULL, NULL, 0, 0, MEANS_SUCCESS},
	    {NULL, NULL, NULL, 0, 1, MEANS_FAILURE},
	    {NULL, NULL, NULL, 0, 75, MEANS_RETRY},
	    {NULL, NULL, NULL, 0, 65, MEANS_REJECT},
	    {NULL, NULL, NULL, 0, 255, MEANS_FAILURE},
	    {"1,3", NULL, NULL, 0, 3, MEANS_SUCCESS},
	    {"1,3", NULL, NULL, 0, 75, MEANS_RETRY},
	    {"75", NULL, NULL, 0, 75, MEANS_SUCCESS},
	    {"65", NULL, NULL, 0, 65, MEANS_SUCCESS},
	    {NULL, "7", NULL, 0, 7, MEANS_RETRY},
	    {NULL, "7", NULL, 0, 75, MEANS_FAILURE},
	    {NULL, "65", NULL, 0, 65, MEANS_RETRY},
	    {NULL, "none", "none", 0, 75, MEANS_FAILURE},
	    {NULL, "none", "none", 0, 65, MEANS_FAILURE},
	    {NULL, NULL, "75", 0, 75, MEANS_REJECT},
	    {NULL, NULL, "75", 0, 65, MEANS_FAILURE},
	    {"1", "2", "3", 0, 2, MEANS_RETRY},
	    {"1", "2", "3", 0, 3, MEANS_REJECT},
	    {"1,75", "75", NULL, 75, 1, MEANS_SUCCESS},
	    {"1", NULL, "1", 1, 65, MEANS_FAILURE},
	    {NULL, "4", "5,4", 4, 5, MEANS_REJECT},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct exits e = {0};
		const char *why;
		int conflict;

		if (table[i].ok != NULL)
			(void)exit_list_parse(&e.ok, table[i].ok, &why);
		if (table[i].retry != NULL)
			(void)exit_list_parse(&e.retry, table[i].retry, &why);
		if (table[i].reject != NULL)
			(void)exit_list_parse(&e.reject, table[i].reject, &why);
		conflict = exits_settle(&e);
		CHECK(conflict == table[i].conflict, "row %zu: %d", i, conflict);
		CHECK(exits_mean(&e, table[i].status) == table[i].meaning, "row %zu", i);
	}
}

int
main(void)
{
	test_parse();
	test_meaning();
	return t_end();
}
