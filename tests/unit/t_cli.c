/* A stage whose pipeline can't be started leaves nothing behind. */

#include "stage/cli.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "stage/monitor.h"
#include "stage/pipeline.h"
#include "stage/retry.h"
#include "stage/signals.h"
#include "stage/stage.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "sync/log.h"
#include "t.h"

#define WORKERS 3

/* Entries of a folder of /proc/self: threads, descriptors. */
static int
count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (dir == NULL)
		return -1;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* A thread that was joined may be seen for a moment. */
static bool
has_threads(int n)
{
	for (int tries = 0; tries < 2000 && count_entries("/proc/self/task") != n; tries++)
		usleep(1000);
	return count_entries("/proc/self/task") == n;
}

static void *
start_main(void *arg)
{
	return arg;
}

/* The first thread of a process may start others: ThreadSanitizer's. */
static void
start_first_thread(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, start_main, NULL) == 0);
	pthread_join(thread, NULL);
	usleep(10000);
}

static struct options opt = {.buffer = 8, .max_record = 1000};
static unsigned opened, closed, fail_at;

static int
mock_open(struct processor *p, unsigned worker, void **state)
{
	(void)p;
	(void)worker;
	if (++opened == fail_at) {
		errno = EXDEV;
		return -1;
	}
	*state = &opened;
	return 0;
}

static void
mock_close(void *state)
{
	CHECK(state == &opened);
	closed++;
}

/* Passes on the end of its input. */
static void
mock_run(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	char record[88];
	size_t n;

	(void)state;
	(void)out;
	while (in != NULL && chan_recvn(in, ctx, record, 1, &n) == CHAN_OK)
		continue;
}

static void
test_run(unsigned fail)
{
	static const char *const names[] = {"source", "middle", "sink"};
	struct processor procs[3];
	struct stage st;
	struct retry *retry;
	int threads = count_entries("/proc/self/task"), fds = count_entries("/proc/self/fd");
	int sig = -1, result, error;

	for (size_t i = 0; i < 3; i++)
		procs[i] = (struct processor){.name = names[i],
		    .workers = i == 1 ? WORKERS : 1,
		    .open = mock_open,
		    .run = mock_run,
		    .close = mock_close};
	CHECK(stage_init(&st,
		  &(struct stage_setup){.tool = "test",
		      .name = "test",
		      .opt = &opt,
		      .workers = WORKERS,
		      .shards = 1,
		      .max_records = 100}) == 0);
	CHECK((retry = retry_start(&st, metrics_shard(st.metrics, 0))) != NULL);
	opened = closed = 0;
	fail_at = fail;
	errno = 0;
	result = cli_run(&st, procs, 3, &sig);
	error = errno;
	if (fail == 0) {
		CHECK(result == 0 && sig == 0 && opened == WORKERS + 2);
		CHECK(log_stop(CLOCK_NEVER), "as cli_end() does");
		ctx_cancel(st.root);
	} else {
		CHECK(result == -1 && error == EXDEV, "open %u: %d, errno %d", fail, result, error);
		CHECK(strstr(st.error,
			  names[fail == 1              ? 0
				  : fail < WORKERS + 2 ? 1
						       : 2]) != NULL &&
			strstr(st.error, strerror(EXDEV)) != NULL,
		    "open %u: \"%s\"", fail, st.error);
		CHECK(opened == fail);
	}
	CHECK(closed == (fail == 0 ? opened : opened - 1), "open %u: %u closed", fail, closed);
	retry_join(retry);
	stage_free(&st);
	CHECK(has_threads(threads), "open %u: a thread is left", fail);
	CHECK(count_entries("/proc/self/fd") == fds, "open %u: a descriptor is left", fail);
}

/* All that is made by x_new() or x_start() may be none. */
static void
test_none(void)
{
	CHECK(monitor_stop(NULL) == 0);
	pipeline_join(NULL);
	retry_join(NULL);
	metrics_free(NULL);
}

int
main(void)
{
	alarm(60);
	signals_block();
	start_first_thread();
	for (unsigned fail = 0; fail <= WORKERS + 2; fail++)
		test_run(fail);
	test_none();
	return t_end();
}
