#include "engine/control.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void
control_key(char key[CONTROL_KEY_SIZE], char prefix[CONTROL_PREFIX_SIZE])
{
	uint64_t random;

	arc4random_buf(&random, sizeof(random));
	snprintf(key, CONTROL_KEY_SIZE, "%016" PRIx64, random);
	snprintf(prefix, CONTROL_PREFIX_SIZE, "@%s ", key);
}

void
control_begin(struct text *t, const char *key, const char *word)
{
	TEXT_LITERAL(t, "@");
	text_raw(t, key);
	TEXT_LITERAL(t, " ");
	text_raw(t, word);
	TEXT_LITERAL(t, " ");
}

void
control_stat(
    struct text *t, const char *key, const char *name, const uint64_t *number, const char *label)
{
	control_begin(t, key, "stat");
	text_raw(t, name);
	TEXT_LITERAL(t, " ");
	if (number != NULL)
		text_number(t, *number);
	else
		TEXT_LITERAL(t, "-");
	if (label != NULL) {
		TEXT_LITERAL(t, " ");
		text_raw(t, label);
	}
}
