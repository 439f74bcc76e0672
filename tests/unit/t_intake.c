#include "pfanout/intake.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "stage/budget.h"
#include "stage/stage.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "t.h"
#include "t_setup.h"

CHAN_OF(record, struct record)
CHAN_OF(batch, struct batch)

struct fixture {
	struct options opt;
	struct stage stage;
	struct chan *in, *again;
	struct intake intake;
};

static void
begin(struct fixture *f)
{
	*f = (struct fixture){.opt = {.max_record = 1000}};
	t_setup(&f->stage, &f->opt, 100, 1000);
	f->in = record_chan_new(100);
	f->again = batch_chan_new(10);
	CHECK(intake_open(
		  &f->intake, &f->stage, metrics_shard(f->stage.metrics, 0), f->in, f->again) == 0);
}

static void
end(struct fixture *f)
{
	intake_close(&f->intake);
	chan_free(f->in);
	chan_free(f->again);
	stage_free(&f->stage);
}

static void
send_record(struct fixture *f, uint64_t seq)
{
	struct record r;

	CHECK(record_copy(&r, "1", 1) == 0);
	r.seq = seq;
	CHECK(record_sendn(f->in, f->stage.root, &r, 1, NULL) == CHAN_OK);
}

/* A batch of n records that is due. */
static void
send_due(struct fixture *f, uint64_t seq, size_t n)
{
	struct batch b = {.number = seq};

	for (size_t i = 0; i < n; i++) {
		struct record r;

		CHECK(record_copy(&r, "1", 1) == 0);
		r.seq = seq + i;
		CHECK(batch_add(&b, &r) == 0);
	}
	CHECK(batch_sendn(f->again, f->stage.root, &b, 1, NULL) == CHAN_OK);
}

static bool
is_woken(struct fixture *f)
{
	struct pollfd p = intake_pollfd(&f->intake);

	return poll(&p, 1, 0) == 1;
}

static void
check_records(struct record *r, size_t n, uint64_t first)
{
	for (size_t i = 0; i < n; i++)
		CHECK(r[i].seq == first + i, "%zu: %ju", i, (uintmax_t)r[i].seq);
	record_freen(r, n);
}

/* What is due comes first, whole or record by record. */
static void
test_due_first(void)
{
	struct record r[10];
	struct fixture f;
	struct batch b;

	begin(&f);
	send_record(&f, 1);
	send_due(&f, 20, 3);
	send_due(&f, 30, 5);
	CHECK(intake_take(&f.intake, r, 2, UINT64_MAX) == 2);
	check_records(r, 2, 20);
	CHECK(intake_take_due(&f.intake, &b) && b.records.n == 5 && b.number == 30);
	batch_free(&b);
	CHECK(intake_take(&f.intake, r, 10, UINT64_MAX) == 1);
	check_records(r, 1, 22);
	CHECK(!intake_take_due(&f.intake, &b));
	CHECK(intake_take(&f.intake, r, 10, UINT64_MAX) == 1 && r[0].begun);
	check_records(r, 1, 1);
	CHECK(intake_take(&f.intake, r, 10, UINT64_MAX) == 0 && !intake_has_ended(&f.intake));
	chan_close(f.in);
	send_due(&f, 40, 2);
	chan_close(f.again);
	CHECK(intake_take(&f.intake, r, 1, UINT64_MAX) == 1);
	check_records(r, 1, 40);
	CHECK(!intake_has_ended(&f.intake), "one is left");
	/* It is freed with the intake. */
	end(&f);
}

/* Either half is watched, and wakes. */
static void
test_watch(void)
{
	struct record r[10];
	struct fixture f;

	begin(&f);
	intake_watch(&f.intake, UINT64_MAX);
	CHECK(!is_woken(&f));
	send_record(&f, 1);
	CHECK(is_woken(&f));
	intake_unwatch(&f.intake, true);
	CHECK(intake_take(&f.intake, r, 10, UINT64_MAX) == 1);
	check_records(r, 1, 1);
	intake_watch_due(&f.intake, &f.intake.parker);
	send_record(&f, 2);
	CHECK(!is_woken(&f), "new ones were not watched");
	send_due(&f, 9, 1);
	CHECK(is_woken(&f));
	intake_unwatch(&f.intake, true);
	CHECK(intake_take(&f.intake, r, 10, UINT64_MAX) == 1);
	check_records(r, 1, 9);
	CHECK(intake_take(&f.intake, r, 10, UINT64_MAX) == 1);
	check_records(r, 1, 2);
	end(&f);
}

/*
 * Other workers use the budget up between the watch and the look: that there is
 * room again must wake, although nothing comes into the channel.
 */
static void
test_budget_runs_out(void)
{
	struct budget_release written = {.answer_bytes = 2000};
	struct record r[10];
	struct fixture f;

	begin(&f);
	send_record(&f, 1);
	intake_watch(&f.intake, UINT64_MAX);
	budget_answer(f.stage.budget, 2000);
	CHECK(intake_take(&f.intake, r, 10, UINT64_MAX) == 0);
	CHECK(intake_take(&f.intake, r, 10, UINT64_MAX) == 0);
	intake_unwatch(&f.intake, is_woken(&f));
	intake_watch(&f.intake, UINT64_MAX);
	CHECK(!is_woken(&f));
	budget_release(f.stage.budget, &written);
	intake_unwatch(&f.intake, is_woken(&f));

	intake_watch(&f.intake, UINT64_MAX);
	budget_answer(f.stage.budget, 2000);
	CHECK(intake_take(&f.intake, r, 10, UINT64_MAX) == 0);
	CHECK(!is_woken(&f));
	budget_release(f.stage.budget, &written);
	CHECK(is_woken(&f));
	intake_unwatch(&f.intake, true);
	CHECK(intake_take(&f.intake, r, 10, UINT64_MAX) == 1);
	check_records(r, 1, 1);
	end(&f);
}

int
main(void)
{
	test_due_first();
	test_watch();
	test_budget_runs_out();
	return t_end();
}
