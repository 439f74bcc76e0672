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

/*
 * The draws for records without a parent, of one thread.  Most records are not
 * recorded.  So what is drawn is how many are skipped before the next one that
 * is, and for most records a draw only counts down.
 */
struct sampler_draws {
	uint64_t next;      /* how many draws from here; 0: none is recorded */
	uint64_t state;     /* random */
	unsigned n;         /* binary digits of a skip, the lowest first: */
	uint64_t digit[64]; /* the probability of a 1, as of 2^64 */
};

/* Begins them; the seed is random. */
void sampler_begin_draws(const struct sampler *, uint64_t seed, struct sampler_draws *);

/* Draws how many are skipped now. */
void sampler_draw(struct sampler_draws *);

/* Whether a record that has no parent is recorded. */
static inline bool
sampler_draws(struct sampler_draws *d)
{
	if (--d->next != 0)
		return false;
	sampler_draw(d);
	return true;
}

/* How many records come before the next one that is recorded, at least. */
static inline uint64_t
sampler_skips(const struct sampler_draws *d)
{
	return d->next - 1;
}

/* So many of them, or fewer, have come. */
static inline void
sampler_skip(struct sampler_draws *d, uint64_t n)
{
	d->next -= n;
}

/*
 * The context of a new trace that is recorded, with the randomness of one that
 * the sampler takes; without a span id.  The sampler takes some.
 */
void sampler_begin(const struct sampler *, struct context *);

/* Whether a threshold is to be told in the tracestate. */
static inline bool
sampler_has_threshold(const struct sampler *s)
{
	return s->root == SAMPLER_RATIO && s->threshold > 0;
}

#endif
