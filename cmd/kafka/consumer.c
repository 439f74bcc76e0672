#include "consumer.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define COMMIT_EVERY (200 * CLOCK_MS)

void
consumer_out_of_memory(void)
{
	helper_fail("out of memory");
}

void
consumer_step(struct consumer *c, int timeout)
{
	struct pollfd wake = {.fd = c->wake, .events = POLLIN};
	uint64_t count;

	if (giver_step(c->giver, &wake, 1, timeout) == GIVER_STOPS)
		c->stops = true;
	if ((wake.revents & POLLIN) != 0)
		(void)!read(c->wake, &count, sizeof(count));
}

void
consumer_mark(struct consumer *c)
{
	char token[GIVER_TOKEN_SIZE];

	c->mark_due = CLOCK_NEVER;
	if (!c->marks || c->offsets.unmarked == 0)
		return;
	if (offsets_mark(&c->offsets, ++c->token) == -1)
		consumer_out_of_memory();
	snprintf(token, sizeof(token), "%" PRIu64, c->token);
	giver_mark(c->giver, token);
}

void
consumer_want_commit(struct consumer *c)
{
	if (!c->marks || c->commit_due != CLOCK_NEVER)
		return;
	c->commit_due =
	    c->committed + (c->failures > 0 ? helper_back_off(c->failures) : COMMIT_EVERY);
}
