#include "metrics/look.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "metrics/fold.h"
#include "t_random.h"
#include "t_stat.h"

static void
test_nothing(void)
{
	struct look l;

	t_look(&l, true);
	CHECK(l.n == 0 && l.retired.n == 0 && l.live == 0 && l.dead == 0 && l.skipped == 0, "none");
	CHECK(l.n_dirs == 1 && l.now > 0 && l.calendar > 0, "%zu", l.n_dirs);
	look_free(&l);
	setenv("PCHAN_RUN_DIR", "/no/such", 1);
	t_look(&l, true);
	CHECK(l.n_dirs == 0, "%zu", l.n_dirs);
	look_free(&l);
	setenv("PCHAN_RUN_DIR", t_dir, 1);
	setenv("PCHAN_METRICS", "off", 1);
	t_look(&l, true);
	CHECK(l.n_dirs == 0, "%zu", l.n_dirs);
	look_free(&l);
	unsetenv("PCHAN_METRICS");
}

/* What a look says of a stage that lives. */
static void
test_stage(void)
{
	struct statfile *s = t_stage("it", 3);
	struct metrics_link *link = &statfile_links(s)->link[2];
	int64_t now = clock_now();
	const struct look_stage *seen;
	struct look l;

	stopwatch_start(&t_shard(s, 0)->time[TIME_INPUT], now - STOPWATCH_LATE - 500);
	stopwatch_start(&t_shard(s, 1)->time[TIME_BUSY], now - STOPWATCH_LATE - 2000);
	stopwatch_start(&t_shard(s, 2)->time[TIME_BUSY], now - STOPWATCH_LATE - 3000);
	metrics_add(t_shard(s, 0), METRIC_RECEIVED, 4);
	link->direction = LINK_OUT;
	link->ino = 77;
	memset(link->name, 'x', sizeof(link->name)); /* no end */
	link->state = 5 << 2 | LINK_OPEN;
	statfile_links(s)->more = 6;
	t_look(&l, false);
	CHECK(l.n == 1 && l.live == 1 && l.dead == 0 && l.skipped == 0, "%zu", l.n);
	seen = &l.stage[0];
	CHECK(seen->live && seen->same_clock && seen->busy == 2, "%u", seen->busy);
	CHECK(seen->oldest == now - STOPWATCH_LATE - 3000, "%jd", (intmax_t)(seen->oldest - now));
	CHECK(t_get(&seen->sum, METRIC_RECEIVED) == 4, "counter");
	CHECK(stopwatch_read(&seen->sum.time[TIME_INPUT], 0) == l.now - now + 500, "until now");
	CHECK(stopwatch_read(&seen->sum.time[TIME_BUSY], 0) == 2 * (l.now - now) + 5000, "both");
	CHECK(seen->n_links == 1 && seen->more_links == 6, "%zu", seen->n_links);
	CHECK(seen->link[0].ino == 77 && seen->link[0].direction == LINK_OUT, "link");
	CHECK(strlen(seen->link[0].name) == LINK_NAME_SIZE - 1, "has an end");
	CHECK(fold_dead(-1, NULL, true) == -1, "no directory");
	look_free(&l);
	t_look(&l, true);
	CHECK(l.live == 1 && l.retired.n == 0, "a live one is not folded");
	look_free(&l);
	statfile_free(s);
}

/* The exemplars of a stage, and what no exemplar can be. */
static void
test_exemplars(void)
{
	struct statfile *s = t_stage("traced", 2);
	struct metrics_exemplars *e = statfile_exemplars(s);
	unsigned char *data;
	char name[256];
	struct look l;
	size_t size;

	CHECK((uintptr_t)e % 64 == 0, "alignment");
	e->latency[0] = (struct metrics_exemplar){2, {1, 2}, 3, 1000, 5};
	e->queue[HISTOGRAM_BOUNDS] = (struct metrics_exemplar){4, {5, 6}, 7, INT64_MAX, 8};
	e->queue[1] = (struct metrics_exemplar){2, {5, 6}, 7, 1000, 8};
	t_look(&l, false);
	CHECK(l.n == 1, "%zu", l.n);
	CHECK(memcmp(&l.stage[0].exemplars.latency[0], &e->latency[0], sizeof(e->latency[0])) == 0,
	    "as it was");
	CHECK(l.stage[0].exemplars.queue[HISTOGRAM_BOUNDS].span_id == 7, "the last");
	CHECK(l.stage[0].exemplars.queue[1].version == 0, "of another bucket");
	CHECK(l.stage[0].exemplars.latency[1].version == 0, "none");
	look_free(&l);

	/* A file that has none is good, too. */
	strlcpy(name, t_file(), sizeof(name));
	data = t_load(name, &size);
	statfile_free(s);
	((struct statfile_header *)data)->exemplars_at = 0;
	((struct statfile_header *)data)->size = size -= sizeof(*e);
	t_store(name, data, size);
	t_look(&l, false);
	CHECK(l.n == 1 && l.stage[0].exemplars.latency[0].version == 0, "%zu", l.n);
	look_free(&l);
	CHECK(unlink(name) == 0, "unlink");
	free(data);
}

/* A thread stopped its watch late: what a look has shown is not taken back. */
static void
test_late_stop(void)
{
	struct statfile *s = t_stage("late", 1);
	struct stopwatch *w = &t_shard(s, 0)->time[TIME_RATE];
	int64_t now = clock_now(), total, again;
	struct look l;

	stopwatch_start(w, now - CLOCK_S);
	t_look(&l, false);
	total = stopwatch_read(&l.stage[0].sum.time[TIME_RATE], 0);
	CHECK(total >= CLOCK_S - STOPWATCH_LATE, "%jd", (intmax_t)total);
	stopwatch_stop(w, l.now - STOPWATCH_LATE);
	look_free(&l);
	t_look(&l, false);
	again = stopwatch_read(&l.stage[0].sum.time[TIME_RATE], 0);
	CHECK(again == total, "%jd after %jd", (intmax_t)again, (intmax_t)total);
	look_free(&l);
	statfile_free(s);
}

/* Of a killed stage, what a look has shown of a wait stays. */
static void
test_wait_of_killed(void)
{
	int64_t total = 0, again;
	int ready[2];
	char c;
	struct look l;
	pid_t pid;

	CHECK(pipe(ready) == 0, "pipe");
	if ((pid = fork()) == 0) {
		struct statfile *s = t_stage("waits", 1);

		stopwatch_start(&t_shard(s, 0)->time[TIME_INPUT], clock_now() - STOPWATCH_LATE);
		(void)!write(ready[1], "x", 1);
		pause();
	}
	CHECK(read(ready[0], &c, 1) == 1, "it waits");
	for (int i = 0; i < 2; i++) {
		t_look(&l, false);
		CHECK(l.n == 1 && l.live == 1, "%zu", l.n);
		if (l.n == 1) {
			again = stopwatch_read(&l.stage[0].sum.time[TIME_INPUT], 0);
			CHECK(again > total, "%jd after %jd", (intmax_t)again, (intmax_t)total);
			total = again;
		}
		look_free(&l);
	}
	kill(pid, SIGKILL);
	t_wait(pid);
	for (int fold = 0; fold <= 1; fold++) {
		t_look(&l, fold);
		CHECK(l.live == 0 && l.dead == (fold ? 0 : 1), "%zu", l.dead);
		again = fold ? stopwatch_read(&l.retired.entry[0].sum.time[TIME_INPUT], 0)
			     : stopwatch_read(&l.stage[0].sum.time[TIME_INPUT], 0);
		CHECK(again == total, "%d: %jd not %jd", fold, (intmax_t)again, (intmax_t)total);
		CHECK(t_exits(&l, "waits", EXIT_KILLED) == 1, "%d", fold);
		look_free(&l);
	}
	close(ready[0]);
	close(ready[1]);
	CHECK(unlink("retired.2") == 0, "unlink");
}

/* The header's words that make a file unreadable, if they are changed. */
#define WORD(member)                                                 \
	{                                                            \
#member, offsetof(struct statfile_header, member),   \
		    sizeof(((struct statfile_header *)NULL)->member) \
	}

static const struct {
	const char *name;
	size_t at, size;
} words[] = {WORD(magic), WORD(version), WORD(order), WORD(gen1), WORD(size), WORD(header_size),
    WORD(links_size), WORD(shard_size), WORD(shards), WORD(links_at), WORD(shards_at),
    WORD(exemplars_at), WORD(uuid), WORD(pid), WORD(mode), WORD(gen2)};

/* Texts without an end. */
static const struct {
	const char *name;
	size_t at, size;
} texts[] = {WORD(boot_id), WORD(tool), WORD(tool_version), WORD(name), WORD(pipeline), WORD(argv)};

static void
is_skipped(const char *what, int i)
{
	struct look l;

	for (int fold = 0; fold <= 1; fold++) {
		t_look(&l, fold);
		CHECK(l.n == 0 && l.skipped == 1 && l.retired.n == 0, "%s, %d: %zu, %zu", what, i,
		    l.n, l.skipped);
		look_free(&l);
	}
}

/* A dead stage's file; its name stays the same. */
static unsigned char *
make_file(char name[256], size_t *size)
{
	unsigned char *data;

	t_run("damaged", 9, T_KILLED, 0);
	strlcpy(name, t_file(), 256);
	data = t_load(name, size);
	return data;
}

static void
test_damaged(void)
{
	static const unsigned char values[] = {0x00, 0x01, 0x40, 0x7f, 0x80, 0xff};
	char name[256];
	size_t size;
	unsigned char *good = make_file(name, &size), *bad = malloc(size);
	struct look l;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (size_t k = 0; k < words[i].size * sizeof(values); k++) {
			memcpy(bad, good, size);
			if (bad[words[i].at + k / sizeof(values)] == values[k % sizeof(values)])
				continue;
			bad[words[i].at + k / sizeof(values)] = values[k % sizeof(values)];
			/* Another mode that there is. */
			if (strcmp(words[i].name, "mode") == 0 && k == 1)
				continue;
			t_store(name, bad, size);
			is_skipped(words[i].name, (int)k);
		}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memcpy(bad, good, size);
		memset(bad + texts[i].at, 'x', texts[i].size);
		t_store(name, bad, size);
		is_skipped(texts[i].name, 0);
	}
	for (size_t len = 0; len < size; len += 1 + next_random() % 500) {
		t_store(name, good, len);
		is_skipped("cut", (int)len);
	}
	/* Any other damage: it is read, or skipped. */
	for (int i = 0; i < 2000; i++) {
		memcpy(bad, good, size);
		for (uint64_t n = 1 + next_random() % 8; n > 0; n--)
			bad[next_random() % (i % 2 == 0 ? 1000 : size)] =
			    (unsigned char)next_random();
		t_store(name, bad, size);
		t_look(&l, false);
		CHECK(l.n + l.skipped == 1, "%d: %zu", i, l.n);
		look_free(&l);
	}
	/* A wait that is no time. */
	memcpy(bad, good, size);
	memset(
	    bad + ((struct statfile_header *)bad)->shards_at + offsetof(struct metrics_shard, time),
	    0x7f, 8);
	t_store(name, bad, size);
	is_skipped("time", 0);

	t_store(name, good, size);
	t_look(&l, true);
	CHECK(t_total(&l, "damaged", METRIC_RECEIVED) == 9 && l.skipped == 0, "the good one");
	look_free(&l);
	CHECK(unlink("retired.2") == 0, "unlink");
	free(good);
	free(bad);
}

#define NAMED(n) "test.1." n n n n n n n n ".stat"

/* Things with the name of a stat file that are none.  Nothing blocks. */
static void
test_foreign(void)
{
	const char *name = NAMED("0123");
	char file[256];
	size_t size;
	unsigned char *good;
	struct look l;

	for (int i = 0; i < 6; i++) {
		switch (i) {
		case 0:
			CHECK(symlink("/etc/passwd", name) == 0, "symlink");
			break;
		case 1:
			CHECK(mkfifo(name, 0600) == 0, "mkfifo");
			break;
		case 2:
			t_store(name, "", 0);
			CHECK(truncate(name, INT64_C(1) << 40) == 0, "truncate");
			break;
		case 3:
			t_store(name, "hello\n", 6);
			break;
		case 4:
			t_store("odd.stat", "hello\n", 6);
			break;
		default:
			CHECK(mkdir(name, 0700) == 0, "mkdir");
		}
		is_skipped("foreign", i);
		CHECK(unlink(i == 4 ? "odd.stat" : name) == 0 || rmdir(name) == 0, "%d", i);
	}
	/* Other files are nobody's business. */
	t_store("notes", "", 0);
	t_store(".test.1.x.stat.new", "", 0);
	t_look(&l, false);
	CHECK(l.skipped == 0, "%zu", l.skipped);
	look_free(&l);
	CHECK(unlink("notes") == 0 && unlink(".test.1.x.stat.new") == 0, "unlink");

	/* A good file by another name, or of another user. */
	good = make_file(file, &size);
	t_store(name, good, size);
	t_look(&l, false);
	CHECK(l.n == 1 && l.skipped == 1, "%zu, %zu", l.n, l.skipped);
	look_free(&l);
	CHECK(unlink(name) == 0, "unlink");
	if (geteuid() == 0) {
		CHECK(chown(file, 65534, 65534) == 0, "chown");
		is_skipped("owner", 0);
	}
	CHECK(unlink(file) == 0, "unlink");
	free(good);
}

/* The names of stat files. */
static const struct {
	const char *name;
	bool good;
} names[] = {
    {NAMED("0123"), true},
    {"test.1.0123456789abcdef0123456789abcdef.stat", true},
    {"test.2147483647.0123456789abcdef0123456789abcdef.stat", true},
    {"test.2147483648.0123456789abcdef0123456789abcdef.stat", false},
    {"test.0.0123456789abcdef0123456789abcdef.stat", false},
    {"test.-1.0123456789abcdef0123456789abcdef.stat", false},
    {"test.+1.0123456789abcdef0123456789abcdef.stat", false},
    {"test.1.0123456789ABCDEF0123456789abcdef.stat", false},
    {"test.1.0123456789abcdef0123456789abcde.stat", false},
    {"test.1.0123456789abcdef0123456789abcdeg.stat", false},
    {"test.1.0123456789abcdef0123456789abcdef.stats", false},
    {"test.1.0123456789abcdef0123456789abcdef", false},
    {"test.1.stat", false},
    {"test.stat", false},
    {".stat", false},
    {"", false},
    {".test.1.0123456789abcdef0123456789abcdef.stat", false},
    {"sixteen_letters_.1.0123456789abcdef0123456789abcdef.stat", false},
    {"fifteen_letters.1.0123456789abcdef0123456789abcdef.stat", true},
};

static void
test_names(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned char uuid[STATFILE_UUID];
		pid_t pid;

		CHECK(
		    statview_name(names[i].name, &pid, uuid) == names[i].good, "%s", names[i].name);
	}
}

/* Which clocks are ours: the waits under way count, or do not. */
static const struct {
	int64_t begun_us, begun_ns; /* so much is added */
	bool other_boot, same;
} clocks[] = {
    {0, 0, false, true},
    {0, 0, true, false},
    {30000000, 0, false, true},
    {-30000000, 0, false, true},
    /* The calendar was set meanwhile. */
    {90000000, 0, false, true},
    {0, -90 * CLOCK_S, false, true},
    {-INT64_C(1000000000000000), 0, false, true},
    {-1000000, -CLOCK_S, false, true},
    {0, 3600 * CLOCK_S, false, false},
    {INT64_MIN / 2, 0, false, false},
    {90000000, 0, true, false},
    {INT64_MAX / 2, 0, false, false},
};

static void
test_clocks(void)
{
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		struct statfile *s = t_stage("clock", 1);
		struct statfile_header *h = statfile_header(s);
		struct look l;

		stopwatch_add(&t_shard(s, 0)->time[TIME_OWN], 5);
		stopwatch_start(&t_shard(s, 0)->time[TIME_OWN], clock_now() - STOPWATCH_LATE);
		h->begun_us += clocks[i].begun_us;
		h->begun_ns += clocks[i].begun_ns;
		if (clocks[i].other_boot)
			h->boot_id[0]++;
		atomic_store(&h->alive_ns, 0);
		t_look(&l, false);
		CHECK(l.n == 1 && l.live == 1, "%zu: %zu", i, l.n);
		CHECK(l.stage[0].same_clock == clocks[i].same, "%zu", i);
		CHECK((stopwatch_read(&l.stage[0].sum.time[TIME_OWN], 0) > 5) == clocks[i].same,
		    "%zu", i);
		look_free(&l);
		statfile_free(s);
	}
}

/* By pipeline, name, tool, and begin. */
static void
test_order(void)
{
	static const char *const want[] = {" a", " b", " b", "p a"};
	struct statfile *s[4];
	struct look l;

	s[0] = t_stage("b", 1);
	setenv("PCHAN_PIPELINE", "p", 1);
	s[1] = t_stage("a", 1);
	unsetenv("PCHAN_PIPELINE");
	s[2] = t_stage("b", 1);
	s[3] = t_stage("a", 1);
	statfile_header(s[2])->begun_us -= 1000;
	t_look(&l, false);
	CHECK(l.n == 4 && l.live == 4, "%zu", l.n);
	for (size_t i = 0; i < l.n; i++) {
		char text[512];

		snprintf(text, sizeof(text), "%s %s", l.stage[i].header.pipeline,
		    l.stage[i].header.name);
		CHECK(strcmp(text, want[i]) == 0, "%zu: %s", i, text);
	}
	CHECK(l.stage[1].header.begun_us < l.stage[2].header.begun_us, "the older one first");
	look_free(&l);
	for (size_t i = 0; i < 4; i++)
		statfile_free(s[i]);
}

/*
 * All directories that there are, each stage once: a file that is in two of
 * them, a directory that has two names.
 */
static void
test_directories(void)
{
	char path[64], from[128], to[128], command[128];
	struct look l;
	size_t dirs;

	snprintf(path, sizeof(path), "/dev/shm/t_look.XXXXXX");
	if (mkdtemp(path) == NULL)
		return;
	unsetenv("PCHAN_RUN_DIR");
	setenv("XDG_RUNTIME_DIR", path, 1);
	t_run("everywhere", 2, T_ENDED, EXIT_OK);
	t_run("everywhere", 2, T_KILLED, 0);
	t_look(&l, false);
	CHECK(t_total(&l, "everywhere", METRIC_RECEIVED) == 4, "both");
	dirs = l.n_dirs;
	look_free(&l);

	/* The same by another name, which is no link: XDG_RUNTIME_DIR's. */
	snprintf(from, sizeof(from), "%s/.", path);
	setenv("XDG_RUNTIME_DIR", from, 1);
	t_look(&l, false);
	CHECK(l.n_dirs == dirs && t_total(&l, "everywhere", METRIC_RECEIVED) == 4, "%zu", dirs);
	look_free(&l);

	/* Named: that one only. */
	setenv("PCHAN_RUN_DIR", t_dir, 1);
	t_look(&l, false);
	CHECK(l.n_dirs == 1 && t_total(&l, "everywhere", METRIC_RECEIVED) == 0, "%zu", l.n_dirs);
	look_free(&l);
	unsetenv("XDG_RUNTIME_DIR");
	snprintf(to, sizeof(to), "%s/pchan", path);
	setenv("PCHAN_RUN_DIR", to, 1);
	t_look(&l, true);
	CHECK(l.n_dirs == 1 && t_total(&l, "everywhere", METRIC_RECEIVED) == 4, "%zu", l.n_dirs);
	look_free(&l);
	setenv("PCHAN_RUN_DIR", t_dir, 1);
	snprintf(command, sizeof(command), "rm -rf %s", path);
	CHECK(system(command) == 0, "%s", command);
}

/* Without enough descriptors there is no look, rather than half of one. */
static void
test_no_descriptor(void)
{
	struct look l;
	int spare = 0;

	t_run("few", 2, T_ENDED, EXIT_OK);
	t_run("few", 3, T_KILLED, 0);
	for (t_spare(0); look_take(&l, 0) == -1; t_spare(++spare)) {
		CHECK(errno == EMFILE && spare < 20, "%d: %s", spare, strerror(errno));
		t_spare(-1);
	}
	t_spare(-1);
	CHECK(spare > 2 && t_total(&l, "few", METRIC_RECEIVED) == 5, "%d", spare);
	look_free(&l);
	t_look(&l, true);
	look_free(&l);
}

/* A file that is cut while it is read: cut and made whole, over and over. */
struct cut {
	int fd;
	const unsigned char *data;
	size_t size;
	_Atomic bool done;
};

static void *
cut_file(void *arg)
{
	struct cut *cut = arg;

	while (!atomic_load(&cut->done)) {
		(void)!ftruncate(cut->fd, 0);
		(void)!pwrite(cut->fd, cut->data, cut->size, 0);
	}
	return NULL;
}

static void
test_cut(void)
{
	struct cut cut = {0};
	char name[256];
	unsigned char *data;
	size_t seen = 0;
	pthread_t thread;
	struct look l;

	cut.data = data = make_file(name, &cut.size);
	CHECK((cut.fd = open(name, O_RDWR | O_CLOEXEC)) != -1, "%s", name);
	CHECK(pthread_create(&thread, NULL, cut_file, &cut) == 0, "thread");
	for (int i = 0; i < 3000; i++) {
		t_look(&l, false);
		seen += l.n;
		CHECK(l.n + l.skipped == 1, "%zu, %zu", l.n, l.skipped);
		look_free(&l);
	}
	atomic_store(&cut.done, true);
	CHECK(pthread_join(thread, NULL) == 0 && seen < 3000, "%zu", seen);
	CHECK(unlink(name) == 0, "unlink");
	close(cut.fd);
	free(data);
}

/* At every look, no more has ended than was received. */
static void
test_held(void)
{
	pid_t pid = fork();
	struct look l;

	if (pid == 0) {
		struct statfile *s = t_stage("counts", 2);

		for (;;) {
			metrics_add(t_shard(s, 0), METRIC_RECEIVED, 1);
			metrics_add(t_shard(s, 1), METRIC_PROCESSED, 1);
		}
	}
	for (int i = 0; i < 3000; i++) {
		t_look(&l, false);
		for (size_t k = 0; k < l.n; k++)
			CHECK(t_get(&l.stage[k].sum, METRIC_RECEIVED) >=
				t_get(&l.stage[k].sum, METRIC_PROCESSED),
			    "%d", i);
		look_free(&l);
	}
	kill(pid, SIGKILL);
	t_wait(pid);
	t_look(&l, true);
	CHECK(t_exits(&l, "counts", EXIT_KILLED) == 1, "it was killed");
	look_free(&l);
}

#define STAGES 400
#define AT_A_TIME 8

/*
 * The law: while stages come and go, and are folded, no counter goes back, and
 * in the end all are exact.
 */
static void
test_law(void)
{
	static const enum metric counters[] = {METRIC_RECEIVED, METRIC_PROCESSED};
	uint64_t before[2] = {0}, started = 0, sum = 0, looks = 0;
	unsigned running = 0;
	struct look l;

	while (started < STAGES || running > 0) {
		while (running < AT_A_TIME && started < STAGES) {
			started++;
			t_start("law", started, started % 7 == 0 ? T_KILLED : T_ENDED, EXIT_OK);
			sum += started;
			running++;
		}
		t_look(&l, looks++ % 5 == 0);
		for (size_t c = 0; c < 2; c++) {
			uint64_t now = t_total(&l, "law", counters[c]);

			CHECK(now >= before[c] && now <= sum, "%ju after %ju of %ju",
			    (uintmax_t)now, (uintmax_t)before[c], (uintmax_t)sum);
			before[c] = now;
		}
		CHECK(l.skipped == 0, "%zu", l.skipped);
		look_free(&l);
		while (running > 0 && waitpid(-1, NULL, WNOHANG) > 0)
			running--;
	}
	for (int fold = 0; fold <= 1; fold++) {
		t_look(&l, fold);
		for (size_t c = 0; c < 2; c++)
			CHECK(t_total(&l, "law", counters[c]) == sum, "%ju not %ju",
			    (uintmax_t)t_total(&l, "law", counters[c]), (uintmax_t)sum);
		CHECK(t_exits(&l, "law", EXIT_KILLED) == STAGES / 7, "%d", fold);
		CHECK(t_exits(&l, "law", EXIT_OK) == STAGES - STAGES / 7, "%d", fold);
		look_free(&l);
	}
	CHECK(t_count(".stat") == 0, "%zu", t_count(".stat"));
	printf("%ju looks while %d stages ended\n", (uintmax_t)looks, STAGES);
}

int
main(void)
{
	t_begin();
	test_nothing();
	test_stage();
	test_exemplars();
	test_late_stop();
	test_wait_of_killed();
	test_damaged();
	test_foreign();
	test_names();
	test_clocks();
	test_order();
	test_directories();
	test_no_descriptor();
	test_cut();
	test_held();
	test_law();
	t_clean();
	return t_end();
}
