#include "bookmark.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/hex.h"

#define KIND "state/1"

/* A path is UTF-8 as a rule; one that is not is written in hexadecimal. */
static void
print_path(FILE *to, const char *path)
{
	json_t *string = json_string(path);

	if (string != NULL) {
		fputs("\"path\":", to);
		(void)json_dumpf(string, to, JSON_ENCODE_ANY);
		json_decref(string);
		return;
	}
	fputs("\"path_hex\":\"", to);
	for (; *path != '\0'; path++)
		fprintf(to, "%02x", (unsigned char)*path);
	fputc('"', to);
}

static void
print_one(FILE *to, const struct bookmark *b)
{
	fputc('{', to);
	print_path(to, b->path);
	fprintf(to,
	    ",\"device\":%" PRId64 ",\"inode\":%" PRId64 ",\"head\":%zu,\"hash\":\"%016" PRIx64
	    "\",\"offset\":%" PRIu64 ",\"line\":%" PRIu64 "}",
	    (int64_t)b->device, (int64_t)b->inode, b->head.len, b->head.hash, b->done.offset,
	    b->done.lines);
}

void
bookmarks_print(FILE *to, const struct bookmark *const *b, size_t n)
{
	fputs("{\"pchan\":\"" KIND "\",\"inputs\":[\n", to);
	for (size_t i = 0; i < n; i++) {
		print_one(to, b[i]);
		fputs(i + 1 < n ? ",\n" : "\n", to);
	}
	fputs("]}\n", to);
}

/* NULL: it is none. */
static char *
path_of_hex(const char *hex)
{
	size_t n = strlen(hex) / 2;
	char *path = malloc(n + 1);

	if (path == NULL || n == 0 || !hex_read(hex, strlen(hex), path, n)) {
		free(path);
		return NULL;
	}
	path[n] = '\0';
	return path;
}

/* False: it is not as bookmarks_print() writes it. */
static bool
read_one(json_t *object, struct bookmark *b)
{
	const char *path = NULL, *hex = NULL, *hash;
	json_int_t device, inode, head, offset, lines;
	char *end;

	if (json_unpack(object, "{s?s, s?s, s:I, s:I, s:I, s:s, s:I, s:I}", "path", &path,
		"path_hex", &hex, "device", &device, "inode", &inode, "head", &head, "hash", &hash,
		"offset", &offset, "line", &lines) == -1 ||
	    head < 0 || head > FINGERPRINT_BYTES || offset < 0 || lines < 0 || strlen(hash) != 16)
		return false;
	*b = (struct bookmark){.device = (dev_t)device,
	    .inode = (ino_t)inode,
	    .head = {(size_t)head, strtoull(hash, &end, 16)},
	    .done = {(uint64_t)offset, (uint64_t)lines}};
	if (*end != '\0' || (path == NULL) == (hex == NULL) || (path != NULL && *path == '\0'))
		return false;
	b->path = path != NULL ? strdup(path) : path_of_hex(hex);
	return b->path != NULL;
}

static void
free_all(struct bookmark *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(b[i].path);
	free(b);
}

static struct bookmark *
read_all(json_t *inputs, size_t *n, const char **why, char line[128])
{
	struct bookmark *all = calloc(json_array_size(inputs) + 1, sizeof(*all));

	if (all == NULL) {
		*why = "out of memory";
		return NULL;
	}
	for (*n = 0; *n < json_array_size(inputs); ++*n) {
		if (read_one(json_array_get(inputs, *n), &all[*n]))
			continue;
		snprintf(line, 128, "input %zu is none", *n + 1);
		*why = line;
		free_all(all, *n);
		return NULL;
	}
	return all;
}

struct bookmark *
bookmarks_parse(const char *text, size_t len, size_t *n, const char **why, char line[128])
{
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error), *inputs;
	struct bookmark *all = NULL;
	const char *kind;

	if (root == NULL) {
		snprintf(line, 128, "line %d: %.80s", error.line, error.text);
		*why = line;
		return NULL;
	}
	if (json_unpack(root, "{s:s, s:o}", "pchan", &kind, "inputs", &inputs) == -1 ||
	    strncmp(kind, "state/", strlen("state/")) != 0 || !json_is_array(inputs))
		*why = "it is no state of pfanin";
	else if (strcmp(kind, KIND) != 0)
		*why = "another version of pfanin has written it";
	else
		all = read_all(inputs, n, why, line);
	json_decref(root);
	return all;
}
