#include "metrics/retired.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "metrics/fold.h"
#include "metrics/retiredfile.h"
#include "t_random.h"
#include "t_stat.h"

static int dir;

static void
read_retired(struct retired *r, bool want_damaged)
{
	bool damaged;

	CHECK(retiredfile_read(r, dir, &damaged) == 0 && damaged == want_damaged, "%d", damaged);
}

static void
test_none(void)
{
	static const unsigned char uuid[STATFILE_UUID] = {1};
	struct retired r;

	read_retired(&r, false);
	CHECK(r.n == 0 && r.n_in == 0 && r.id == 0 && retiredfile_id(dir) == 0, "%zu", r.n);
	CHECK(!retired_has(&r, uuid), "none");
	retired_free(&r);
	CHECK(fold_dead(dir, NULL, true) == 0, "%s", strerror(errno));
	CHECK(t_count("retired.2") == 0, "nothing to fold: no file");
}

/* What a fold adds: counters, totals of times, the last moments. */
static void
test_fold(void)
{
	struct metrics_shard *shard;
	struct statfile *s = t_stage("a", 2);
	struct retired r;
	int64_t now;

	for (unsigned i = 0; i < 2; i++) {
		shard = t_shard(s, i);
		for (int c = 0; c < METRIC_COUNT; c++)
			metrics_add(shard, c, 10 + i);
		metrics_set(shard, METRIC_LAST_RECORD_US, 1000 + i);
		stopwatch_add(&shard->time[TIME_INPUT], 7);
		histogram_add(&shard->latency, 5, 2);
		histogram_add(&shard->queue, 6, 3);
	}
	/* A watch that still runs has run until the end. */
	now = clock_now();
	stopwatch_start(&t_shard(s, 0)->time[TIME_BUSY], now - 1000);
	statfile_end(s, EXIT_RECORDS);
	now = clock_now() - now;
	statfile_free(s);

	read_retired(&r, false);
	CHECK(r.n == 1 && r.id != 0 && r.id == retiredfile_id(dir), "%zu", r.n);
	CHECK(strcmp(r.entry->tool, "test") == 0 && strcmp(r.entry->name, "a") == 0, "names");
	CHECK(r.entry->exits[EXIT_RECORDS] == 1 && r.entry->exits[EXIT_OK] == 0, "exits");
	shard = &r.entry->sum;
	for (int c = 0; c < METRIC_COUNT; c++)
		if (c != METRIC_LAST_RECORD_US && c != METRIC_LAST_RESULT_US)
			CHECK(t_get(shard, c) == 21, "%d: %ju", c, (uintmax_t)t_get(shard, c));
	CHECK(t_get(shard, METRIC_LAST_RECORD_US) == 1001, "the last moment");
	CHECK(t_get(shard, METRIC_LAST_RESULT_US) == 11, "the last moment");
	CHECK(stopwatch_read(&shard->time[TIME_INPUT], 0) == 14, "time");
	CHECK(stopwatch_read(&shard->time[TIME_BUSY], 0) >= 1000, "time");
	CHECK(stopwatch_read(&shard->time[TIME_BUSY], 0) <= 1000 + now, "time");
	CHECK(histogram_count(&shard->latency) == 4 && shard->latency.sum == 20, "latency");
	CHECK(histogram_count(&shard->queue) == 6 && shard->queue.sum == 36, "queue");
	retired_free(&r);
}

/* Entries are told apart by tool, name and pipeline, and are sorted. */
static void
test_entries(void)
{
	static const char *const want[] = {" a", " b", "p a", "p b"};
	struct retired r;

	for (int i = 0; i < 3; i++) {
		setenv("PCHAN_PIPELINE", "p", 1);
		t_run("b", 1, T_ENDED, EXIT_OK);
		t_run("a", 1, i == 1 ? T_KILLED : T_ENDED, EXIT_OK);
		unsetenv("PCHAN_PIPELINE");
		t_run("b", 1, T_ENDED, EXIT_OK);
	}
	read_retired(&r, false);
	CHECK(r.n == 4, "%zu", r.n);
	for (size_t i = 0; i < r.n; i++) {
		char text[512];

		snprintf(text, sizeof(text), "%s %s", r.entry[i].pipeline, r.entry[i].name);
		CHECK(strcmp(text, want[i]) == 0, "%zu: %s", i, text);
	}
	CHECK(t_get(&r.entry[3].sum, METRIC_RECEIVED) == 3, "three times");
	CHECK(r.entry[2].exits[EXIT_OK] == 2 && r.entry[2].exits[EXIT_KILLED] == 1, "folded");
	CHECK(r.entry[2].modes == 1 << STAGE_PASSES, "%jx", (uintmax_t)r.entry[2].modes);
	retired_free(&r);
	CHECK(t_count(".stat") == 0 && t_count(".new") == 0, "%zu", t_count(".stat"));
}

/* Whatever is in the file, it is read as a whole, or is damaged. */
static void
test_damaged(void)
{
	struct retired r;
	size_t size;
	unsigned char *good = t_load("retired.2", &size), *bad = malloc(2 * size);

	for (size_t at = 0; at < size; at = at < 600 ? at + 1 : at + 1 + next_random() % 61) {
		bool damaged = false;

		memcpy(bad, good, size);
		bad[at] ^= (unsigned char)(1 + next_random() % 255);
		t_store("retired.2", bad, size);
		CHECK(retiredfile_read(&r, dir, &damaged) == 0, "%zu", at);
		/* The id and the spare word may be any. */
		CHECK(damaged || (at >= 16 && at < 24) || at >= 56, "%zu", at);
		CHECK(damaged == (r.n == 0) && (damaged || at < 64), "%zu: %zu", at, r.n);
		retired_free(&r);
	}
	for (size_t len = 0; len < 2 * size; len += 1 + next_random() % 100) {
		memcpy(bad, good, size);
		memset(bad + size, 0, size);
		t_store("retired.2", bad, len);
		read_retired(&r, len != size);
		retired_free(&r);
	}
	/* Set aside, not overwritten; one of them is kept. */
	for (unsigned i = 0; i < 2; i++) {
		memcpy(bad, good, size);
		bad[100] ^= (unsigned char)(i + 1);
		t_store("retired.2", bad, size);
		t_run("after", 1, T_ENDED, EXIT_OK);
		read_retired(&r, false);
		CHECK(r.n == 1 && strcmp(r.entry->name, "after") == 0, "%zu", r.n);
		CHECK(t_get(&r.entry->sum, METRIC_RECEIVED) == 1, "begins anew");
		retired_free(&r);
		unsigned char *aside = t_load("retired.2.bad", &size);

		CHECK(memcmp(aside, bad, size) == 0, "%u", i);
		free(aside);
	}
	CHECK(unlink("retired.2.bad") == 0, "unlink");
	free(good);
	free(bad);
}

/* In the place of the file is something that is none; it is set aside. */
static void
test_foreign(void)
{
	struct retired r;

	for (int i = 0; i < 4; i++) {
		(void)!unlink("retired.2");
		(void)!unlink("retired.2.bad");
		switch (i) {
		case 0:
			CHECK(symlink("/etc/passwd", "retired.2") == 0, "symlink");
			break;
		case 1:
			CHECK(mkfifo("retired.2", 0600) == 0, "mkfifo");
			break;
		case 2:
			CHECK(mkdir("retired.2", 0700) == 0, "mkdir");
			break;
		default:
			t_store("retired.2", "hello\n", 6);
			CHECK(truncate("retired.2", INT64_C(1) << 40) == 0, "truncate");
		}
		read_retired(&r, true);
		retired_free(&r);
		t_run("after", 1, T_ENDED, EXIT_OK);
		read_retired(&r, false);
		CHECK(r.n == 1 && t_count("retired.2.bad") == 1, "%d", i);
		retired_free(&r);
		(void)!rmdir("retired.2.bad");
	}
	(void)!unlink("retired.2.bad");
}

static void
fill(struct retired *r, size_t n)
{
	*r = (struct retired){
	    .n = n, .entry = aligned_alloc(_Alignof(struct retired_entry), n * sizeof(*r->entry))};
	CHECK(r->entry != NULL, "memory");
	memset(r->entry, 0, n * sizeof(*r->entry));
	for (size_t i = 0; i < n; i++) {
		snprintf(r->entry[i].name, sizeof(r->entry[i].name), "%06zu", i);
		strlcpy(r->entry[i].tool, i % 2 == 0 ? "x" : "y", sizeof(r->entry[i].tool));
		r->entry[i].exits[EXIT_OK] = 1;
		metrics_add(&r->entry[i].sum, METRIC_RECEIVED, 1);
	}
}

/* Beyond the limit, stages share an entry for each tool. */
static void
test_most(void)
{
	struct retired many, sum = {0};
	uint64_t received = 0, exits = 0;
	size_t others = 0;

	fill(&many, RETIRED_MOST + 100);
	CHECK(retired_merge(&sum, &many) == 0 && retired_merge(&sum, &many) == 0, "merge");
	CHECK(sum.n == RETIRED_MOST + 2, "%zu", sum.n);
	for (size_t i = 0; i < sum.n; i++) {
		received += t_get(&sum.entry[i].sum, METRIC_RECEIVED);
		exits += sum.entry[i].exits[EXIT_OK];
		if (strcmp(sum.entry[i].name, "other") == 0) {
			others++;
			CHECK(sum.entry[i].exits[EXIT_OK] == 100, "%zu", i);
		}
	}
	CHECK(received == 2 * many.n && exits == 2 * many.n && others == 2, "%zu", others);
	retired_free(&many);
	retired_free(&sum);
}

/* Where there are many entries, several files wait for one fold. */
static void
test_dear(void)
{
	uint64_t received = 0, id;
	char name[16];
	struct retired r;
	size_t most = 0;

	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "dear %d", i);
		t_run(name, 1, T_ENDED, EXIT_OK);
	}
	id = retiredfile_id(dir);
	for (int i = 0; i < 150; i++) {
		t_run("waits", 1, T_ENDED, EXIT_OK);
		most = t_count(".stat") > most ? t_count(".stat") : most;
		CHECK(i > 10 || retiredfile_id(dir) == id, "%d", i);
	}
	CHECK(most > 50 && most <= 64, "%zu", most);
	CHECK(fold_dead(dir, NULL, true) >= 0 && t_count(".stat") == 0, "%s", strerror(errno));
	read_retired(&r, false);
	for (size_t i = 0; i < r.n; i++)
		if (strcmp(r.entry[i].name, "waits") == 0) {
			received = t_get(&r.entry[i].sum, METRIC_RECEIVED);
			CHECK(r.entry[i].exits[EXIT_OK] == 150, "%zu", i);
		}
	CHECK(received == 150, "%ju", (uintmax_t)received);
	retired_free(&r);
	(void)!unlink("retired.2");
}

/* Who finds the lock taken leaves all as it is. */
static void
test_lock(void)
{
	struct retired r;
	int lock = fold_lock(dir), second = fold_lock(dir);

	CHECK(lock != -1 && second != -1, "several may read");
	(void)!unlink("retired.2");
	t_run("busy", 5, T_ENDED, EXIT_OK);
	CHECK(t_count(".stat") == 1 && t_count("retired.2") == 0, "it stays");
	CHECK(fold_dead(dir, NULL, true) == -1 && errno == EAGAIN, "%d", errno);
	close(lock);
	close(second);
	CHECK(fold_dead(dir, NULL, true) == 1 && t_count(".stat") == 0, "%s", strerror(errno));
	read_retired(&r, false);
	CHECK(r.n == 1 && r.entry->exits[EXIT_OK] == 1, "it has said how it ended");
	retired_free(&r);
}

/* Without descriptors to read the old numbers with, they stay as they are. */
static void
test_no_descriptor(void)
{
	struct retired r;
	int result = -1, fails = 0;

	/* Either the file of the dead stage is folded, or nothing happens. */

	t_run("old", 5, T_ENDED, EXIT_OK);
	t_run("new", 5, T_KILLED, 0);
	for (int spare = 0; spare < 20 && result != 1; spare++, fails++) {
		t_spare(spare);
		result = fold_dead(dir, NULL, true);
		CHECK(result != -1 || errno == EMFILE, "%d: %s", spare, strerror(errno));
		t_spare(-1);
		CHECK(t_count(".bad") == 0, "with %d descriptors", spare);
	}
	CHECK(result == 1 && fails > 2, "%d, %d", result, fails);
	read_retired(&r, false);
	CHECK(r.n >= 2 && t_count(".stat") == 0, "%zu", r.n);
	retired_free(&r);
}

/* A crash between the rename and the removal: nobody counts the file again. */
static void
test_remains(void)
{
	unsigned char *like;
	char name[256];
	size_t size;
	struct look l;

	t_run("remains", 5, T_KILLED, 0);
	strlcpy(name, t_file(), sizeof(name));
	like = t_load(name, &size);
	CHECK(fold_dead(dir, NULL, true) == 1, "%s", strerror(errno));
	t_store(name, like, size);
	t_look(&l, false);
	CHECK(l.n == 0 && l.dead == 0 && t_total(&l, "remains", METRIC_RECEIVED) == 5, "%zu", l.n);
	look_free(&l);
	CHECK(fold_dead(dir, NULL, true) == 0 && t_count(".stat") == 0, "it is removed");
	t_look(&l, true);
	CHECK(t_total(&l, "remains", METRIC_RECEIVED) == 5, "once");
	look_free(&l);
	free(like);
}

/* A stage that ends folds dead ones, also where nothing is retired yet. */
static void
test_others(void)
{
	struct look l;

	for (int first = 1; first >= 0; first--) {
		if (first)
			(void)!unlink("retired.2");
		t_run("others", 5, T_KILLED, 0);
		t_run("others", 5, T_ENDED, EXIT_OK);
		CHECK(t_count(".stat") == 0, "%d: %zu", first, t_count(".stat"));
	}
	t_look(&l, false);
	CHECK(t_total(&l, "others", METRIC_RECEIVED) == 20, "all");
	look_free(&l);
}

/* A full disk: nothing is lost, and nothing counts twice. */
static void
test_full(void)
{
	size_t size, again;
	unsigned char *before = t_load("retired.2", &size), *after;
	struct look l;
	int status;
	pid_t pid;

	t_run("full", 5, T_KILLED, 0);
	if ((pid = fork()) == 0) {
		struct rlimit rl = {1000, 1000};

		_exit(setrlimit(RLIMIT_FSIZE, &rl) == 0 && fold_dead(dir, NULL, true) == -1 &&
			    errno == EFBIG
			? 0
			: 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0, "%x", status);
	after = t_load("retired.2", &again);
	CHECK(size == again && memcmp(before, after, size) == 0, "as it was");
	CHECK(t_count(".stat") == 1 && t_count(".new") == 0, "%zu", t_count(".new"));
	t_look(&l, true);
	CHECK(t_total(&l, "full", METRIC_RECEIVED) == 5 && l.dead == 0, "folded now");
	look_free(&l);
	free(before);
	free(after);
}

/* What was left by processes that died while they created a file. */
static void
test_unfinished(void)
{
	const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	int fd;

	t_store(".test.1.x.stat.new", "", 0);
	t_store(".test.2.x.stat.new", "", 0);
	t_store(".test.3.x.stat.new", "", 0);
	CHECK(utimensat(dir, ".test.2.x.stat.new", old, 0) == 0, "utimensat");
	CHECK(utimensat(dir, ".test.3.x.stat.new", old, 0) == 0, "utimensat");
	fd = open(".test.3.x.stat.new", O_RDWR);
	CHECK(fcntl(fd, F_OFD_SETLK, &(struct flock){.l_type = F_WRLCK}) == 0, "lock");
	(void)fold_dead(dir, NULL, true);
	CHECK(access(".test.1.x.stat.new", F_OK) == 0, "it may be in use");
	CHECK(access(".test.2.x.stat.new", F_OK) == -1, "it is old");
	CHECK(access(".test.3.x.stat.new", F_OK) == 0, "it is in use");
	close(fd);
	CHECK(unlink(".test.1.x.stat.new") == 0 && unlink(".test.3.x.stat.new") == 0, "unlink");
}

/* A process that folds is killed at any moment. */
static void
test_killed(void)
{
	unsigned char *like;
	uint64_t n = 0;
	struct look l;
	size_t size;

	t_run("kills", 5, T_KILLED, 0);
	like = t_load(t_file(), &size);
	CHECK(unlink(t_file()) == 0, "unlink");
	for (int round = 0; round < 150; round++) {
		struct timespec pause = {.tv_nsec = (long)(next_random() % 400000)};
		pid_t pid;

		for (int i = 0; i < 5; i++)
			t_plant(like, size, ++n);
		if ((pid = fork()) == 0)
			_exit(fold_dead(dir, NULL, true) < 0);
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		t_wait(pid);
		t_look(&l, false);
		CHECK(t_total(&l, "kills", METRIC_RECEIVED) == 5 * n, "%d: %ju not %ju", round,
		    (uintmax_t)t_total(&l, "kills", METRIC_RECEIVED), (uintmax_t)(5 * n));
		CHECK(t_exits(&l, "kills", EXIT_KILLED) == n, "%d", round);
		look_free(&l);
	}
	(void)fold_dead(dir, NULL, true);
	CHECK(t_count(".stat") == 0, "%zu", t_count(".stat"));
	free(like);
}

int
main(void)
{
	t_begin();
	dir = t_open_dir();
	test_none();
	test_fold();
	test_entries();
	test_damaged();
	test_foreign();
	test_most();
	test_dear();
	test_lock();
	test_no_descriptor();
	test_remains();
	test_others();
	test_full();
	test_unfinished();
	test_killed();
	close(dir);
	t_clean();
	return t_end();
}
