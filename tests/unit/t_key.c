#include "pratelimit/key.h"

#include <string.h>

#include "json/json.h"
#include "record/record.h"
#include "t.h"

/* Records and their keys at .a.b; NULL: no key. */
static const struct {
	const char *record, *key;
} cases[] = {
    {"{\"a\":{\"b\":1}}", "1"},
    {"{\"a\":{\"b\": 1.0 }}", "1.0"},
    {"{\"a\":{\"b\":\"x\"}}", "\"x"},
    {"{\"a\":{\"b\":\"\"}}", "\""},
    {"{\"a\":{\"b\":\"\\u0078\"}}", "\"x"},
    {"{\"a\":{\"b\":\"\\\"1\\n\"}}", "\"\"1\n"},
    {"{\"a\":{\"b\":\"1\"}}", "\"1"},
    {"{\"a\":{\"b\":null}}", "null"},
    {"{\"a\":{\"b\":[1, \"\\u0078\"]}}", "[1, \"\\u0078\"]"},
    {"{\"a\":{\"b\":1,\"b\":2}}", "2"},
    {"{\"a\":1}", NULL},
    {"[]", NULL},
    {"no JSON", NULL},
    {"{\"a\":{\"b\":7}} and more", "7"},
    {"{\"pchan\":\"retry/1\",\"id\":\"i\",\"value\":{\"a\":{\"b\":7}}}", "7"},
    {"{\"pchan\":\"retry/1\",\"id\":\"i\",\"base64\":\"eyJhIjp7ImIiOiJcdTAwNzgifX0=\"}", "\"x"},
    {"{\"pchan\":\"retry/1\",\"id\":\"i\",\"text\":\"x\"}", NULL},
};

int
main(void)
{
	const char *why;
	struct json_path *path = json_path_new(".a.b", &why);
	struct key key;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *want = cases[i].key;
		struct record r;
		int error;

		CHECK(record_copy(&r, cases[i].record, strlen(cases[i].record)) == 0);
		error = key_find(&key, path, &r, true);
		CHECK((error == 0) == (want != NULL), "%s", cases[i].record);
		CHECK(error == -1 ||
			(key.value.len == strlen(want) &&
			    memcmp(key.value.data, want, key.value.len) == 0),
		    "%s: %.*s", cases[i].record, (int)key.value.len, key.value.data);
		key_forget(&key);
		CHECK(key.value.len == 0 && key.payload == NULL);
		if (strncmp(cases[i].record, "{\"pchan\"", 8) == 0)
			CHECK(key_find(&key, path, &r, false) == -1, "an envelope that is data");
		record_free(&r);
	}
	json_path_free(path);
	return t_end();
}
