#include "template.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "json/json.h"
#include "placeholder.h"

/* The longest JSON string that can be a name: quotes, and \u0041 for a byte. */
#define LONGEST (2 + 6 * NAME_MAX)

struct part {
	const char *text; /* as it is written */
	size_t len;
	struct json_path *path; /* NULL: the text itself */
};

struct name_template {
	char *source;
	char *fixed;        /* what is before the first placeholder */
	const char *folder; /* in `fixed`, or static */
	const char *stem;   /* in `fixed`: how the names begin */
	size_t n;
	struct part parts[]; /* from the first placeholder on */
};

static bool
add_literal(struct name_template *t, const char *text, size_t len, const char **why)
{
	if (t->n == 0) {
		strncat(t->fixed, text, len);
		return true;
	}
	*why = "placeholders only in the name of the file, not in that of a folder";
	if (memchr(text, '/', len) != NULL)
		return false;
	t->parts[t->n++] = (struct part){.text = text, .len = len};
	return true;
}

static bool
add_placeholder(struct name_template *t, const char *text, size_t len, const char **why)
{
	struct json_path *path;

	*why = "a {.path} at each {, or {{ for a brace";
	if (len == 0 || (path = placeholder_path(text, len, why)) == NULL)
		return false;
	t->parts[t->n++] = (struct part){.text = text, .len = len, .path = path};
	return true;
}

static bool
parse(struct name_template *t, const char **why)
{
	for (const char *p = t->source; *p != '\0';) {
		size_t len = strcspn(p, "{");

		if (len > 0) {
			if (!add_literal(t, p, len, why))
				return false;
		} else if (p[1] == '{') {
			len = 2;
			if (!add_literal(t, p, 1, why))
				return false;
		} else {
			len = placeholder_length(p);
			if (!add_placeholder(t, p, len, why))
				return false;
		}
		p += len;
	}
	*why = "a name";
	return *t->source != '\0';
}

/* Splits what is before the first placeholder. */
static void
split(struct name_template *t)
{
	char *slash = strrchr(t->fixed, '/');

	t->stem = slash != NULL ? slash + 1 : t->fixed;
	t->folder = slash == NULL ? "." : slash == t->fixed ? "/" : t->fixed;
	if (slash != NULL)
		*slash = '\0';
}

struct name_template *
template_new(const char *text, const char **why)
{
	/* There are no more parts than bytes. */
	size_t len = strlen(text);
	struct name_template *t = calloc(1, sizeof(*t) + len * sizeof(t->parts[0]));

	*why = "out of memory";
	if (t == NULL)
		return NULL;
	if ((t->source = strdup(text)) == NULL || (t->fixed = calloc(1, len + 1)) == NULL ||
	    !parse(t, why)) {
		template_free(t);
		return NULL;
	}
	if (t->n > 0)
		split(t);
	return t;
}

void
template_free(struct name_template *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		json_path_free(t->parts[i].path);
	free(t->fixed);
	free(t->source);
	free(t);
}

const char *
template_path(const struct name_template *t)
{
	return t->n == 0 ? t->fixed : NULL;
}

const char *
template_folder(const struct name_template *t)
{
	return t->folder;
}

/* Whether the text has no character that controls a terminal. */
static bool
is_tame(const char *text, size_t len)
{
	char tamed[NAME_MAX];

	memcpy(tamed, text, len);
	utf8_tame(tamed, len, "");
	return memcmp(tamed, text, len) == 0;
}

/*
 * Turns a value of the record into its text, in `text`.  Returns what is wrong
 * with it, or NULL.
 */
static const char *
value_text(const struct json_slice *value, char text[LONGEST], size_t *len)
{
	*len = value->len;
	if (*value->data == '{')
		return "is an object";
	if (*value->data == '[')
		return "is an array";
	if (value->len == 4 && memcmp(value->data, "null", 4) == 0)
		return "is null";
	if (value->len > LONGEST)
		return "is too long for a file name";
	if (*value->data != '"')
		memcpy(text, value->data, value->len);
	else if ((*len = json_unquote(value->data, value->len, text)) == (size_t)-1)
		return "is not a valid string";
	return *len > NAME_MAX ? "is too long for a file name" : NULL;
}

/* What is wrong with the text of a value as part of a file name, or NULL. */
static const char *
text_fault(const char *text, size_t len, bool first)
{
	if (len == 0)
		return "is empty";
	if (len <= 2 && memcmp(text, "..", len) == 0)
		return "is the name of a folder";
	if (memchr(text, '/', len) != NULL)
		return "contains a slash";
	if (first && *text == '.')
		return "begins with a dot, which would hide the file";
	if (!is_tame(text, len))
		return "contains a control character, or is not UTF-8";
	return NULL;
}

/* A name that is being made. */
struct filling {
	char *name;
	size_t used;
	char *error;
	size_t size;
};

static enum template_status
append(struct filling *f, const char *text, size_t len)
{
	if (len > NAME_MAX - f->used) {
		snprintf(
		    f->error, f->size, "the file name would be longer than %d bytes", NAME_MAX);
		return TEMPLATE_UNROUTABLE;
	}
	memcpy(f->name + f->used, text, len);
	f->used += len;
	f->name[f->used] = '\0';
	return TEMPLATE_OK;
}

static enum template_status
append_value(struct filling *f, const struct part *part, const char *record, size_t len)
{
	char text[LONGEST];
	struct json_slice value;
	const char *fault;

	if (!json_path_get(part->path, record, len, &value)) {
		snprintf(f->error, f->size, "no value for %.*s", (int)part->len, part->text);
		return TEMPLATE_NO_KEY;
	}
	if ((fault = value_text(&value, text, &len)) == NULL)
		fault = text_fault(text, len, f->used == 0);
	if (fault == NULL)
		return append(f, text, len);
	snprintf(f->error, f->size, "the value of %.*s %s", (int)part->len, part->text, fault);
	return TEMPLATE_UNROUTABLE;
}

enum template_status
template_fill(const struct name_template *t, const char *record, size_t len,
    char name[NAME_MAX + 1], char *error, size_t size)
{
	struct filling f = {.name = name, .error = error, .size = size};
	enum template_status status = append(&f, t->stem, strlen(t->stem));

	for (size_t i = 0; i < t->n && status == TEMPLATE_OK; i++) {
		const struct part *part = &t->parts[i];

		status = part->path == NULL ? append(&f, part->text, part->len)
					    : append_value(&f, part, record, len);
	}
	return status;
}
