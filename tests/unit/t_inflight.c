#include "pfanout/inflight.h"

#include <string.h>

#include "record/record.h"
#include "t.h"

/* Records of these lengths, made at neighbouring places of one slab. */
static void
fill(struct inflight *f, const size_t *lens, size_t n)
{
	struct slab *slab = slab_new(SLAB_SIZE, n);
	size_t at = 0;

	*f = (struct inflight){0};
	memset(slab->data, 'x', SLAB_SIZE);
	for (size_t i = 0; i < n; i++) {
		struct record r = {.data = slab->data + at, .len = lens[i], .slab = slab, .seq = i};

		CHECK(inflight_push(f, &r) == 0);
		at += lens[i] + 1;
	}
}

static bool
holds(const struct inflight *f)
{
	return f->written <= f->given && f->given <= f->queue.n &&
	    (f->partial == 0 ||
		(f->written < f->given && f->partial < queue_at(&f->queue, f->written)->len + 1));
}

static size_t
unwritten_bytes(const struct inflight *f)
{
	struct iovec iov[8];
	int n = inflight_iov(f, iov, 8);
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

static void
test_give(void)
{
	static const size_t lens[] = {3, 0, 9, 100, 1};
	struct inflight f;

	fill(&f, lens, 5);
	CHECK(inflight_todo(&f) == 5 && !inflight_has_unwritten(&f));
	CHECK(inflight_give(&f, 2, 1000, 7) == 2 && f.given == 2 && inflight_todo(&f) == 3);
	CHECK(inflight_since(&f) == 7 && inflight_has_unwritten(&f));
	/* No more once there are so many bytes: the third has 10. */
	CHECK(inflight_give(&f, 9, 10, 8) == 1 && f.given == 3);
	CHECK(inflight_give(&f, 9, 11, 9) == 1 && f.given == 4, "over by one record at most");
	CHECK(inflight_give(&f, 0, 1000, 9) == 0);
	CHECK(inflight_give(&f, 9, 1000, 9) == 1 && inflight_give(&f, 9, 1000, 9) == 0);
	inflight_delay(&f, 100);
	CHECK(inflight_since(&f) == 107);
	inflight_free(&f);
	CHECK(f.queue.n == 0 && f.given == 0);
}

/* Neighbours go out as one iovec; any short write is continued. */
static void
test_write(void)
{
	static const size_t lens[] = {3, 0, 9, 100, 1};
	const size_t total = 3 + 0 + 9 + 100 + 1 + 5;

	for (size_t step = 1; step <= total; step++) {
		struct inflight f;
		struct iovec iov[8];
		size_t done = 0, whole = 0;

		fill(&f, lens, 5);
		inflight_give(&f, 5, SIZE_MAX, 0);
		CHECK(inflight_iov(&f, iov, 8) == 1 && iov[0].iov_len == total);
		while (inflight_has_unwritten(&f)) {
			size_t n = step < total - done ? step : total - done;

			CHECK(unwritten_bytes(&f) == total - done, "step %zu", step);
			whole += inflight_wrote(&f, n);
			done += n;
			CHECK(holds(&f), "step %zu: %zu %zu %zu", step, f.written, f.partial, done);
		}
		CHECK(whole == 5 && f.written == 5 && f.partial == 0);
		inflight_free(&f);
	}
}

/* Records that are no neighbours take an iovec each, and max is kept. */
static void
test_iovs(void)
{
	struct inflight f = {0};
	struct iovec iov[2];

	for (int i = 0; i < 3; i++) {
		struct record r;

		CHECK(record_copy(&r, "abc", 3) == 0 && inflight_push(&f, &r) == 0);
	}
	inflight_give(&f, 3, SIZE_MAX, 0);
	CHECK(inflight_iov(&f, iov, 2) == 2 && iov[0].iov_len == 4 && iov[1].iov_len == 4);
	CHECK(inflight_wrote(&f, 5) == 1 && f.partial == 1);
	CHECK(inflight_iov(&f, iov, 2) == 2 && iov[0].iov_len == 3 && iov[1].iov_len == 4);
	inflight_free(&f);
}

static void
test_pop(void)
{
	static const size_t lens[] = {3, 4, 5};
	struct inflight f;
	struct record r;

	fill(&f, lens, 3);
	inflight_give(&f, 2, SIZE_MAX, 0);
	inflight_wrote(&f, 4 + 2);
	r = inflight_pop(&f);
	CHECK(r.seq == 0 && f.given == 1 && f.written == 0 && f.partial == 2 && holds(&f));
	record_free(&r);
	/* One that is written in part leaves, as after a time limit. */
	r = inflight_pop(&f);
	CHECK(r.seq == 1 && f.given == 0 && f.partial == 0 && holds(&f));
	record_free(&r);
	CHECK(inflight_todo(&f) == 1 && inflight_head(&f)->seq == 2);
	r = inflight_pop_todo(&f);
	record_free(&r);
	inflight_free(&f);
}

/*
 * Every combination of what was written, what the child left unread, and what
 * is to be kept, against the definition: a record was seen if a byte of it was
 * read.
 */
static void
test_take_back_unread(void)
{
	static const size_t lens[] = {2, 0, 3, 1};
	enum { N = 4 };

	for (size_t given = 0; given <= N; given++) {
		size_t all = 0;

		for (size_t i = 0; i < given; i++)
			all += lens[i] + 1;
		for (size_t written = 0; written <= all; written++)
			for (size_t unread = 0; unread <= written; unread++)
				for (size_t keep = 0; keep <= 1; keep++) {
					struct inflight f;
					size_t seen = 0, start = 0, want;

					for (; seen < given && start < written - unread; seen++)
						start += lens[seen] + 1;
					want = seen > keep ? seen : keep;
					want = want < given ? want : given;
					fill(&f, lens, N);
					inflight_give(&f, given, SIZE_MAX, 0);
					inflight_wrote(&f, written);
					inflight_take_back_unread(&f, unread, keep);
					CHECK(f.given == want && holds(&f) && f.queue.n == N,
					    "given %zu written %zu unread %zu keep %zu: %zu", given,
					    written, unread, keep, f.given);
					inflight_free(&f);
				}
	}
}

static void
test_take_back(void)
{
	static const size_t lens[] = {2, 3};
	struct inflight f;

	fill(&f, lens, 2);
	inflight_give(&f, 2, SIZE_MAX, 0);
	inflight_wrote(&f, 4);
	inflight_take_back(&f);
	CHECK(f.given == 0 && f.written == 0 && f.partial == 0 && inflight_todo(&f) == 2);
	inflight_free(&f);
}

static void
test_has(void)
{
	static const size_t lens[] = {1, 1, 1};
	struct inflight f;

	fill(&f, lens, 3);
	for (size_t i = 0; i < 3; i++)
		queue_at(&f.queue, i)->seq = 10 - i;
	inflight_give(&f, 2, SIZE_MAX, 0);
	CHECK(inflight_has(&f, 10) && inflight_has(&f, 8) && !inflight_has(&f, 7));
	inflight_free(&f);
	CHECK(!inflight_has(&f, 10));
}

/*
 * A run, and a single record behind it.  Wherever the writing stops, the
 * records of the run that are whole leave; what is unwritten stays the same.
 */
static void
test_take_whole(void)
{
	static const char text[] = "ab\n\ncde\nf\n";
	static const size_t ends[] = {3, 4, 8, 10};

	for (size_t wrote = 0; wrote <= sizeof(text) + 1; wrote++) {
		struct inflight f = {0};
		struct record run, one, front;
		size_t whole = 0, left;

		CHECK(record_copy(&run, text, 9) == 0 && record_copy(&one, "x", 1) == 0);
		run.kind = RECORD_RUN;
		run.lines = 4;
		run.seq = 50;
		run.reserved = record_weight(4, 10);
		one.seq = 54;
		CHECK(inflight_push(&f, &run) == 0 && inflight_push(&f, &one) == 0);
		CHECK(!inflight_take_whole(&f, &front), "nothing is given");
		inflight_give(&f, 2, SIZE_MAX, 7);
		inflight_wrote(&f, wrote);
		left = unwritten_bytes(&f);
		while (whole < 4 && ends[whole] <= wrote)
			whole++;
		if (whole == 4) {
			CHECK(!inflight_take_whole(&f, &front), "all of it leaves as always");
			inflight_free(&f);
			continue;
		}
		CHECK(inflight_take_whole(&f, &front) == (whole > 0), "%zu bytes", wrote);
		CHECK(holds(&f) && f.queue.n == 2 && f.given == 2 && f.written == 0);
		if (whole > 0) {
			CHECK(record_count(&front) == whole && front.seq == 50 &&
				front.len + 1 == ends[whole - 1] &&
				memcmp(front.data, text, ends[whole - 1]) == 0 && front.given == 7,
			    "%zu bytes", wrote);
			CHECK(inflight_head(&f)->seq == 50 + whole &&
			    record_count(inflight_head(&f)) == 4 - whole);
			CHECK(f.partial == wrote - ends[whole - 1], "%zu bytes: %zu", wrote,
			    f.partial);
			CHECK(front.reserved + inflight_head(&f)->reserved == run.reserved);
			record_free(&front);
		}
		CHECK(unwritten_bytes(&f) == left, "%zu bytes: %zu, not %zu", wrote,
		    unwritten_bytes(&f), left);
		CHECK(!inflight_take_whole(&f, &front), "twice");
		/* The rest is written. */
		inflight_wrote(&f, left);
		CHECK(f.written == 2 && f.partial == 0 && holds(&f));
		inflight_free(&f);
	}
}

/* Behind a record that is written, and in one that is no run, nothing is. */
static void
test_take_whole_others(void)
{
	struct inflight f = {0};
	struct record r, front;

	CHECK(!inflight_take_whole(&f, &front), "it is empty");
	CHECK(record_copy(&r, "a", 1) == 0 && inflight_push(&f, &r) == 0);
	CHECK(record_copy(&r, "b\nc", 3) == 0);
	r.kind = RECORD_RUN;
	r.lines = 2;
	CHECK(inflight_push(&f, &r) == 0);
	inflight_give(&f, 2, SIZE_MAX, 0);
	inflight_wrote(&f, 1);
	CHECK(f.partial == 1 && !inflight_take_whole(&f, &front));
	inflight_wrote(&f, 1 + 3);
	CHECK(f.written == 1 && f.partial == 3 && !inflight_take_whole(&f, &front));
	r = inflight_pop(&f);
	record_free(&r);
	CHECK(inflight_take_whole(&f, &front) && front.len == 1 && front.kind == RECORD_DATA &&
	    inflight_head(&f)->kind == RECORD_DATA && f.partial == 1);
	record_free(&front);
	inflight_free(&f);

	/* The oldest one is a run that is written, and the next one is not. */
	for (int i = 0; i < 2; i++) {
		CHECK(record_copy(&r, "b\nc", 3) == 0);
		r.kind = RECORD_RUN;
		r.lines = 2;
		CHECK(inflight_push(&f, &r) == 0);
	}
	inflight_give(&f, 2, SIZE_MAX, 0);
	inflight_wrote(&f, 4 + 3);
	CHECK(f.written == 1 && f.partial == 3 && !inflight_take_whole(&f, &front));
	inflight_free(&f);

	/* The lines of a result are one record. */
	CHECK(record_copy(&r, "b\nc", 3) == 0);
	r.kind = RECORD_LINES;
	r.lines = 2;
	CHECK(inflight_push(&f, &r) == 0);
	inflight_give(&f, 1, SIZE_MAX, 0);
	inflight_wrote(&f, 3);
	CHECK(!inflight_take_whole(&f, &front));
	inflight_free(&f);
}

int
main(void)
{
	test_has();
	test_give();
	test_write();
	test_iovs();
	test_pop();
	test_take_back_unread();
	test_take_back();
	test_take_whole();
	test_take_whole_others();
	return t_end();
}
