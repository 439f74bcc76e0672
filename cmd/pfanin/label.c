#include "label.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "json/json.h"

/* Of the inputs that take turns, so many are remembered: a power of 2. */
#define REMEMBERED 256

struct label {
	const char *input; /* NULL: free */
	char *member;      /* malloc'd */
	size_t len;
};

struct labels {
	const char *name;
	struct label label[REMEMBERED];
};

/* Where a name is remembered.  Names may stand close together, or far apart. */
static struct label *
place_of(struct labels *l, const char *input)
{
	uint64_t mixed = (uintptr_t)input * UINT64_C(0x9e3779b97f4a7c15);

	return &l->label[mixed >> 32 & (REMEMBERED - 1)];
}

/* {"NAME":"input"}, malloc'd; NULL with errno. */
static char *
make_object(const char *name, const char *input)
{
	size_t len;
	char *clean = utf8_clean(input, strlen(input), &len), *text = NULL;
	json_t *object;

	if (clean == NULL)
		return NULL;
	errno = EINVAL;
	if ((object = json_object()) != NULL &&
	    json_object_set_new(object, name, json_stringn(clean, len)) == 0) {
		errno = ENOMEM;
		text = json_dumps(object, JSON_COMPACT);
	}
	json_decref(object);
	free(clean);
	return text;
}

struct labels *
labels_new(const char *name)
{
	struct labels *l = calloc(1, sizeof(*l));
	char *trial;

	if (l == NULL)
		return NULL;
	l->name = name;
	if ((trial = make_object(name, "-")) == NULL) {
		free(l);
		return NULL;
	}
	free(trial);
	return l;
}

void
labels_free(struct labels *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < REMEMBERED; i++)
		free(l->label[i].member);
	free(l);
}

const char *
labels_get(struct labels *l, const char *input, size_t *len)
{
	struct label *label = place_of(l, input);

	if (label->input != input) {
		free(label->member);
		label->input = NULL;
		if ((label->member = make_object(l->name, input)) == NULL)
			return NULL;
		label->input = input;
		label->len = strlen(label->member) - 2;
	}
	*len = label->len;
	return label->member + 1; /* without the braces */
}
