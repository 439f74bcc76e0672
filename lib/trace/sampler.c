#include "trace/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "trace/context.h"
#include "trace/tracestate.h"

#define ALL_BITS (UINT64_C(1) << TRACESTATE_BITS)
#define RANDOM_BYTES (TRACESTATE_BITS / 8) /* at the end of a trace id */

/* Reads a ratio from 0 to 1 as a threshold. */
static bool
read_threshold(const char *text, uint64_t *threshold)
{
	char *end;
	double ratio = strtod(text, &end);
	double scaled = ratio * (double)ALL_BITS; /* exact: a power of two */
	uint64_t whole;

	/* Neither blanks, nor hexadecimal digits, nor "nan". */
	if (text[strspn(text, "0123456789.eE+-")] != '\0' || end == text || *end != '\0')
		return false;
	if (!(ratio >= 0 && ratio <= 1))
		return false;
	whole = (uint64_t)scaled;
	if (scaled - (double)whole >= 0.5)
		whole++;
	*threshold = ALL_BITS - whole;
	return true;
}

int
sampler_read(struct sampler *sampler, const char *name, const char *ratio, const char **why)
{
	static const char parent[] = "parentbased_";
	struct sampler s = {0};

	if (strncmp(name, parent, sizeof(parent) - 1) == 0) {
		s.parent_based = true;
		name += sizeof(parent) - 1;
	}
	if (strcmp(name, "always_on") == 0)
		s.root = SAMPLER_ALL;
	else if (strcmp(name, "always_off") == 0)
		s.root = SAMPLER_NONE;
	else if (strcmp(name, "traceidratio") == 0)
		s.root = SAMPLER_RATIO;
	else {
		*why = "always_on, always_off or traceidratio, or one of these with parentbased_ "
		       "before it";
		return -1;
	}
	if (s.root == SAMPLER_RATIO && *ratio != '\0' && !read_threshold(ratio, &s.threshold)) {
		*why = "a ratio from 0 to 1";
		return -1;
	}
	*sampler = s;
	return 0;
}

bool
sampler_takes(const struct sampler *s, const struct context *parent, const char *state)
{
	uint64_t randomness = 0;

	if (s->parent_based)
		return (parent->flags & CONTEXT_SAMPLED) != 0;
	if (!tracestate_randomness(state, strlen(state), &randomness))
		for (size_t i = CONTEXT_TRACE_ID - RANDOM_BYTES; i < CONTEXT_TRACE_ID; i++)
			randomness = randomness << 8 | parent->trace_id[i];
	return sampler_is_above(s, randomness);
}

void
sampler_begin(uint64_t randomness, struct context *context)
{
	memset(context, 0, sizeof(*context));
	context_new_trace(context);
	context->flags |= CONTEXT_SAMPLED;
	for (size_t i = 1; i <= RANDOM_BYTES; i++, randomness >>= 8)
		context->trace_id[CONTEXT_TRACE_ID - i] = (unsigned char)randomness;
}
