#include "trace/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/units.h"
#include "base/utf8.h"

#define DELAY CLOCK_S
#define QUEUE 2048
#define BATCH 512
#define SPANS_MAX (1 << 20) /* in the queue */
#define QUOTED_MAX 80       /* bytes of a value in a warning */

/* The value of a variable; NULL: it is unset, or empty. */
static const char *
get(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

/*
 * Adds a warning: `NAME: "value" is WHAT, ignored`.  -1 without memory.
 */
static int
warn_of(struct settings *s, const char *name, const char *value, const char *what)
{
	size_t len = strlen(value), kept = utf8_head(value, len, QUOTED_MAX);
	char **more = reallocarray(s->warning, s->warnings + 1, sizeof(*more)), *line;

	if (more == NULL)
		return -1;
	s->warning = more;
	if (asprintf(&line, "%s: \"%.*s%s\" is %s, ignored", name, (int)kept, value,
		kept < len ? "..." : "", what) == -1)
		return -1;
	s->warning[s->warnings++] = line;
	return 0;
}

static int
read_disabled(struct settings *s)
{
	static const char name[] = "OTEL_SDK_DISABLED";
	const char *value = get(name);

	s->disabled = value != NULL && strcasecmp(value, "true") == 0;
	if (value == NULL || s->disabled || strcasecmp(value, "false") == 0)
		return 0;
	return warn_of(s, name, value, "neither true nor false");
}

static int
read_exporter(struct settings *s)
{
	static const char name[] = "OTEL_TRACES_EXPORTER";
	static const char *const words[] = {
	    [SETTINGS_OTLP] = "otlp", [SETTINGS_CONSOLE] = "console", [SETTINGS_NONE] = "none"};
	const char *value = get(name);

	if (value == NULL)
		return 0;
	for (int i = SETTINGS_OTLP; i <= SETTINGS_NONE; i++) {
		if (strcasecmp(value, words[i]) == 0) {
			s->exporter = (enum settings_exporter)i;
			return 0;
		}
	}
	return warn_of(s, name, value, "none of otlp, console and none");
}

static int
read_sampler(struct settings *s)
{
	static const char name[] = "OTEL_TRACES_SAMPLER", arg[] = "OTEL_TRACES_SAMPLER_ARG";
	const char *value = get(name), *ratio = get(arg), *why;
	char lower[64] = "", what[160];

	s->sampler = (struct sampler){.root = SAMPLER_ALL, .parent_based = true};
	if (value == NULL)
		return 0;
	for (size_t i = 0; i < sizeof(lower) - 1 && value[i] != '\0'; i++)
		lower[i] = (char)tolower((unsigned char)value[i]);
	if (sampler_read(&s->sampler, lower, ratio != NULL ? ratio : "", &why) == 0)
		return 0;
	snprintf(what, sizeof(what), "not %s", why);
	/* Which of them is bad? */
	if (ratio != NULL && sampler_read(&s->sampler, lower, "", &why) == 0)
		return warn_of(s, arg, ratio, what);
	snprintf(what, sizeof(what), "not %s", why);
	return warn_of(s, name, value, what);
}

/* Reads a number from least to most; *number stays if there is none. */
static int
read_number(struct settings *s, const char *name, int64_t least, int64_t most, const char *what,
    int64_t *number)
{
	const char *value = get(name), *why;

	if (value == NULL || units_number(value, least, most, number, &why) == 0)
		return 0;
	return warn_of(s, name, value, what);
}

static int
read_limits(struct settings *s)
{
	static const char spans[] = "no number of spans from 1 to 1048576";
	static const char name[] = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE";
	int64_t ms = DELAY / CLOCK_MS, queue = QUEUE, batch = BATCH;
	int error = 0;

	if (read_number(s, "OTEL_BSP_SCHEDULE_DELAY", 0, INT32_MAX, "no number of milliseconds",
		&ms) == -1 ||
	    read_number(s, "OTEL_BSP_MAX_QUEUE_SIZE", 1, SPANS_MAX, spans, &queue) == -1 ||
	    read_number(s, name, 1, SPANS_MAX, spans, &batch) == -1)
		return -1;
	if (batch > queue) {
		if (batch != BATCH)
			error = warn_of(s, name, getenv(name), "more than the queue has room for");
		batch = queue < BATCH ? queue : BATCH;
	}
	s->delay = ms * CLOCK_MS;
	s->queue = (size_t)queue;
	s->batch = (size_t)batch;
	return error;
}

/*
 * Decodes percent-encoding in place, without the white space around the text.
 * NULL: it is not valid, or has a NUL.
 */
static char *
decode(char *text)
{
	char *from, *to, *end;

	text += strspn(text, " \t");
	end = text + strlen(text);
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	for (from = to = text; *from != '\0'; to++) {
		int high, low;

		if (*from != '%') {
			*to = *from++;
			continue;
		}
		if ((high = hex_digit(from[1])) == -1 || (low = hex_digit(from[2])) == -1 ||
		    (high | low) == 0)
			return NULL;
		*to = (char)(high << 4 | low);
		from += 3;
	}
	*to = '\0';
	return text;
}

/* Where the attribute of this key is, or goes to.  NULL: no memory. */
static struct settings_attribute *
place_of(struct settings *s, const char *key)
{
	struct settings_attribute *more;

	for (size_t i = 0; i < s->attributes; i++)
		if (strcmp(s->attribute[i].key, key) == 0)
			return &s->attribute[i];
	if ((more = reallocarray(s->attribute, s->attributes + 1, sizeof(*more))) == NULL)
		return NULL;
	s->attribute = more;
	more += s->attributes;
	*more = (struct settings_attribute){.key = strdup(key)};
	if (more->key == NULL)
		return NULL;
	s->attributes++;
	return more;
}

static void
free_attributes(struct settings *s)
{
	for (size_t i = 0; i < s->attributes; i++) {
		free(s->attribute[i].key);
		free(s->attribute[i].value);
	}
	free(s->attribute);
	s->attribute = NULL;
	s->attributes = 0;
}

/* Replaces a text.  -1: no memory. */
static int
set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return -1;
	free(*text);
	*text = copy;
	return 0;
}

/* Takes a pair, `key=value`.  False: it is bad; or no memory, with *error. */
static bool
take_pair(struct settings *s, char *pair, int *error)
{
	char *value = strchr(pair, '='), *key;
	struct settings_attribute *a;

	if (pair[strspn(pair, " \t")] == '\0')
		return true; /* between two commas */
	if (value == NULL)
		return false;
	*value++ = '\0';
	if ((key = decode(pair)) == NULL || *key == '\0' || (value = decode(value)) == NULL)
		return false;
	if ((a = place_of(s, key)) == NULL || set_text(&a->value, value) == -1)
		*error = -1;
	return *error == 0;
}

/* service.name is no attribute like others. */
static int
take_service(struct settings *s)
{
	const char *name = get("OTEL_SERVICE_NAME");
	size_t kept = 0;

	for (size_t i = 0; i < s->attributes; i++) {
		struct settings_attribute a = s->attribute[i];

		if (strcmp(a.key, "service.name") != 0) {
			s->attribute[kept++] = a;
			continue;
		}
		free(a.key);
		if (*a.value != '\0')
			s->service = a.value;
		else
			free(a.value);
	}
	s->attributes = kept;
	return name == NULL ? 0 : set_text(&s->service, name);
}

static int
read_resource(struct settings *s)
{
	static const char name[] = "OTEL_RESOURCE_ATTRIBUTES";
	const char *value = get(name);
	char *copy, *rest, *pair;
	bool good = true;
	int error = 0;

	if (value == NULL)
		return take_service(s);
	if ((copy = rest = strdup(value)) == NULL)
		return -1;
	while (good && (pair = strsep(&rest, ",")) != NULL)
		good = take_pair(s, pair, &error);
	free(copy);
	if (!good && error == 0) {
		free_attributes(s);
		error = warn_of(s, name, value, "no list of key=value");
	}
	return error == 0 ? take_service(s) : -1;
}

static int
read_parent(struct settings *s)
{
	static const char name[] = "TRACEPARENT", state[] = "TRACESTATE";
	const char *value = get(name);

	if (value == NULL)
		return 0;
	s->has_parent = context_read(value, strlen(value), &s->parent);
	if (!s->has_parent)
		return warn_of(s, name, value, "no traceparent");
	if ((value = get(state)) == NULL)
		return 0;
	if (strlen(value) > TRACESTATE_MAX)
		return warn_of(s, state, value, "longer than 512 bytes");
	if (!tracestate_is_valid(value, strlen(value)))
		return warn_of(s, state, value, "no tracestate");
	snprintf(s->state, sizeof(s->state), "%s", value);
	return 0;
}

int
settings_read(struct settings *s)
{
	*s = (struct settings){.exporter = SETTINGS_UNSET};
	if (read_disabled(s) == 0 && read_exporter(s) == 0 && read_sampler(s) == 0 &&
	    read_limits(s) == 0 && read_resource(s) == 0 && read_parent(s) == 0)
		return 0;
	settings_free(s);
	errno = ENOMEM;
	return -1;
}

void
settings_free(struct settings *s)
{
	free_attributes(s);
	for (size_t i = 0; i < s->warnings; i++)
		free(s->warning[i]);
	free(s->warning);
	free(s->service);
	s->warning = NULL;
	s->warnings = 0;
	s->service = NULL;
}
