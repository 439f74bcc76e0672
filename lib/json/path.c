/* Compiling a key path. */

#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/path.h"

/* A path that is being compiled. */
struct compiler {
	const char *p; /* what comes next in the text */
	const char *end;
	struct path_step *step; /* the next to be filled in */
	char *names;            /* room for the names to come */
	const char *why;        /* what is wrong if the function fails */
};

static bool
in_name(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	    (!first && c >= '0' && c <= '9');
}

static bool
compile_name(struct compiler *c)
{
	const char *start = c->p;

	while (c->p < c->end && in_name(*c->p, c->p == start))
		c->p++;
	c->why = "a name of letters, digits and _, or one in quotes, must follow the dot";
	if (c->p == start)
		return false;
	*c->step =
	    (struct path_step){.name = c->names, .len = (size_t)(c->p - start), .plain = true};
	memcpy(c->names, start, c->step->len);
	c->names += c->step->len;
	return true;
}

static bool
compile_quoted(struct compiler *c)
{
	const char *after = c->p + 1;
	size_t len;

	c->why = "bad quoted name";
	while (after < c->end && *after != '"')
		after += *after == '\\' ? 2 : 1;
	if (after >= c->end)
		return false;
	after++;
	len = json_unquote(c->p, (size_t)(after - c->p), c->names);
	if (len == (size_t)-1)
		return false;
	*c->step = (struct path_step){.name = c->names, .len = len};
	c->names += len;
	c->p = after;
	return true;
}

static bool
compile_index(struct compiler *c)
{
	size_t index = 0;
	const char *start = c->p;

	c->why = "an index must be a number from 0 to 999999999";
	for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
		if (c->p - start == 9)
			return false;
		index = index * 10 + (size_t)(*c->p - '0');
	}
	*c->step = (struct path_step){.index = index};
	return c->p > start;
}

/* c->p is after the opening bracket. */
static bool
compile_bracket(struct compiler *c)
{
	bool quoted = c->p < c->end && *c->p == '"';

	if (quoted ? !compile_quoted(c) : !compile_index(c))
		return false;
	c->why = "] missing";
	return c->p < c->end && *c->p++ == ']';
}

/* .name, ."name", [index] or ["name"]; a dot can precede the bracket. */
static bool
compile_step(struct compiler *c)
{
	bool dot = *c->p == '.';

	if (dot)
		c->p++;
	if (c->p < c->end && *c->p == '[') {
		c->p++;
		return compile_bracket(c);
	}
	if (dot && c->p < c->end && *c->p == '"')
		return compile_quoted(c);
	if (dot)
		return compile_name(c);
	c->why = "a dot or [ must stand between names";
	return false;
}

struct json_path *
json_path_new(const char *text, const char **why)
{
	/*
	 * There are no more steps than bytes of text, and no more bytes of
	 * names.
	 */
	size_t len = strlen(text);
	struct json_path *path = calloc(1, sizeof(*path) + len * sizeof(path->steps[0]) + len);
	struct compiler c = {.p = text, .end = text + len};

	if (path == NULL) {
		*why = "out of memory";
		return NULL;
	}
	c.step = path->steps;
	c.names = (char *)(path->steps + len);
	c.why = "it must begin with a dot";
	if (*text != '.')
		goto bad;
	if (len == 1)
		return path;
	for (; c.p < c.end; c.step++)
		if (!compile_step(&c))
			goto bad;
	path->nsteps = (size_t)(c.step - path->steps);
	return path;
bad:
	*why = c.why;
	free(path);
	return NULL;
}

void
json_path_free(struct json_path *path)
{
	free(path);
}
