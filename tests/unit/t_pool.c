#include "sync/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

#include "t.h"

#define MANY 100

/* The sanitizers need more address space than test_failure() leaves. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

struct job {
	_Atomic int runs;
	pthread_barrier_t *together;
};

static _Atomic int returned, finished, returned_at_finish;

static void
run_job(void *arg)
{
	struct job *j = arg;

	if (j->together != NULL)
		pthread_barrier_wait(j->together);
	j->runs++;
	returned++;
}

static void
note_finish(void *arg)
{
	returned_at_finish = returned;
	finished += *(int *)arg;
}

static void
test_run(size_t n, bool together)
{
	static struct job jobs[MANY];
	pthread_barrier_t barrier;
	void *args[MANY];
	struct pool *p;
	int one = 1;

	pthread_barrier_init(&barrier, NULL, (unsigned)n);
	returned = finished = 0;
	for (size_t i = 0; i < n; i++) {
		jobs[i].runs = 0;
		jobs[i].together = together ? &barrier : NULL;
		args[i] = &jobs[i];
	}
	p = pool_start(n, run_job, args, note_finish, &one);
	CHECK(p != NULL);
	pool_join(p);
	for (size_t i = 0; i < n; i++)
		CHECK(jobs[i].runs == 1, "thread %zu ran %d times", i, jobs[i].runs);
	CHECK(finished == 1 && returned_at_finish == (int)n,
	    "done() was called %d times, after %d of %zu", finished, returned_at_finish, n);
	pthread_barrier_destroy(&barrier);
}

static void
test_without_done(void)
{
	struct job job = {0};
	void *args[] = {&job};

	pool_join(pool_start(1, run_job, args, NULL, NULL));
	CHECK(job.runs == 1);
	pool_join(NULL);
}

/* If memory for stacks runs out, fn has run in none of the threads. */
static void
test_failure(void)
{
	static struct job jobs[4096];
	static void *args[4096];
	struct rlimit old, none;
	struct pool *p;
	int error, one = 1, runs = 0;

	returned = finished = 0;
	for (size_t i = 0; i < 4096; i++)
		args[i] = &jobs[i];
	getrlimit(RLIMIT_AS, &old);
	none = old;
	none.rlim_cur = 512 << 20; /* 4096 stacks are 1 GiB */
	setrlimit(RLIMIT_AS, &none);
	p = pool_start(4096, run_job, args, note_finish, &one);
	error = errno;
	setrlimit(RLIMIT_AS, &old);
	CHECK(p == NULL && error == EAGAIN, "%d", error);
	pool_join(p);
	for (size_t i = 0; i < 4096; i++)
		runs += jobs[i].runs;
	CHECK(runs == 0 && finished == 0, "%d ran", runs);
}

int
main(void)
{
	alarm(60);
	test_run(1, false);
	for (int i = 0; i < 20; i++)
		test_run(8, true);
	test_run(MANY, true);
	test_run(MANY, false);
	test_without_done();
	if (!SANITIZED)
		test_failure();
	return t_end();
}
