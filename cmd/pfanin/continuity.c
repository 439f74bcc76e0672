#include "continuity.h"

enum continuity
continuity_of(const struct read_facts *f)
{
	/*
	 * The text before the offset is another one: what came was there with
	 * it, or has gone with the old one.
	 */
	if (f->size >= f->offset && !f->same_before)
		return f->n > 0 && f->same_read ? CUT_BEFORE : CUT_AFTER;
	return f->size < f->offset + f->n ? CUT_AFTER : CONTINUES;
}

enum parting
parting_of(enum writers writers, int64_t silent)
{
	if (writers == WRITERS_SOME)
		return PART_ON_EVENT;
	if (silent < PARTING_LINGER)
		return PART_LATER;
	return writers == WRITERS_NONE || silent >= PARTING_SILENCE ? PART_NOW : PART_LATER;
}
