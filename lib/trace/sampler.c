#include "trace/sampler.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "trace/context.h"
#include "trace/tracestate.h"

__extension__ typedef unsigned __int128 wide;

#define ALL_BITS (UINT64_C(1) << TRACESTATE_BITS)
#define ALL_64 0x1p64
#define ALMOST_NOTHING 0x1p-50
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
	if (s->root == SAMPLER_RATIO)
		return randomness >= s->threshold;
	return s->root == SAMPLER_ALL;
}

/* splitmix64 (Steele, Lea and Flood, 2014), which is quick. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/*
 * With the ratio p, and q = 1 - p, n are skipped with the probability p q^n.
 * As q^n is the product of the q^(2^k) for which digit k of n is 1, the digits
 * do not depend on each other: digit k is 1 with x / (1 + x), x = q^(2^k).  The
 * complement of x, which is p first, keeps its precision if p is small; there
 * are digits until x is next to nothing, at most 63.
 */
static void
prepare_skip(struct sampler_draws *d, double ratio)
{
	double complement = ratio;

	for (; complement < 1 - ALMOST_NOTHING; complement *= 2 - complement)
		d->digit[d->n++] = (uint64_t)((1 - complement) / (2 - complement) * ALL_64);
}

/* The randomness of the traces that it takes begins here. */
static uint64_t
least_randomness(const struct sampler *s)
{
	return s->root == SAMPLER_RATIO ? s->threshold : 0;
}

void
sampler_begin_draws(const struct sampler *s, uint64_t seed, struct sampler_draws *d)
{
	uint64_t taken = ALL_BITS - least_randomness(s);

	*d = (struct sampler_draws){.state = seed};
	if (s->root == SAMPLER_NONE || taken == 0)
		return;
	prepare_skip(d, (double)taken / (double)ALL_BITS);
	sampler_draw(d);
}

/* Each digit is a draw of its own. */
void
sampler_draw(struct sampler_draws *d)
{
	uint64_t skip = 0;

	for (unsigned k = 0; k < d->n; k++)
		skip |= (uint64_t)(next_random(&d->state) < d->digit[k]) << k;
	d->next = skip + 1;
}

void
sampler_begin(const struct sampler *s, struct context *context)
{
	unsigned char *end = context->trace_id + CONTEXT_TRACE_ID - sizeof(uint64_t);
	uint64_t least = least_randomness(s), id, above;

	memset(context, 0, sizeof(*context));
	context_new_trace(context);
	context->flags |= CONTEXT_SAMPLED;
	/* Its end is made one that is not below the least. */
	memcpy(&id, end, sizeof(id));
	above = (uint64_t)((wide)id * (ALL_BITS - least) >> 64);
	id = htobe64(id << TRACESTATE_BITS | (least + above));
	memcpy(end, &id, sizeof(id));
}
