#include "pfanout/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "pfanout/parcel.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "sync/stopwatch.h"
#include "t.h"

static struct ctx *ctx;
static struct stopwatch waits;

/* Output i takes; the parcel it gets is freed. */
static enum dispatch_status
take(struct dispatch *d, unsigned i, bool ready)
{
	struct parcel *p;
	enum dispatch_status status = dispatch_take(d, i, ready, &p);

	CHECK((p != NULL) == (status == DISPATCH_OK));
	parcel_free(p);
	return status;
}

static void
test_own(void)
{
	struct dispatch *d = dispatch_new(2, false, &waits);

	CHECK(dispatch_put(d, ctx, 1, parcel_new()));
	CHECK(take(d, 0, true) == DISPATCH_EMPTY);
	CHECK(take(d, 1, false) == DISPATCH_EMPTY, "it can't write now");
	CHECK(take(d, 1, true) == DISPATCH_OK);
	dispatch_end(d);
	CHECK(take(d, 0, true) == DISPATCH_END, "output 1 still writes, and gives nothing back");
	CHECK(take(d, 1, false) == DISPATCH_END);
	dispatch_free(d);
}

static void
test_common(void)
{
	struct dispatch *d = dispatch_new(2, true, &waits);

	CHECK(dispatch_offer(d, ctx, parcel_new()));
	CHECK(dispatch_offer(d, ctx, parcel_new()));
	CHECK(take(d, 0, true) == DISPATCH_OK);
	CHECK(take(d, 0, true) == DISPATCH_OK);
	CHECK(take(d, 1, true) == DISPATCH_EMPTY);
	dispatch_end(d);
	CHECK(take(d, 1, true) == DISPATCH_EMPTY, "output 0 may give its parcel back");
	CHECK(take(d, 0, true) == DISPATCH_END);
	CHECK(take(d, 1, true) == DISPATCH_END);
	dispatch_free(d);
}

/* Output 0 is woken, but its pipe has been filled by somebody else since. */
static void
test_passed_on(void)
{
	struct dispatch *d = dispatch_new(2, true, &waits);
	struct parker *other = dispatch_parker(d, 1);

	CHECK(take(d, 0, true) == DISPATCH_EMPTY && take(d, 1, true) == DISPATCH_EMPTY);
	CHECK(dispatch_offer(d, ctx, parcel_new()));
	CHECK(atomic_load(&other->woken) == 0);
	CHECK(take(d, 0, false) == DISPATCH_EMPTY);
	CHECK(atomic_load(&other->woken) == 1, "output 1 can have the parcel");
	CHECK(take(d, 1, true) == DISPATCH_OK);
	dispatch_free(d);
}

/* What has not been taken yet can still come back. */
static void
test_waiting_parcel(void)
{
	struct dispatch *d = dispatch_new(2, true, &waits);
	struct parcel *p;

	CHECK(dispatch_put(d, ctx, 0, parcel_new()));
	dispatch_end(d);
	CHECK(take(d, 1, true) == DISPATCH_EMPTY);
	CHECK(dispatch_take(d, 0, true, &p) == DISPATCH_OK);
	dispatch_leave(d, 0);
	CHECK(!dispatch_is_live(d, 0) && dispatch_live(d) == 1);
	CHECK(take(d, 1, true) == DISPATCH_EMPTY, "output 0 has not settled");
	CHECK(dispatch_return(d, p));
	CHECK(dispatch_leftover(d, 0) == NULL);
	dispatch_settle(d, 0);
	CHECK(take(d, 1, true) == DISPATCH_OK);
	CHECK(take(d, 1, true) == DISPATCH_END);
	dispatch_free(d);
}

static void
test_leaving(void)
{
	struct dispatch *d = dispatch_new(2, true, &waits);
	struct parcel *own = parcel_new(), *common = parcel_new(), *late = parcel_new();

	CHECK(dispatch_put(d, ctx, 0, own));
	CHECK(dispatch_offer(d, ctx, common));
	dispatch_leave(d, 0);
	CHECK(!dispatch_put(d, ctx, 0, late) && errno == EPIPE);
	CHECK(dispatch_leftover(d, 0) == own);
	CHECK(dispatch_leftover(d, 0) == NULL, "output 1 may take the other");
	dispatch_leave(d, 1);
	CHECK(dispatch_leftover(d, 1) == common, "nobody else can");
	CHECK(!dispatch_offer(d, ctx, late) && errno == EPIPE && !dispatch_return(d, late));
	parcel_free(own);
	parcel_free(common);
	parcel_free(late);
	dispatch_free(d);
}

/* A full queue makes the router wait, but not when its context is done. */
static void
test_room(void)
{
	struct ctx *soon = ctx_new(NULL, clock_now() + 10 * CLOCK_MS);
	struct dispatch *d = dispatch_new(1, false, &waits);
	struct parcel *p = parcel_new();
	unsigned n = 0;

	while (dispatch_put(d, soon, 0, p)) {
		n++;
		p = parcel_new();
	}
	CHECK(errno == ECANCELED);
	CHECK(n > 0 && n < 100, "%u", n);
	CHECK(ctx_state(soon) == CTX_TIMED_OUT);
	while (n-- > 0)
		parcel_free(dispatch_reclaim(d));
	CHECK(dispatch_reclaim(d) == NULL);
	CHECK(dispatch_drain(d, ctx));
	parcel_free(p);
	dispatch_free(d);
	ctx_free(soon);
}

/* A wait that can't begin, as there is no descriptor for its context. */
static void
test_no_wait(void)
{
	struct ctx *unpolled = ctx_new(NULL, CLOCK_NEVER);
	struct dispatch *d = dispatch_new(1, false, &waits);
	struct parcel *p = parcel_new();
	struct rlimit limit, none;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	stopwatch_reset(&waits);
	while (dispatch_put(d, unpolled, 0, p)) {
		CHECK(stopwatch_read(&waits, clock_now()) == 0, "it has not had to wait");
		p = parcel_new();
	}
	CHECK(stopwatch_read(&waits, clock_now()) > 0 && !stopwatch_runs(&waits));
	CHECK(errno == EMFILE, "%d", errno);
	CHECK(!dispatch_drain(d, unpolled) && errno == EMFILE, "%d", errno);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	parcel_free(p);
	dispatch_free(d);
	ctx_free(unpolled);
}

static void
test_whole(void)
{
	static const struct {
		size_t bytes, whole;
	} rows[] = {{0, 0}, {3, 0}, {4, 1}, {5, 2}, {9, 2}, {10, 3}, {11, 3}};
	struct parcel *p = parcel_new();
	struct record r = {.len = 3};

	parcel_add(p, &r);
	r.len = 0;
	parcel_add(p, &r);
	r.len = 4;
	parcel_add(p, &r);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(parcel_whole(p, rows[i].bytes) == rows[i].whole, "%zu", rows[i].bytes);
	parcel_cut(p, 1);
	CHECK(p->n == 2 && p->record[0].len == 0);
	parcel_free(p);
}

int
main(void)
{
	ctx = ctx_new(NULL, CLOCK_NEVER);
	test_own();
	test_common();
	test_passed_on();
	test_waiting_parcel();
	test_leaving();
	test_room();
	test_no_wait();
	test_whole();
	ctx_free(ctx);
	return t_end();
}
