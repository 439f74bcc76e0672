#include "base/histogram.h"

#define DECADE(ns) (ns), 5 * (ns) / 2, 5 * (ns)

const int64_t histogram_bound[HISTOGRAM_BOUNDS] = {
    DECADE(INT64_C(1000)), /* 1 us */
    DECADE(INT64_C(10000)),
    DECADE(INT64_C(100000)),
    DECADE(INT64_C(1000000)), /* 1 ms */
    DECADE(INT64_C(10000000)),
    DECADE(INT64_C(100000000)),
    DECADE(INT64_C(1000000000)), /* 1 s */
    DECADE(INT64_C(10000000000)),
    INT64_C(100000000000),
};

/*
 * With one writer a relaxed load and store is enough, at an eighteenth of the
 * price of an atomic add.
 */
static void
add_to_cell(_Atomic uint64_t *to, uint64_t n)
{
	atomic_store_explicit(
	    to, atomic_load_explicit(to, memory_order_relaxed) + n, memory_order_relaxed);
}

static uint64_t
read_cell(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

unsigned
histogram_bucket(int64_t ns)
{
	unsigned i = 0;

	/* Most durations are short: a search from below ends soon. */
	while (i < HISTOGRAM_BOUNDS && ns > histogram_bound[i])
		i++;
	return i;
}

void
histogram_add(struct histogram *h, int64_t ns, uint64_t n)
{
	if (ns < 0)
		ns = 0;
	add_to_cell(&h->bucket[histogram_bucket(ns)], n);
	add_to_cell(&h->sum, (uint64_t)ns * n);
}

void
histogram_merge(struct histogram *to, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		add_to_cell(&to->bucket[i], read_cell(&from->bucket[i]));
	add_to_cell(&to->sum, read_cell(&from->sum));
}

void
histogram_subtract(struct histogram *to, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		add_to_cell(&to->bucket[i], -read_cell(&from->bucket[i]));
	add_to_cell(&to->sum, -read_cell(&from->sum));
}

uint64_t
histogram_count(const struct histogram *h)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += read_cell(&h->bucket[i]);
	return count;
}

int64_t
histogram_quantile(const struct histogram *h, double q)
{
	uint64_t count = histogram_count(h);
	double rank = (double)count * (q > 0 ? q < 1 ? q : 1 : 0);
	double below = 0;

	if (count == 0)
		return 0;
	for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
		double n = (double)read_cell(&h->bucket[i]);
		double lower = i > 0 ? (double)histogram_bound[i - 1] : 0;
		double width = (double)histogram_bound[i] - lower;

		if (n > 0 && below + n >= rank)
			return (int64_t)(lower + width * (rank - below) / n);
		below += n;
	}
	return histogram_bound[HISTOGRAM_BOUNDS - 1];
}
