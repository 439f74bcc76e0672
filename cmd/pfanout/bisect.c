#include "bisect.h"

void
bisect_accuse(struct bisect *b, size_t in_flight, bool oldest)
{
	*b = (struct bisect){.suspects = in_flight, .oldest = oldest};
}

bool
bisect_is_on(const struct bisect *b)
{
	return b->suspects > 0;
}

void
bisect_begin_trial(struct bisect *b)
{
	b->trial = b->oldest && b->suspects > 0 ? 1 : (b->suspects + 1) / 2;
	b->oldest = false;
}

bool
bisect_on_trial(const struct bisect *b)
{
	return b->trial > 0;
}

size_t
bisect_room(const struct bisect *b, uint64_t given)
{
	return given < b->trial ? b->trial - (size_t)given : 0;
}

void
bisect_end_trial(struct bisect *b, uint64_t answered)
{
	if (b->trial == 0)
		return;
	b->suspects -= answered < b->suspects ? (size_t)answered : b->suspects;
	b->trial = 0;
}

void
bisect_end(struct bisect *b)
{
	*b = (struct bisect){0};
}
