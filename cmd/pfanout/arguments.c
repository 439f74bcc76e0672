#include "arguments.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "placeholder.h"
#include "record/record.h"

enum part_kind { LITERAL, WHOLE, VALUE, NUMBER, SLOT, SIZE };

struct part {
	enum part_kind kind;
	const char *text; /* as it is written */
	size_t len;
	struct json_path *path; /* VALUE */
};

struct argument {
	const char *source;
	size_t n;
	struct part *parts;
};

struct arguments {
	unsigned how; /* as for arguments_new() */
	size_t n;
	struct argument arg[];
};

/* Parses the part that begins at *text, and moves that on. */
static int
parse_part(struct part *part, unsigned how, const char **text, const char **why)
{
	bool batch = (how & ARGUMENTS_BATCH) != 0;
	const char *at = *text;

	*part = (struct part){.kind = LITERAL, .text = at};
	if (strncmp(at, "{}", 2) == 0) {
		part->kind = WHOLE;
		part->len = 2;
	} else if (strncmp(at, "{#}", 3) == 0 || strncmp(at, "{%}", 3) == 0) {
		part->kind = at[1] == '#' ? NUMBER : SLOT;
		part->len = 3;
	} else if (batch && strncmp(at, "{n}", 3) == 0) {
		part->kind = SIZE;
		part->len = 3;
	} else if ((part->len = placeholder_length(at)) > 0) {
		part->kind = VALUE;
		if ((part->path = placeholder_path(at, part->len, why)) == NULL)
			return -1;
	} else
		part->len = 1 + strcspn(at + 1, "{");
	if (batch && (part->kind == WHOLE || part->kind == VALUE)) {
		*why = "a batch has no record to put in; its records are on standard input";
		return -1;
	}
	*text += part->len;
	return 0;
}

static int
parse_argument(struct argument *a, unsigned how, const char *source, const char **why)
{
	a->source = source;
	for (const char *at = source; *at != '\0';) {
		struct part *parts = reallocarray(a->parts, a->n + 1, sizeof(*parts));

		*why = "out of memory";
		if (parts == NULL)
			return -1;
		a->parts = parts;
		/* A path that was parsed is to be freed in any case. */
		if (parse_part(&parts[a->n++], how, &at, why) == -1)
			return -1;
	}
	return 0;
}

struct arguments *
arguments_new(char *const argv[], unsigned how, const char **why, const char **bad)
{
	struct arguments *t;
	size_t n = 0;

	while (argv[n] != NULL)
		n++;
	*why = "out of memory";
	*bad = argv[0];
	if ((t = calloc(1, sizeof(*t) + n * sizeof(t->arg[0]))) == NULL)
		return NULL;
	t->how = how;
	for (t->n = 0; t->n < n; t->n++) {
		*bad = argv[t->n];
		if (parse_argument(&t->arg[t->n], how, argv[t->n], why) == -1) {
			t->n++;
			arguments_free(t);
			return NULL;
		}
	}
	return t;
}

void
arguments_free(struct arguments *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++) {
		for (size_t j = 0; j < t->arg[i].n; j++)
			json_path_free(t->arg[i].parts[j].path);
		free(t->arg[i].parts);
	}
	free(t);
}

const char *
arguments_data(const struct arguments *t, size_t i, size_t *len)
{
	const struct argument *a = &t->arg[i];

	for (size_t j = 0; j < a->n; j++)
		if (a->parts[j].kind == WHOLE || a->parts[j].kind == VALUE) {
			*len = a->parts[j].len;
			return a->parts[j].text;
		}
	return NULL;
}

bool
arguments_names_command(const struct arguments *t)
{
	for (size_t i = 0; i < t->arg[0].n; i++)
		if (t->arg[0].parts[i].kind != LITERAL)
			return true;
	return false;
}

/* The record; JSON without the white space around it, such as a CR. */
static struct json_slice
whole_record(const struct arguments *t, const struct record *r)
{
	bool raw = (t->how & ARGUMENTS_RAW) != 0;
	struct json_slice s = {r->data, r->len};

	while (!raw && s.len > 0 && json_blank(s.data + s.len - 1, 1))
		s.len--;
	for (; !raw && s.len > 0 && json_blank(s.data, 1); s.data++)
		s.len--;
	return s;
}

/* The bytes that a part stands for; numbers are written into `number`. */
static bool
look_up_part(const struct arguments *t, const struct part *part, const struct arguments_facts *f,
    char number[24], struct json_slice *s)
{
	uint64_t n = 0;

	switch (part->kind) {
	case LITERAL:
		*s = (struct json_slice){part->text, part->len};
		return true;
	case WHOLE:
		*s = whole_record(t, f->record);
		return true;
	case VALUE:
		return json_path_get(part->path, f->record->data, f->record->len, s);
	case NUMBER:
		n = f->number;
		break;
	case SLOT:
		n = f->slot;
		break;
	case SIZE:
		n = f->size;
		break;
	}
	*s = (struct json_slice){number, (size_t)snprintf(number, 24, "%" PRIu64, n)};
	return true;
}

/*
 * Appends the part at *at.  Where at is NULL it only adds the most bytes that
 * the part can have to *len.
 */
static enum arguments_status
put_part(const struct arguments *t, const struct part *part, const struct arguments_facts *f,
    char **at, size_t *len)
{
	struct json_slice s;
	char number[24];
	size_t n;

	if (!look_up_part(t, part, f, number, &s))
		return ARGUMENTS_NO_KEY;
	*len += s.len;
	if (at == NULL)
		return ARGUMENTS_OK;
	if (part->kind == VALUE && s.len > 0 && s.data[0] == '"' &&
	    (n = json_unquote(s.data, s.len, *at)) != (size_t)-1)
		s.len = n;
	else
		memcpy(*at, s.data, s.len);
	if (memchr(*at, '\0', s.len) != NULL)
		return ARGUMENTS_NUL;
	*at += s.len;
	return ARGUMENTS_OK;
}

static enum arguments_status
put_argument(const struct arguments *t, size_t index, const struct arguments_facts *f, char **at,
    size_t *len)
{
	const struct argument *a = &t->arg[index];
	enum arguments_status status = ARGUMENTS_OK;

	for (size_t i = 0; i < a->n && status == ARGUMENTS_OK; i++)
		status = put_part(t, &a->parts[i], f, at, len);
	if (status == ARGUMENTS_OK && at != NULL)
		*(*at)++ = '\0';
	return status;
}

enum arguments_status
arguments_fill(
    const struct arguments *t, const struct arguments_facts *f, char ***argv, const char **bad)
{
	size_t len = (t->n + 1) * sizeof(char *) + t->n;
	enum arguments_status status;
	char **block, *at;

	/* How much room the arguments need at most. */
	for (size_t i = 0; i < t->n; i++) {
		*bad = t->arg[i].source;
		if ((status = put_argument(t, i, f, NULL, &len)) != ARGUMENTS_OK)
			return status;
	}
	if ((block = malloc(len)) == NULL)
		return ARGUMENTS_NO_MEMORY;
	/* The pointers come first in the block, then the texts. */
	at = (char *)(block + t->n + 1);
	for (size_t i = 0; i < t->n; i++) {
		*bad = t->arg[i].source;
		block[i] = at;
		if ((status = put_argument(t, i, f, &at, &len)) != ARGUMENTS_OK) {
			free(block);
			return status;
		}
	}
	block[t->n] = NULL;
	*argv = block;
	return ARGUMENTS_OK;
}
