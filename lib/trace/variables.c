#include "trace/variables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "trace/context.h"

#define PARENT "TRACEPARENT="
#define STATE "TRACESTATE="

static bool
is_ours(const char *variable)
{
	return strncmp(variable, PARENT, strlen(PARENT)) == 0 ||
	    strncmp(variable, STATE, strlen(STATE)) == 0;
}

char **
variables_with(char *const *environment, const struct context *context, const char *state)
{
	size_t n = 0, used = 0;
	char **copy, *text;

	while (environment[n] != NULL)
		n++;
	/* Two more variables, the NULL, and the text of the two. */
	copy = malloc((n + 3) * sizeof(*copy) + sizeof(PARENT) + CONTEXT_TEXT_SIZE + sizeof(STATE) +
	    strlen(state));
	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!is_ours(environment[i]))
			copy[used++] = environment[i];
	if (context != NULL) {
		text = (char *)(copy + n + 3);
		copy[used++] = text;
		context_print(context, stpcpy(text, PARENT));
		if (*state != '\0') {
			text += strlen(text) + 1;
			copy[used++] = text;
			strcpy(stpcpy(text, STATE), state);
		}
	}
	copy[used] = NULL;
	return copy;
}
