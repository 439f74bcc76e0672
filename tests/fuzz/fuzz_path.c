/*
 * Key paths: any text compiles, or is refused with a reason; and any name,
 * quoted as JSON has it, is a path that finds the member of that name.
 */

#include <stdio.h>

#include <jansson.h>

#include "fuzz.h"
#include "json/json.h"

static void
compile(const char *text)
{
	static const char object[] = "{\"a\":{\"b\":[1,{\"\":2}]},\"\":[[]]}";
	const char *why = NULL;
	struct json_path *path = json_path_new(text, &why);
	struct json_slice value;

	require(path != NULL || why != NULL);
	if (path != NULL && json_path_get(path, object, strlen(object), &value))
		require(json_check(value.data, value.len, NULL));
	json_path_free(path);
}

/*
 * The member before the one that is looked for has the name less its last byte.
 */
static void
find(const char *quoted, const char *shorter)
{
	const char *why;
	char *object, *text;
	struct json_path *path;
	struct json_slice value;

	require(asprintf(&object, "{%s:1, %s : [2] }", shorter, quoted) != -1);
	for (int brackets = 0; brackets < 2; brackets++) {
		require(asprintf(&text, brackets ? ".[%s]" : ".%s", quoted) != -1);
		path = json_path_new(text, &why);
		require(path != NULL);
		require(json_path_get(path, object, strlen(object), &value));
		require(value.len == 3 && memcmp(value.data, "[2]", 3) == 0);
		json_path_free(path);
		free(text);
	}
	free(object);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = to_string(data, size);
	/* NULL: not UTF-8. */
	json_t *name = json_stringn((const char *)data, size);
	json_t *shorter = size > 0 ? json_stringn((const char *)data, size - 1) : NULL;

	compile(text);
	if (name != NULL && shorter != NULL) {
		char *plain = json_dumps(name, JSON_ENCODE_ANY);
		char *ascii = json_dumps(name, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
		char *before = json_dumps(shorter, JSON_ENCODE_ANY);

		find(plain, before);
		find(ascii, before);
		free(plain);
		free(ascii);
		free(before);
	}
	json_decref(name);
	json_decref(shorter);
	free(text);
	return 0;
}
