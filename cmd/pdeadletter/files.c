#include "files.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "record/rotate.h"
#include "spare.h"

/* Returns a name under which the same file is recognised, malloc'd. */
static char *
canonical_name(const char *path)
{
	char *real = strcmp(path, "-") == 0 ? NULL : realpath(path, NULL);

	return real != NULL ? real : must(strdup(path));
}

/*
 * Whether the name is that of a file that belongs to another one: FILE.1,
 * FILE.cursor, FILE.cursor.new, FILE.series, or what a purge has left
 * (FILE.new, by versions up to 0.2).
 */
static bool
is_part_of(const char *name, const char *file)
{
	size_t len = strlen(file);
	const char *end = name + len;

	if (strncmp(name, file, len) != 0 || *end == '\0')
		return false;
	if (strcmp(end, ".cursor") == 0 || strcmp(end, ".cursor.new") == 0 ||
	    strcmp(end, ROTATE_CLAIM) == 0 || strcmp(end, ".new") == 0 || spare_suffix(end))
		return true;
	return rotate_suffix(end) != ROTATE_NONE && !rotate_is_claimed(name);
}

/* Whether the name is neither a repetition nor a part of another one. */
static bool
is_wanted(char *const *names, size_t n, size_t at)
{
	for (size_t i = 0; i < n; i++)
		if ((i < at && strcmp(names[i], names[at]) == 0) ||
		    (i != at && is_part_of(names[at], names[i])))
			return false;
	return true;
}

char **
files_of(char *const *operands)
{
	size_t n = 0, kept = 0;
	char **names, **files;

	while (operands[n] != NULL)
		n++;
	names = must(calloc(n + 1, sizeof(*names)));
	files = must(calloc(n + 1, sizeof(*files)));
	for (size_t i = 0; i < n; i++)
		names[i] = canonical_name(operands[i]);
	for (size_t i = 0; i < n; i++)
		if (is_wanted(names, n, i))
			files[kept++] = must(rotate_resolve(operands[i]));
	files_free(names);
	return files;
}

void
files_free(char **files)
{
	for (char **file = files; *file != NULL; file++)
		free(*file);
	free(files);
}
