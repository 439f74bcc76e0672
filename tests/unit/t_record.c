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

int
main(void)
{
	alarm(60);
	test_copy();
	test_pool();
	test_detach();
	test_freen();
	test_lines();
	test_threads();
	return t_end();
}
