#include "metrics/statfile.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>

#include "metrics/statview.h"
#include "t_stat.h"

/* pchan-formats(5) tells these places to other programs. */
#define IS_AT(member, offset) \
	_Static_assert(offsetof(struct statfile_header, member) == (offset), #member)

IS_AT(version, 8);
IS_AT(gen1, 16);
IS_AT(size, 24);
IS_AT(header_size, 32);
IS_AT(shards, 44);
IS_AT(links_at, 48);
IS_AT(uuid, 56);
IS_AT(boot_id, 72);
IS_AT(pid, 112);
IS_AT(mode, 124);
IS_AT(exemplars_at, 132);
IS_AT(capacity, 136);
IS_AT(begun_us, 144);
IS_AT(alive_ns, 160);
IS_AT(state, 168);
IS_AT(rate, 176);
IS_AT(tool, 192);
IS_AT(tool_version, 208);
IS_AT(name, 224);
IS_AT(pipeline, 480);
IS_AT(argv, 608);
IS_AT(halted, 808);
IS_AT(gen2, 824);
_Static_assert(sizeof(struct statfile_header) == 832, "the header");
_Static_assert(sizeof(struct metrics_shard) == 896, "a shard");
_Static_assert(
    METRIC_LAST_RECORD_US == 25 && METRIC_FAILED == 27 && REASON_COUNT == 16, "counters");
_Static_assert(offsetof(struct metrics_shard, time) == 344 && TIME_COUNT == 5, "watches");
_Static_assert(offsetof(struct metrics_shard, latency) == 424, "a histogram");
_Static_assert(offsetof(struct metrics_shard, queue) == 640, "a histogram");
_Static_assert(offsetof(struct metrics_link, records) == 64, "a link");
_Static_assert(sizeof(struct metrics_links) == 8 + 64 * 96, "the links");
_Static_assert(offsetof(struct metrics_exemplar, span_id) == 24, "an exemplar");
_Static_assert(offsetof(struct metrics_exemplars, queue) == 26 * 48, "the exemplars");
_Static_assert(sizeof(struct retired_entry) == 1344, "an entry");
_Static_assert(offsetof(struct retired_entry, sum) == 448, "an entry");

_Static_assert(offsetof(struct metrics_shard, engine) == 856 && ENGINE_COUNTERS == 3, "engines");
_Static_assert(sizeof(struct metrics_said) == 64, "a number of an engine");
_Static_assert(offsetof(struct metrics_engines, said) == 64, "the numbers of engines");
_Static_assert(offsetof(struct metrics_said, owner) == 8, "a number of an engine");
_Static_assert(offsetof(struct metrics_said, value) == 16, "a number of an engine");
_Static_assert(offsetof(struct metrics_said, partition) == 24, "a number of an engine");

/*
 * A file with engines, and one without, which is as files were before.  A
 * reader of before took the first as well: it asked for this layout.
 */
static void
test_engines(void)
{
	struct statfile_setup setup = {.tool = "pfanin", .name = "in", .shards = 2};
	char why[STATFILE_WHY_SIZE];
	const struct statfile_header *h;
	struct metrics_link *link;
	struct statview_now now;
	struct look_stage seen;
	struct statfile *s;
	struct said said;
	int dir = t_open_dir();
	bool warn;

	for (int engines = 0; engines < 2; engines++) {
		setup.engines = engines == 1;
		s = statfile_open(&setup, why, &warn);
		CHECK(s != NULL && (statfile_engines(s) != NULL) == setup.engines, "%s", why);
		h = statfile_header(s);
		CHECK(h->links_at % 64 == 0 && h->shards_at % 64 == 0 &&
		    h->shards_at >= h->links_at + h->links_size);
		CHECK(h->exemplars_at == h->shards_at + h->shards * h->shard_size);
		CHECK(h->size == h->exemplars_at + sizeof(struct metrics_exemplars));
		(void)link_open(statfile_links(s), LINK_OUT, -1, "-");
		link = link_open_engine(statfile_links(s), LINK_OUT, "x://h/p");
		said_begin(&said, statfile_engines(s), t_shard(s, 1),
		    link_number(statfile_links(s), link));
		CHECK(said_take(&said, "lag 17 partition=3", 18));
		CHECK(said_take(&said, "reconnects 2", 12));
		statview_clocks(&now);
		CHECK(statview_read(dir, t_file(), &now, &seen) == 0, "%s", strerror(errno));
		CHECK(seen.engines == setup.engines && seen.n_said == (size_t)engines, "%zu",
		    seen.n_said);
		CHECK(seen.sum.engine[ENGINE_RECONNECTS] == (engines ? 2U : 0U));
		CHECK(seen.n_links == 2 && seen.link[1].kind == LINK_ENGINE);
		if (engines) {
			/* Of the copies, where place 0 is not used. */
			CHECK(seen.said[0].link == 1 && seen.said[0].value == 17 &&
			    strcmp(seen.said[0].partition, "3") == 0);
			memset(statfile_engines(s)->magic, 0, 8);
			CHECK(statview_read(dir, t_file(), &now, &seen) == 0);
			CHECK(!seen.engines && seen.n_said == 0);
		}
		said_end(&said);
		statfile_free(s);
	}
	close(dir);
}

static void
test_header(void)
{
	char *argv[] = {(char[]){"a"}, (char[]){"b c"}, (char[]){"--to=https://h/p?key=secret"},
	    (char[]){"d"}, NULL};
	char why[STATFILE_WHY_SIZE], name[400];
	struct statfile_setup setup = {.tool = "pfanout",
	    .name = name,
	    .argv = argv,
	    .mode = STAGE_MAPS,
	    .workers = 7,
	    .capacity = 99,
	    .shards = 3};
	const struct statfile_header *h;
	struct statview_now now;
	struct statfile *s;
	struct look_stage seen;
	struct stat st;
	int dir = t_open_dir();
	mode_t mask;
	bool warn;

	/* Names are cut behind a whole character. */
	for (size_t i = 0; i < sizeof(name) - 1; i += 3)
		memcpy(name + i, "\xe2\x82\xac", 3);
	name[sizeof(name) - 1] = '\0';
	setenv("PCHAN_PIPELINE", "access", 1);
	mask = umask(0777);
	s = statfile_open(&setup, why, &warn);
	umask(mask);
	unsetenv("PCHAN_PIPELINE");
	CHECK(s != NULL && *why == '\0' && !warn, "%s", why);

	h = statfile_header(s);
	CHECK(h->pid == getpid() && h->pgid == getpgrp() && h->sid == getsid(0), "%d", h->pid);
	CHECK(strcmp(h->tool, "pfanout") == 0 && strcmp(h->pipeline, "access") == 0, "%s", h->tool);
	CHECK(strlen(h->name) == 255, "%zu", strlen(h->name));
	CHECK(strcmp(h->argv, "a b c --to=https://h/p? d") == 0, "%s", h->argv);
	CHECK(h->mode == STAGE_MAPS && h->workers == 7 && h->capacity == 99, "%u", h->workers);
	CHECK(h->shards == 3 && statfile_metrics(s)->n == 3, "%u", h->shards);
	CHECK((uintptr_t)t_shard(s, 0) % 64 == 0, "alignment");

	CHECK(lstat(t_file(), &st) == 0 && st.st_mode == (S_IFREG | 01600), "%o", st.st_mode);
	CHECK((uint64_t)st.st_size == h->size && st.st_blocks * 512 >= st.st_size, "%jd",
	    (intmax_t)st.st_blocks);
	CHECK(t_count(".stat") == 1 && t_count(".new") == 0, "%zu", t_count(".new"));

	metrics_add(t_shard(s, 2), METRIC_RECEIVED, 5);
	statview_clocks(&now);
	CHECK(!statview_is_dead(dir, t_file()), "it lives");
	CHECK(statview_read(dir, t_file(), &now, &seen) == 0, "%s", strerror(errno));
	CHECK(seen.live && seen.same_clock && memcmp(seen.header.name, h->name, 256) == 0, "%d",
	    seen.live);
	CHECK(t_get(&seen.sum, METRIC_RECEIVED) == 5, "5");
	CHECK(h->alive_ns == now.monotonic, "the look has been noted");

	/* One that was not ended is removed. */
	statfile_free(s);
	CHECK(t_count(".stat") == 0 && t_count("retired.2") == 0, "%zu", t_count(".stat"));
	statfile_free(NULL);
	statfile_end(NULL, EXIT_OK);
	close(dir);
}

/* How a process ended, and what the retired ones then say. */
static const struct {
	enum t_end_how how;
	int status;
	enum statfile_exit want;
	bool stays; /* the file */
} ends[] = {
    {T_ENDED, EXIT_OK, EXIT_OK, false},
    {T_ENDED, EXIT_RECORDS, EXIT_RECORDS, false},
    {T_ENDED, EXIT_ERROR, EXIT_ERROR, false},
    {T_ENDED, EXIT_SIGNAL, EXIT_SIGNAL, false},
    {T_EXITED, 0, EXIT_OK, false},
    {T_EXITED, 1, EXIT_RECORDS, false},
    {T_EXITED, 2, EXIT_ERROR, false},
    {T_EXITED, 127, EXIT_ERROR, false},
    {T_MARKED, EXIT_SIGNAL, EXIT_SIGNAL, true},
    {T_KILLED, 0, EXIT_KILLED, true},
};

static void
test_ends(void)
{
	uint64_t counted[EXIT_COUNT] = {0}, n = 0;
	struct look l;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		t_run("ends", 10, ends[i].how, ends[i].status);
		CHECK(t_count(".stat") == (ends[i].stays ? 1 : 0), "%zu: %zu", i, t_count(".stat"));
		counted[ends[i].want]++;
		n += 10;
		for (int fold = 0; fold <= 1; fold++) {
			t_look(&l, fold);
			CHECK(t_total(&l, "ends", METRIC_RECEIVED) == n, "%zu: %ju not %ju", i,
			    (uintmax_t)t_total(&l, "ends", METRIC_RECEIVED), (uintmax_t)n);
			for (int how = 0; how < EXIT_COUNT; how++)
				CHECK(t_exits(&l, "ends", how) == counted[how], "%zu: %d", i, how);
			look_free(&l);
		}
		CHECK(t_count(".stat") == 0, "%zu", i);
	}
}

/* A child that was forked and exits does not end its parent's stage. */
static void
test_fork(void)
{
	struct statfile *s = t_stage("parent", 1);
	pid_t pid = fork();

	if (pid == 0)
		exit(0);
	t_wait(pid);
	CHECK(t_count(".stat") == 1 && statfile_header(s)->state == STATFILE_RUNNING, "it runs");
	statfile_end(s, EXIT_OK);
	CHECK(t_count(".stat") == 0, "it has ended");
	metrics_add(t_shard(s, 0), METRIC_RECEIVED, 1); /* until it is freed */
	statfile_free(s);
}

/* The numbers go into memory, and nothing is left in the directory. */
static void
is_off(const char *want, bool want_warn)
{
	char why[STATFILE_WHY_SIZE];
	bool warn;
	struct statfile *s = statfile_open(
	    &(struct statfile_setup){.tool = "test", .name = "off", .shards = 2}, why, &warn);

	CHECK(s != NULL && strstr(why, want) != NULL && warn == want_warn, "%s not %s", why, want);
	CHECK(t_count(".stat") == 0 && t_count(".new") == 0, "%zu", t_count(".new"));
	metrics_add(t_shard(s, 1), METRIC_RECEIVED, 1);
	CHECK(metrics_get(statfile_metrics(s), METRIC_RECEIVED) == 1, "counts");
	CHECK(statfile_links(s)->link[0].state == LINK_UNUSED, "links");
	statfile_end(s, EXIT_OK);
	statfile_free(s);
}

static void
with_limit(int resource, rlim_t limit, const char *want)
{
	pid_t pid = fork();

	if (pid == 0) {
		int failed = t_failures;

		CHECK(setrlimit(resource, &(struct rlimit){limit, limit}) == 0, "%d", resource);
		is_off(want, true);
		_exit(t_failures > failed);
	}
	int status = -1;

	CHECK(waitpid(pid, &status, 0) == pid && status == 0, "%x", status);
}

static void
test_off(void)
{
	signal(SIGXFSZ, SIG_IGN);
	with_limit(RLIMIT_FSIZE, 1000, "File too large");
	setenv("PCHAN_METRICS", "off", 1);
	is_off("$PCHAN_METRICS is off", false);
	unsetenv("PCHAN_METRICS");
	setenv("PCHAN_RUN_DIR", "no/parent", 1);
	is_off("no/parent: No such file or directory", true);
	setenv("PCHAN_RUN_DIR", t_dir, 1);
	CHECK(chmod(t_dir, 0755) == 0, "chmod");
	is_off("other users may enter it (chmod 700)", true);
	CHECK(chmod(t_dir, 0700) == 0, "chmod");
	if (geteuid() == 0) {
		CHECK(chown(t_dir, 65534, 65534) == 0, "chown");
		is_off("belongs to another user", true);
		CHECK(chown(t_dir, 0, 0) == 0, "chown");
	}
}

/* However few descriptors are left, the stage goes on. */
static void
test_descriptors(void)
{
	for (rlim_t most = 3; most < 12; most++) {
		pid_t pid = fork();
		int status = -1;

		if (pid == 0) {
			char why[STATFILE_WHY_SIZE];
			struct statfile *s;
			bool warn;

			setrlimit(RLIMIT_NOFILE, &(struct rlimit){most, most});
			s = statfile_open(
			    &(struct statfile_setup){.tool = "test", .name = "few", .shards = 1},
			    why, &warn);
			metrics_add(t_shard(s, 0), METRIC_RECEIVED, 1);
			statfile_end(s, EXIT_OK);
			statfile_free(s);
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0, "%ju: %x", (uintmax_t)most,
		    status);
	}
}

/* A stage that comes to a directory full of dead files folds them. */
static void
test_many(void)
{
	struct statfile *s;
	unsigned char *like;
	struct look l;
	size_t size;

	t_run("many", 3, T_KILLED, 0);
	like = t_load(t_file(), &size);
	CHECK(unlink(t_file()) == 0, "unlink");
	for (uint64_t i = 1; i <= 62; i++)
		t_plant(like, size, i);
	statfile_free(t_stage("starts", 1));
	CHECK(t_count(".stat") == 62, "%zu", t_count(".stat"));
	for (uint64_t i = 63; i <= 70; i++)
		t_plant(like, size, i);
	s = t_stage("starts", 1);
	CHECK(t_count(".stat") == 1, "%zu", t_count(".stat"));
	t_look(&l, false);
	CHECK(t_total(&l, "many", METRIC_PROCESSED) == 210, "%ju",
	    (uintmax_t)t_total(&l, "many", METRIC_PROCESSED));
	look_free(&l);
	statfile_free(s);
	free(like);
}

int
main(void)
{
	t_begin();
	test_header();
	test_engines();
	test_ends();
	test_fork();
	test_off();
	test_descriptors();
	test_many();
	t_clean();
	return t_end();
}
