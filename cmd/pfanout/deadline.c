#include "deadline.h"

#include "base/clock.h"

#define LOOK_MIN CLOCK_MS
#define LOOK_MAX (250 * CLOCK_MS)
#define LOOK_PART 8 /* the part of the wait so far that passes between looks */

void
deadline_init(struct deadline *d, int64_t timeout, int64_t start_timeout)
{
	bool longer = timeout != CLOCK_NEVER && timeout > start_timeout;

	*d = (struct deadline){
	    .timeout = timeout, .start_timeout = longer ? timeout : start_timeout};
	deadline_started(d);
}

void
deadline_started(struct deadline *d)
{
	d->ready = CLOCK_NEVER;
	d->done = 0;
	d->look_at = 0;
}

void
deadline_given(struct deadline *d, int64_t now)
{
	d->look_at = now + LOOK_MIN;
}

bool
deadline_awaits_start(const struct deadline *d)
{
	return d->timeout != CLOCK_NEVER && d->ready == CLOCK_NEVER;
}

void
deadline_saw(struct deadline *d, bool has_read, int64_t since, int64_t now)
{
	int64_t wait = clock_earlier((now - since) / LOOK_PART, LOOK_MAX);

	if (has_read)
		d->ready = now;
	d->look_at = now + (wait < LOOK_MIN ? LOOK_MIN : wait);
}

int64_t
deadline_since(const struct deadline *d, int64_t since)
{
	return d->ready != CLOCK_NEVER && d->ready > since ? d->ready : since;
}

void
deadline_done(struct deadline *d, int64_t now)
{
	d->done = now;
}

int64_t
deadline_end(const struct deadline *d, int64_t since)
{
	if (d->timeout == CLOCK_NEVER)
		return CLOCK_NEVER;
	if (d->ready == CLOCK_NEVER)
		return clock_after(since, d->start_timeout);
	since = deadline_since(d, since);
	return clock_after(d->done > since ? d->done : since, d->timeout);
}

void
deadline_extend(struct deadline *d, int64_t ns)
{
	if (d->ready != CLOCK_NEVER)
		d->ready += ns;
	if (d->done != 0)
		d->done += ns;
}
