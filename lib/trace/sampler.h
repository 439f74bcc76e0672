#ifndef PCHAN_SAMPLER_H
#define PCHAN_SAMPLER_H

/*
 * Which records are traced: OpenTelemetry's samplers.  A ratio decides by the
 * trace's randomness R, 56 bits: those of the tracestate's rv, or the last 56
 * of the trace id.  With the threshold T = 2^56 - round(ratio * 2^56) a trace
 * is sampled if R >= T, so that all stages with one ratio sample the same
 * traces.
 *
 * Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stdint.h>

struct context;

enum sampler_root { SAMPLER_ALL, SAMPLER_NONE, SAMPLER_RATIO };

struct sampler {
	enum sampler_root root;
	bool parent_based;  /* a parent's flag decides, where there is one */
	uint64_t threshold; /* of SAMPLER_RATIO: 0 (all) to 2^56 (none) */
};

/*
 * Reads the values of OTEL_TRACES_SAMPLER (always_on, always_off, traceidratio,
 * and these with parentbased_) and OTEL_TRACES_SAMPLER_ARG (0 to 1; "": 1).
 * -1 and *why, a static text that names what is allowed, and the sampler stays.
 */
int sampler_read(struct sampler *, const char *name, const char *ratio, const char **why);

/* Whether a span with this parent (with this tracestate, or "") is recorded. */
bool sampler_takes(const struct sampler *, const struct context *parent, const char *state);

/* Whether a trace with this randomness, 56 bits, is recorded. */
static inline bool
sampler_is_above(const struct sampler *s, uint64_t randomness)
{
	if (s->root == SAMPLER_RATIO)
		return randomness >= s->threshold;
	return s->root == SAMPLER_ALL;
}

/*
 * Whether a record that has no parent is recorded, and its randomness.  state
 * is the caller's, random at first, and changes with each call: what decides is
 * made of it by splitmix64 (Steele, Lea and Flood, 2014), which is quick.
 */
static inline bool
sampler_draws(const struct sampler *s, uint64_t *state, uint64_t *randomness)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	*randomness = (z ^ (z >> 31)) >> 8;
	return sampler_is_above(s, *randomness);
}

/*
 * The context of a new trace with this randomness, the last 56 bits of its id,
 * which is recorded; without a span id.
 */
void sampler_begin(uint64_t randomness, struct context *);

/* Whether a threshold is to be told in the tracestate. */
static inline bool
sampler_has_threshold(const struct sampler *s)
{
	return s->root == SAMPLER_RATIO && s->threshold > 0;
}

#endif
