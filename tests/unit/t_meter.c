#include "stage/meter.h"

#include <sys/wait.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "t.h"

#define S CLOCK_S
#define PROCESSES 4
#define MOVES 100000

static const struct rate hour = {1, 3600 * S, 1}, fast = {100, S, 1};

static struct meter *
map(const char *path, const struct rate *r)
{
	char why[METER_WHY_SIZE] = "";
	struct meter *m = meter_map(path, r, false, why);

	CHECK(m != NULL && *why == '\0', "%s", why);
	return m;
}

static void
test_generations(void)
{
	struct meter *m = meter_new(&hour);
	struct rate r = {0};
	unsigned generation = meter_rate(m, &r), old;
	int64_t full;

	CHECK(m != NULL && !meter_is_shared(m) && generation != 0);
	CHECK(r.amount == 1 && r.per == hour.per && r.burst == 1);
	CHECK(meter_bucket(m, &full) == generation && full == 0);
	for (int i = 0; i < 30; i++) {
		old = generation;
		CHECK(meter_change(m, i % 2 == 0 ? &fast : &hour) == 0);
		CHECK((generation = meter_rate(m, &r)) != old && generation != 0, "%d", i);
		CHECK(r.amount == (i % 2 == 0 ? 100 : 1), "%d", i);
		CHECK(!meter_move(m, old, 0, 5), "an old generation moves nothing");
	}
	meter_free(m);
}

static void
test_move(void)
{
	static const int64_t times[] = {
	    0, 1, -1, 7, -7, 1 << 30, INT64_MAX / 16, -INT64_MAX / 16, INT64_MIN >> 3};
	struct meter *m = meter_new(&hour);
	int64_t full, before = 0;
	unsigned generation = meter_bucket(m, &full);

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		CHECK(!meter_move(m, generation, before + 1, times[i]));
		CHECK(meter_move(m, generation, before, times[i]));
		CHECK(meter_bucket(m, &full) == generation && full == times[i], "%zu", i);
		before = times[i];
	}
	CHECK(meter_move(m, generation, before, INT64_MAX));
	CHECK(meter_bucket(m, &full) == generation && full == INT64_MAX >> 3, "not beyond");
	meter_free(m);
}

/* What was taken before remains the same amount at the other rate. */
static void
test_change(void)
{
	struct meter *m = meter_new(&hour);
	int64_t now = clock_now(), full;

	CHECK(meter_move(m, meter_bucket(m, &full), 0, now + 3600 * S));
	CHECK(meter_change(m, &fast) == 0);
	(void)meter_bucket(m, &full);
	CHECK(full > now && full <= clock_now() + S / 100, "%" PRId64, full - now);
	meter_free(m);
}

/* Charges the bucket n times, whatever the rate is. */
static void
charge(struct meter *m, int n)
{
	unsigned generation;
	int64_t full;

	for (int i = 0; i < n; i++)
		do
			generation = meter_bucket(m, &full);
		while (!meter_move(m, generation, full, full + 1));
}

/*
 * Processes charge one bucket, and some of them are killed: no charge is lost,
 * and none hangs.
 */
static void
test_processes(const char *path)
{
	struct meter *m = map(path, &fast);
	pid_t pid[PROCESSES + 2];
	int64_t full;
	int status;

	CHECK(meter_is_shared(m));
	for (int i = 0; i < PROCESSES + 2; i++) {
		if ((pid[i] = fork()) != 0)
			continue;
		struct meter *own = map(path, &fast);

		charge(own, i < PROCESSES ? MOVES : INT32_MAX);
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++)
		CHECK(waitpid(pid[i], &status, 0) == pid[i] && status == 0);
	for (int i = PROCESSES; i < PROCESSES + 2; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	(void)meter_bucket(m, &full);
	CHECK(full >= PROCESSES * MOVES, "%" PRId64, full);
	charge(m, 1);
	meter_free(m);
}

static void *
charge_main(void *arg)
{
	charge(arg, MOVES);
	return NULL;
}

/*
 * The rate changes while threads charge the bucket: each change is in force at
 * once, and no thread hangs.
 */
static void
test_change_meanwhile(const char *path)
{
	struct meter *m = map(path, &fast);
	pthread_t thread[2];
	struct rate r = fast;
	unsigned generation;
	int64_t full;

	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&thread[i], NULL, charge_main, m) == 0);
	for (uint64_t i = 1; i <= 1000; i++) {
		CHECK(meter_change(m, &(struct rate){i, S, 1}) == 0);
		generation = meter_rate(m, &r);
		CHECK(generation == meter_bucket(m, &full) && r.amount == i);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	meter_free(m);
}

/* The file is truncated while it is mapped. */
static void
test_truncated(const char *path)
{
	struct meter *m = map(path, &(struct rate){1000, S, 1});
	struct rate r = {7, 7, 7};
	int64_t full;

	CHECK(meter_bucket(m, &full) != 0);
	CHECK(truncate(path, 0) == 0);
	CHECK(meter_rate(m, &r) == 0 && r.amount == 7);
	CHECK(meter_bucket(m, &full) == 0);
	CHECK(meter_change(m, &fast) == -1);
	CHECK(meter_change(m, &fast) == -1, "and the lock was released");
	meter_free(m);
}

int
main(void)
{
	char path[] = "/tmp/t_meter.XXXXXX";
	int fd = mkstemp(path);

	CHECK(fd != -1);
	close(fd);
	meter_free(NULL);
	test_generations();
	test_move();
	test_change();
	test_processes(path);
	test_change_meanwhile(path);
	test_truncated(path);
	unlink(path);
	return t_end();
}
