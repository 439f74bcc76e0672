#include "trace/resource.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/version.h"
#include "json/text.h"
#include "trace/attribute.h"
#include "trace/otlp.h"
#include "trace/settings.h"

/* Whether an attribute from this one on has the key. */
static bool
has_key(const struct settings *s, size_t from, const char *key)
{
	for (size_t i = from; i < s->attributes; i++)
		if (strcmp(s->attribute[i].key, key) == 0)
			return true;
	return false;
}

/* Adds an attribute unless the settings have one with this key. */
static void
put_default(struct text *t, const struct settings *s, const char *key, const char *value)
{
	if (!has_key(s, 0, key))
		attribute_text(t, key, value);
}

static void
put_instance(struct text *t, const struct settings *s, const unsigned char uuid[16])
{
	/* Groups of 8, 4, 4, 4 and 12 digits, with hyphens between. */
	static const size_t start[] = {0, 4, 6, 8, 10, 16};
	char text[37], *at = text;

	for (size_t i = 0; i < 5; i++) {
		hex_print(uuid + start[i], start[i + 1] - start[i], at);
		at += 2 * (start[i + 1] - start[i]);
		*at++ = i < 4 ? '-' : '\0';
	}
	put_default(t, s, "service.instance.id", text);
}

static void
put_host(struct text *t, const struct settings *s)
{
	char name[HOST_NAME_MAX + 1] = "";

	if (gethostname(name, sizeof(name) - 1) == 0 && *name != '\0')
		put_default(t, s, "host.name", name);
}

/* Of those with the same key the last counts. */
static void
put_given(struct text *t, const struct settings *s)
{
	for (size_t i = 0; i < s->attributes; i++)
		if (strcmp(s->attribute[i].key, "service.name") != 0 &&
		    !has_key(s, i + 1, s->attribute[i].key))
			attribute_text(t, s->attribute[i].key, s->attribute[i].value);
}

void
resource_put(struct text *t, const struct settings *s, const struct otlp_stage *stage)
{
	attribute_text(t, "service.name", s->service != NULL ? s->service : stage->name);
	if (*stage->pipeline != '\0')
		put_default(t, s, "service.namespace", stage->pipeline);
	put_instance(t, s, stage->uuid);
	put_default(t, s, "telemetry.sdk.name", "pchan");
	put_default(t, s, "telemetry.sdk.language", "c");
	put_default(t, s, "telemetry.sdk.version", PCHAN_VERSION);
	if (!has_key(s, 0, "process.pid"))
		attribute_number(t, "process.pid", (uint64_t)stage->pid);
	put_host(t, s);
	put_given(t, s);
}
