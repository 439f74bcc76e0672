#include "pfanout/placeholder.h"

#include <string.h>

#include "json/json.h"
#include "t.h"

int
main(void)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
	    {"", 0},
	    {"{", 0},
	    {"{}", 0},
	    {"{a}", 0},
	    {".a}", 0},
	    {"{.}", 3},
	    {"{.a}", 4},
	    {"{.a}{.b}", 4},
	    {"{.a", 0},
	    {"{.\"}\"}", 6},
	    {"{.\"\\\"}\"}x", 8},
	    {"{.\"}", 0},
	    {"{.a}}", 4},
	    {"{.a b}", 6},
	};
	static const struct {
		const char *text, *found; /* in {"a":1,"}":2} */
	} paths[] = {
	    {"{.a}", "1"},
	    {"{.\"}\"}", "2"},
	    {"{.}", "{\"a\":1,\"}\":2}"},
	    {"{.a b}", NULL},
	    {"{..}", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(placeholder_length(rows[i].text) == rows[i].len, "%s: %zu", rows[i].text,
		    placeholder_length(rows[i].text));
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const char *why = NULL, *found = paths[i].found, *record = "{\"a\":1,\"}\":2}";
		struct json_path *path =
		    placeholder_path(paths[i].text, strlen(paths[i].text), &why);
		struct json_slice value;

		CHECK((path == NULL) == (found == NULL), "%s", paths[i].text);
		if (path == NULL)
			CHECK(why != NULL && *why != '\0');
		else
			CHECK(json_path_get(path, record, strlen(record), &value) &&
				value.len == strlen(found) &&
				memcmp(value.data, found, value.len) == 0,
			    "%s", paths[i].text);
		json_path_free(path);
	}
	return t_end();
}
