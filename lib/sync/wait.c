#include "sync/wait.h"

#include "base/clock.h"
#include "sync/ctx.h"
#include "sync/park.h"

bool
wait_for(struct waitlist *list, struct ctx *ctx, int64_t deadline, bool (*ready)(const void *arg),
    const void *arg)
{
	struct parker parker;
	struct waiter changed, ended;
	int64_t until = clock_earlier(deadline, ctx_deadline(ctx));
	bool is_ready, in_time = true;

	park_init(&parker);
	ctx_watch(ctx, &ended, &parker);
	waitlist_add(list, &changed, &parker);
	/* Look after being listed: a change before that wakes nobody. */
	while (!(is_ready = ready(arg)) && in_time && ctx_state(ctx) == CTX_LIVE) {
		in_time = park_wait(&parker, until);
		/* A wake has taken the waiter out of the list. */
		waitlist_remove(list, &changed);
		waitlist_add(list, &changed, &parker);
	}
	waitlist_remove(list, &changed);
	ctx_unwatch(ctx, &ended);
	return is_ready;
}
