/*
 * JSON texts.  json_check() must agree with a slow automaton to the byte, and
 * with jansson on what is valid; what a path finds must be inside the text, and
 * valid if the text is.  JSONTestSuite makes a good corpus.
 */

#include <jansson.h>

#include "fuzz.h"
#include "json/json.h"
#include "json_slow.h"

/* See tests/unit/t_json.c for where they may differ. */
static void
compare_jansson(const char *text, size_t len, bool good, const char *what)
{
	json_error_t err;
	json_t *value = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &err);

	if (value != NULL)
		require(good || memchr(text, '\0', len) != NULL || strncmp(what, "nested", 6) == 0);
	else if (good)
		require(json_error_code(&err) == json_error_numeric_overflow ||
		    json_error_code(&err) == json_error_null_byte_in_key ||
		    strncmp(err.text, "invalid Unicode '\\u", 19) == 0);
	if (good && json_is_string(value) && *text == '"' && text[len - 1] == '"') {
		char *out = malloc(len);

		require(json_unquote(text, len, out) == json_string_length(value));
		require(memcmp(out, json_string_value(value), json_string_length(value)) == 0);
		require(
		    json_string_is(text, len, json_string_value(value), json_string_length(value)));
		free(out);
	}
	json_decref(value);
}

static void
follow_paths(const char *text, size_t len, bool good)
{
	static const char *const paths[] = {".", ".a", ".a.b", ".[1]", ".a[0].\"\\n\"", ".\"\""};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const char *why;
		struct json_path *path = json_path_new(paths[i], &why);
		struct json_slice value;

		if (json_path_get(path, text, len, &value)) {
			require(value.len > 0 && value.data >= text &&
			    value.data + value.len <= text + len);
			require(!good || json_check(value.data, value.len, NULL));
		}
		json_path_free(path);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct json_error err = {SIZE_MAX, ""};
	size_t offset;
	bool good = json_check(text, size, &err);

	require(good == slow_check(text, size, &offset));
	require(good || err.offset == offset);
	compare_jansson(text, size, good, err.what);
	follow_paths(text, size, good);
	json_first_member(text, size, "a", "b");
	return 0;
}
