/* Records that are taken out of retry envelopes, and looked at inside them. */

#include "record/unwrap.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "record/record.h"
#include "t.h"

#define RETRY(payload) "{\"pchan\":\"retry/1\",\"id\":\"x\",\"replays\":2," payload "}"

static const struct {
	const char *line;
	const char *view;   /* what is looked at */
	const char *inside; /* what unwrap() makes of it; NULL: it is none */
	bool owned;         /* the view is a copy */
} cases[] = {
    {RETRY("\"value\":{\"a\": 1.10}"), "{\"a\": 1.10}", "{\"a\": 1.10}", false},
    {RETRY("\"value\": [1] "), " [1] ", " [1] ", false},
    {RETRY("\"text\":\"no \\\"JSON\\\"\""), "no \"JSON\"", "no \"JSON\"", true},
    {RETRY("\"base64\":\"//4=\""), "\xff\xfe", "\xff\xfe", true},
    {RETRY("\"base64\":\"\""), "", "", true},
    /* What is none, or can't be decoded, is looked at as it stands. */
    {RETRY("\"base64\":\"!\""), RETRY("\"base64\":\"!\""), RETRY("\"base64\":\"!\""), false},
    {"{\"a\":1}", "{\"a\":1}", NULL, false},
    {"no JSON", "no JSON", NULL, false},
    {"", "", NULL, false},
    {"{\"pchan\":\"dead-letter/1\",\"id\":\"x\",\"stage\":\"s\",\"reason\":\"late\",\"value\":1}",
	"{\"pchan\":\"dead-letter/"
	"1\",\"id\":\"x\",\"stage\":\"s\",\"reason\":\"late\",\"value\":1}",
	NULL, false},
    {"{\"pchan\":\"retry/1\",\"id\":\"x\"}", "{\"pchan\":\"retry/1\",\"id\":\"x\"}", NULL, false},
};

static void
test_case(const char *line, const char *view, const char *inside, bool is_owned)
{
	struct record r;
	const char *data = NULL;
	size_t len = 0;
	char *owned;

	if (CHECK(record_copy(&r, line, strlen(line)) == 0))
		return;
	r.line = 7;
	unwrap_view(&r, &data, &len, &owned);
	CHECK(
	    len == strlen(view) && memcmp(data, view, len) == 0, "%s: %.*s", line, (int)len, data);
	CHECK((owned != NULL) == is_owned, "%s", line);
	CHECK(r.len == strlen(line) && memcmp(r.data, line, r.len) == 0 && r.origin == NULL,
	    "%s: it has changed", line);
	free(owned);
	if (inside != NULL) {
		unwrap(&r);
		CHECK(r.len == strlen(inside) && memcmp(r.data, inside, r.len) == 0, "%s: %.*s",
		    line, (int)r.len, r.data);
		CHECK(r.data[r.len] == '\n' && r.line == 7);
		CHECK((r.origin != NULL) == (strcmp(inside, line) != 0), "%s", line);
	}
	record_free(&r);
}

int
main(void)
{
	json_object_seed(0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_case(cases[i].line, cases[i].view, cases[i].inside, cases[i].owned);
	return t_end();
}
