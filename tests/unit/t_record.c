#include "record/record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t.h"

#define THREADS 4
#define PER_THREAD 1000
#define ROUNDS 50

/* A record that is a view of slab s. */
static struct record
view(struct slab *s, size_t at, size_t len)
{
	memset(s->data + at, 'v', len);
	s->data[at + len] = '\n';
	return (struct record){.data = s->data + at, .len = len, .slab = s};
}

static void
test_copy(void)
{
	static const char bytes[] = "a\0b\nc";
	struct record r;

	memset(&r, 0xff, sizeof(r));
	CHECK(record_copy(&r, bytes, 5) == 0);
	CHECK(r.len == 5 && memcmp(r.data, "a\0b\nc\n", 6) == 0);
	CHECK(r.slab->refs == 1 && r.slab->size == 6, "a slab of its own size");
	CHECK(r.seq == 0 && r.line == 0 && r.reserved == 0 && r.origin == NULL && r.full_len == 0 &&
	    r.attempts == 0 && r.kind == RECORD_DATA);
	r.line = 7;
	record_free(&r);
	CHECK(r.data == NULL && r.slab == NULL && r.line == 7, "the rest stays");
	record_free(&r);

	CHECK(record_copy(&r, "", 0) == 0 && r.len == 0 && r.data[0] == '\n');
	record_free(&r);
}

/* Slabs of the usual size come back from the pool; others never enter it. */
static void
test_pool(void)
{
	struct slab *a = slab_new(1, 1), *b = slab_new(SLAB_SIZE, 2),
		    *c = slab_new(SLAB_SIZE + 1, 1);
	struct slab *again, *many[40];

	CHECK(a->size == SLAB_SIZE && b->size == SLAB_SIZE && c->size == SLAB_SIZE + 1);
	CHECK(a->refs == 1 && b->refs == 2);
	slab_release(b, 1);
	CHECK(b->refs == 1);
	slab_release(b, 1);
	slab_release(c, 1);
	again = slab_new(100, 3);
	CHECK(again == b, "the slab that was freed last is warm");
	CHECK(again->refs == 3 && again->size == SLAB_SIZE);
	slab_release(again, 3);
	slab_release(a, 1);

	for (size_t i = 0; i < 40; i++)
		many[i] = slab_new(SLAB_SIZE, 1);
	for (size_t i = 0; i < 40; i++)
		slab_release(many[i], 1); /* more than the pool keeps */
}

static void
test_detach(void)
{
	struct slab *big = slab_new(SLAB_SIZE, 3);
	struct record small = view(big, 0, 10), half = view(big, 16, SLAB_SIZE / 2), none = {0};

	small.seq = 42;
	record_detach(&small);
	CHECK(small.slab != big && small.slab->size == 11 && big->refs == 2);
	CHECK(small.len == 10 && memcmp(small.data, "vvvvvvvvvv\n", 11) == 0 && small.seq == 42);
	record_detach(&small);
	CHECK(small.slab->size == 11, "once is enough");
	record_detach(&half);
	CHECK(half.slab == big, "it fills its slab well enough");
	record_detach(&none);
	CHECK(none.slab == NULL);
	record_free(&small);
	record_free(&half);
	CHECK(big->refs == 1);
	slab_release(big, 1);
}

/* Runs of neighbours, other slabs, no slab, origins: as in a sink's batch. */
static void
test_freen(void)
{
	static const char slabs[] = "aaabb-a--bcca-";
	struct slab *s[3] = {slab_new(1, 10), slab_new(1, 10), slab_new(SLAB_SIZE * 2, 10)};
	struct record r[sizeof(slabs) - 1] = {0};

	for (size_t i = 0; i < sizeof(slabs) - 1; i++) {
		if (slabs[i] != '-')
			r[i] = view(s[slabs[i] - 'a'], i, 0);
		if (i % 3 == 0)
			r[i].origin = calloc(1, sizeof(*r[i].origin));
	}
	record_freen(r, 0);
	CHECK(s[0]->refs == 10 && r[0].slab == s[0]);
	record_freen(r, sizeof(slabs) - 1);
	CHECK(s[0]->refs == 5 && s[1]->refs == 7 && s[2]->refs == 8, "%zu %zu %zu", s[0]->refs,
	    s[1]->refs, s[2]->refs);
	for (size_t i = 0; i < sizeof(slabs) - 1; i++)
		CHECK(r[i].slab == NULL && r[i].data == NULL && r[i].origin == NULL);
	slab_release(s[0], 5);
	slab_release(s[1], 7);
	slab_release(s[2], 8);
}

static void *
release(void *arg)
{
	struct record *r = arg;

	for (size_t i = 0; i < PER_THREAD; i += 10) {
		memset(r[i].data, '-', 1);
		record_freen(&r[i], 10);
	}
	return NULL;
}

/*
 * Several threads give up one slab; its next user sees nothing of their
 * accesses (TSan checks).
 */
static void
test_threads(void)
{
	static struct record r[THREADS][PER_THREAD];
	pthread_t thread[THREADS];

	for (int round = 0; round < ROUNDS; round++) {
		struct slab *s = slab_new(SLAB_SIZE, THREADS * PER_THREAD);

		memset(s->data, round, SLAB_SIZE);
		for (size_t i = 0; i < THREADS; i++)
			for (size_t j = 0; j < PER_THREAD; j++)
				r[i][j] = (struct record){
				    .data = s->data + i * PER_THREAD + j, .slab = s};
		for (size_t i = 0; i < THREADS; i++)
			CHECK(pthread_create(&thread[i], NULL, release, r[i]) == 0);
		for (size_t i = 0; i < THREADS; i++)
			pthread_join(thread[i], NULL);
	}
}

static void
test_lines(void)
{
	static const struct {
		const char *data;
		uint64_t lines;
	} texts[] = {{"", 1}, {"a", 1}, {"a\nb", 2}, {"\n\n", 3}, {"one\n\ntwo\n3", 4}};
	struct record r;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		CHECK(record_copy(&r, texts[i].data, strlen(texts[i].data)) == 0);
		CHECK(record_lines(&r) == texts[i].lines, "%zu", i);
		record_free(&r);
	}
}

/* Lines of every length that matters: none, one byte, several. */
static const char run_text[] = "one\n\nthree\n4\nfive five\n\n";
#define RUN_LINES 6

/* A run of the first n of these lines, in a slab of its own. */
static struct record
make_run(uint64_t n)
{
	struct record run;
	size_t len = 0;

	for (uint64_t i = 0; i < n; i++)
		len += (size_t)(strchr(run_text + len, '\n') - (run_text + len)) + 1;
	CHECK(record_copy(&run, run_text, len - 1) == 0);
	run.input = run_text;
	run.seq = 100;
	run.line = 7;
	run.offset = 5000;
	run.came = 42;
	run.chosen = true;
	run.begun = true;
	run.reserved = record_weight(n, len);
	if (n > 1) {
		run.kind = RECORD_RUN;
		run.lines = n;
	}
	return run;
}

/* Whether r is the n lines of the run of all lines that begin with this one. */
static bool
is_part(const struct record *r, uint64_t first, uint64_t n)
{
	const char *start = run_text, *end;

	for (uint64_t i = 0; i < first; i++)
		start = strchr(start, '\n') + 1;
	end = start;
	for (uint64_t i = 0; i < n; i++)
		end = strchr(end, '\n') + 1;
	return r->len + 1 == (size_t)(end - start) && memcmp(r->data, start, r->len + 1) == 0 &&
	    r->seq == 100 + first && r->line == 7 + first &&
	    r->offset == 5000 + (uint64_t)(start - run_text) &&
	    r->reserved == record_weight(n, (size_t)(end - start)) && record_count(r) == n &&
	    r->kind == (n > 1 ? RECORD_RUN : RECORD_DATA) && r->lines == (n > 1 ? n : 0) &&
	    r->input == run_text && r->came == 42 && r->chosen && r->begun && !r->answered &&
	    r->origin == NULL && r->attempts == 0;
}

/* Only a run stands for several records, whatever has its number of lines. */
static void
test_count(void)
{
	struct record r[] = {{.kind = RECORD_DATA, .full_len = 9}, {.kind = RECORD_RUN, .lines = 2},
	    {.kind = RECORD_LINES, .lines = 5}, {.kind = RECORD_EXTRA, .lines = 6},
	    {.kind = RECORD_RUN, .lines = 1000}, {.kind = RECORD_DROP}};
	static const uint64_t counts[] = {1, 2, 1, 1, 1000, 1};
	uint64_t all = 0;

	CHECK(record_counts(r, 0) == 0);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		CHECK(record_count(&r[i]) == counts[i], "%zu: %ju", i,
		    (uintmax_t)record_count(&r[i]));
		all += counts[i];
		CHECK(record_counts(r, i + 1) == all, "%zu", i);
	}
	CHECK(record_weight(1, 1) == sizeof(struct record), "an empty line");
	CHECK(record_weight(3, 12) == 9 + 3 * sizeof(struct record), "without the LFs");
}

static void
test_run_bytes(void)
{
	struct record run = make_run(RUN_LINES);
	static const size_t bytes[RUN_LINES + 1] = {0, 4, 5, 11, 13, 23, 24};

	for (uint64_t n = 0; n <= RUN_LINES; n++)
		CHECK(record_run_bytes(&run, n) == bytes[n], "%ju lines: %zu", (uintmax_t)n,
		    record_run_bytes(&run, n));
	record_free(&run);
}

/* Each part of a run of each size is taken; both parts are right. */
static void
test_take(void)
{
	for (uint64_t all = 1; all <= RUN_LINES; all++)
		for (uint64_t n = 1; n <= all; n++) {
			struct record run = make_run(all), front, whole = run;
			struct slab *slab = run.slab;
			size_t bytes = all > 1 ? record_run_bytes(&run, n) : run.len + 1;
			bool more = record_take(&run, n, bytes, &front);

			CHECK(more == (n < all), "%ju of %ju", (uintmax_t)n, (uintmax_t)all);
			CHECK(is_part(&front, 0, n), "%ju of %ju", (uintmax_t)n, (uintmax_t)all);
			if (!more) {
				CHECK(slab->refs == 1, "%zu", slab->refs);
				record_free(&front);
				continue;
			}
			CHECK(is_part(&run, n, all - n), "after %ju of %ju", (uintmax_t)n,
			    (uintmax_t)all);
			CHECK(front.reserved + run.reserved == whole.reserved);
			CHECK(front.slab == slab && run.slab == slab && slab->refs == 2, "%zu",
			    slab->refs);
			record_free(&front);
			CHECK(slab->refs == 1);
			record_free(&run);
		}
}

/* What is no run leaves as it is, with whatever it has; a run line by line. */
static void
test_take_one(void)
{
	struct record run = make_run(RUN_LINES), front, one = make_run(1),
		      drop = {.kind = RECORD_DROP, .seq = 9, .reserved = 77};
	size_t reserved = 0, all = run.reserved;
	uint64_t i = 0;
	bool more;

	do {
		more = record_take_one(&run, &front);
		CHECK(is_part(&front, i, 1), "%ju", (uintmax_t)i);
		CHECK(more == (i + 1 < RUN_LINES), "%ju", (uintmax_t)i);
		reserved += front.reserved;
		i++;
		record_free(&front);
	} while (more);
	CHECK(i == RUN_LINES && reserved == all, "%ju, %zu of %zu", (uintmax_t)i, reserved, all);

	one.full_len = 123456;
	CHECK(!record_take_one(&one, &front));
	CHECK(front.full_len == 123456 && front.slab->refs == 1 && front.seq == 100, "a long one");
	record_free(&front);

	CHECK(!record_take_one(&drop, &front));
	CHECK(front.kind == RECORD_DROP && front.seq == 9 && front.reserved == 77 &&
	    front.slab == NULL && front.len == 0);

	CHECK(record_copy(&run, "a\nb", 3) == 0);
	run.kind = RECORD_LINES;
	run.lines = 2;
	CHECK(!record_take_one(&run, &front) && front.len == 3 && front.lines == 2,
	    "the result of one record is not split");
	record_free(&front);
}

/* Fewer than there are, as many, and more. */
static void
test_spread(void)
{
	for (uint64_t all = 1; all <= RUN_LINES; all++)
		for (size_t max = 0; max <= RUN_LINES + 1; max++) {
			struct record run = make_run(all), out[RUN_LINES + 1];
			struct slab *slab = run.slab;
			size_t want = max < all ? max : all, reserved = 0, was = run.reserved, n;
			bool left = max < all;

			n = record_spread(&run, out, max);
			CHECK(n == want, "%zu of %ju: %zu", max, (uintmax_t)all, n);
			for (size_t i = 0; i < n; i++) {
				CHECK(is_part(&out[i], i, 1), "%zu of %ju: %zu", max,
				    (uintmax_t)all, i);
				CHECK(out[i].slab == slab);
				reserved += out[i].reserved;
			}
			CHECK(slab->refs == n + left, "%zu of %ju: %zu", max, (uintmax_t)all,
			    slab->refs);
			if (left) {
				CHECK(is_part(&run, n, all - n), "after %zu of %ju", max,
				    (uintmax_t)all);
				reserved += run.reserved;
				record_free(&run);
			}
			CHECK(reserved == was, "%zu of %zu", reserved, was);
			record_freen(out, n);
		}

	struct record drop = {.kind = RECORD_DROP, .seq = 3}, out;
	CHECK(record_spread(&drop, &out, 4) == 1 && out.kind == RECORD_DROP && out.seq == 3);
}

int
main(void)
{
	alarm(60);
	test_copy();
	test_pool();
	test_detach();
	test_freen();
	test_lines();
	test_count();
	test_run_bytes();
	test_take();
	test_take_one();
	test_spread();
	test_threads();
	return t_end();
}
