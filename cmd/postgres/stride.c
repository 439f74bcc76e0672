#include "stride.h"

void
stride_stored(struct stride *s, size_t n)
{
	/* Fewer than allowed say nothing of more. */
	if (n == s->most)
		s->most = 2 * n < STRIDE_MOST ? 2 * n : STRIDE_MOST;
}

bool
stride_failed(struct stride *s, size_t n)
{
	s->most = n > 1 ? n / 2 : 1;
	return n == 1;
}
