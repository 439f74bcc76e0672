#include "appetite.h"

uint64_t
appetite_next(uint64_t asked, size_t n, size_t bytes)
{
	uint64_t next = asked * 2, fit;

	if (n == 0)
		return asked;
	fit = APPETITE_BYTES / (bytes / n + 1);
	if (next > fit)
		next = fit;
	if (next > APPETITE_MOST)
		next = APPETITE_MOST;
	return next > 0 ? next : 1;
}
