#include "pmetrics/watch.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "metrics/statfile.h"
#include "t.h"

#define STAGES 500

static char dir[64];

/* A process that says it is a stage with these links, and waits for its end. */
static pid_t
start(const char *name, enum statfile_mode mode, int in, int out)
{
	int ready[2];
	char byte;
	pid_t pid;

	CHECK(pipe(ready) == 0);
	if ((pid = fork()) == 0) {
		struct statfile_setup setup = {.tool = "pfanout",
		    .name = name,
		    .mode = mode,
		    .workers = 2,
		    .capacity = 10,
		    .shards = 1};
		char why[STATFILE_WHY_SIZE];
		struct statfile *sf;
		bool warn;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if ((sf = statfile_open(&setup, why, &warn)) == NULL || why[0] != '\0')
			_exit(1);
		link_open(statfile_links(sf), LINK_IN, in, "-");
		link_open(statfile_links(sf), LINK_OUT, out, "-");
		stopwatch_start(&metrics_shard(statfile_metrics(sf), 0)->time[TIME_INPUT],
		    clock_now() - STOPWATCH_LATE);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1, "%s", name);
	close(ready[0]);
	return pid;
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Two stages and what joins them; then one is killed. */
static void
test_pipeline(void)
{
	struct watch *w = watch_new(10, LOOK_FOLD);
	const struct view *v;
	const struct model *m;
	pid_t a, b;
	int p[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	CHECK(w != NULL && pipe(p) == 0);
	v = watch_look(w);
	CHECK(v != NULL && v->n == 0 && v->live == 0);
	b = start("b\033[31m", STAGE_PASSES, p[0], null);
	a = start("a", STAGE_MAPS, null, p[1]);
	v = watch_look(w);
	CHECK(v->n == 1 && v->live == 2, "%zu %zu", v->n, v->live);
	m = &v->pipeline[0];
	CHECK(m->n == 2 && m->n_edges == 1 && strcmp(m->name, "a | b?[31m") == 0, "%s", m->name);
	CHECK(m->part[0].pid == a && m->part[1].pid == b && m->edge[0].from == 0);
	CHECK(m->part[0].pool && !m->part[1].pool && m->part[0].workers == 2);
	CHECK(m->verdict.kind == VERDICT_MEASURING && strcmp(m->text, "measuring") == 0);
	CHECK(m->part[0].input > 0 && m->edge[0].in_wait > 0 && m->cpus >= 1);
	end(b);
	v = watch_look(w);
	m = &v->pipeline[0];
	CHECK(v->n == 1 && v->live == 1 && m->n == 2, "%zu %zu", v->n, m->n);
	CHECK(!m->part[0].ended && m->part[1].ended && m->part[1].how == EXIT_KILLED);
	CHECK(isnan(m->edge[0].in_wait), "%f", m->edge[0].in_wait);
	end(a);
	for (int i = 0; i < 2; i++) { /* the second time the files are folded */
		v = watch_look(w);
		m = &v->pipeline[0];
		CHECK(v->n == 1 && v->live == 0 && m->n == 2, "%zu %zu", v->n, m->n);
		CHECK(m->verdict.kind == VERDICT_ENDED && strstr(m->text, "was killed") != NULL,
		    "%s", m->text);
	}
	watch_free(w);
	close(p[0]);
	close(p[1]);
	close(null);
}

/* Processor time: others may run beside us. */
static int64_t
used(void)
{
	struct timespec t;

	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
	return t.tv_sec * CLOCK_S + t.tv_nsec;
}

/*
 * A look at many stages takes some 20 ms, and five times as much on a machine
 * that is busy otherwise; it is not to take much more.
 */
static void
test_many(void)
{
	struct watch *w = watch_new(10, LOOK_FOLD);
	int64_t least = CLOCK_NEVER;
	pid_t pid[STAGES];
	char name[32];

	for (int i = 0; i < STAGES; i++) {
		int p[2];

		CHECK(pipe(p) == 0); /* whose other end nobody has */
		snprintf(name, sizeof(name), "stage%d", i);
		pid[i] = start(name, STAGE_MAPS, p[0], p[1]);
		close(p[0]);
		close(p[1]);
	}
	for (int i = 0; i < 5; i++) {
		int64_t begin = used();
		const struct view *v = watch_look(w);

		CHECK(v->live == STAGES && v->n == STAGES, "%zu %zu", v->live, v->n);
		begin = used() - begin;
		least = begin < least ? begin : least;
		printf("look: %.1f ms\n", (double)begin / 1e6);
	}
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	CHECK(least < 200 * CLOCK_MS, "%.1f ms", (double)least / 1e6);
#endif
	for (int i = 0; i < STAGES; i++)
		kill(pid[i], SIGKILL);
	for (int i = 0; i < STAGES; i++)
		waitpid(pid[i], NULL, 0);
	watch_free(w);
}

int
main(void)
{
	char command[128];

	snprintf(dir, sizeof(dir), "/dev/shm/t_watch.%d", (int)getpid());
	CHECK(mkdir(dir, 0700) == 0 && setenv("PCHAN_RUN_DIR", dir, 1) == 0);
	test_pipeline();
	test_many();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	CHECK(system(command) == 0);
	return t_end();
}
