#include "placeholder.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

size_t
placeholder_length(const char *text)
{
	bool quoted = false;

	if (strncmp(text, "{.", 2) != 0)
		return 0;
	for (const char *p = text + 1; *p != '\0'; p++) {
		if (quoted && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == '}' && !quoted)
			return (size_t)(p + 1 - text);
	}
	return 0;
}

struct json_path *
placeholder_path(const char *text, size_t len, const char **why)
{
	char *copy = strndup(text + 1, len - 2);
	struct json_path *path;

	*why = "out of memory";
	if (copy == NULL)
		return NULL;
	path = json_path_new(copy, why);
	free(copy);
	return path;
}
