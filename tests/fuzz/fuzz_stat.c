/*
 * Stat files, and the file of the retired ones.  Whatever is in them: a look
 * reads it or skips it, what was read is in bounds, a fold leaves a file that
 * can be read, and a look after the fold shows the same sums.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metrics/retiredfile.h"
#include "fuzz.h"
#include "metrics/look.h"

static char dir[64];

/* A good stat file and a good file of retired ones; the first has a name. */
static struct {
	char name[STATVIEW_NAME_SIZE];
	unsigned char *data;
	size_t size;
} stat_file, retired_file;

/* The directory; libFuzzer needs the working directory that it was given. */
static int at = -1;

static void
load(const char *name, unsigned char **data, size_t *size)
{
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	require(fd != -1 && fstat(fd, &st) == 0);
	*size = (size_t)st.st_size;
	require((*data = malloc(*size)) != NULL);
	require(read(fd, *data, *size) == (ssize_t)*size);
	close(fd);
}

static void
store(const char *name, const void *data, size_t size)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	require(fd != -1 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void
find_stat_file(void)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	require(d != NULL);
	while ((entry = readdir(d)) != NULL)
		if (strstr(entry->d_name, ".stat") != NULL)
			strlcpy(stat_file.name, entry->d_name, sizeof(stat_file.name));
	closedir(d);
}

static void
clean_up(void)
{
	unlinkat(at, stat_file.name, 0);
	unlinkat(at, "retired.2", 0);
	unlinkat(at, "retired.2.bad", 0);
	unlinkat(at, "lock", 0);
	require(rmdir(dir) == 0);
}

/* Makes the good files. */
static void
begin(void)
{
	const struct statfile_setup setup = {.tool = "fuzz", .name = "a", .shards = 2};
	char why[STATFILE_WHY_SIZE];
	struct statfile *s;
	bool warn;

	snprintf(dir, sizeof(dir), "/dev/shm/fuzz_stat.XXXXXX");
	require(mkdtemp(dir) != NULL);
	require((at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) != -1);
	require(setenv("PCHAN_RUN_DIR", dir, 1) == 0);
	require((s = statfile_open(&setup, why, &warn)) != NULL);
	find_stat_file();
	metrics_add(metrics_shard(statfile_metrics(s), 1), METRIC_RECEIVED, 1);
	load(stat_file.name, &stat_file.data, &stat_file.size);
	statfile_end(s, EXIT_OK);
	statfile_free(s);
	load("retired.2", &retired_file.data, &retired_file.size);
	atexit(clean_up);
}

/* A copy with changes: two bytes of place and one of value each. */
static unsigned char *
change(const unsigned char *good, size_t good_size, const uint8_t *data, size_t size)
{
	unsigned char *copy = malloc(good_size);

	require(copy != NULL);
	memcpy(copy, good, good_size);
	for (; size >= 3; data += 3, size -= 3)
		copy[((size_t)data[0] << 8 | data[1]) % good_size] = data[2];
	return copy;
}

/* As retired.c does it. */
static uint64_t
hash_words(const unsigned char *data, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325), word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x100000001b3);
	}
	return hash;
}

static uint64_t
received(const struct look *l)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->n; i++)
		sum += atomic_load(&l->stage[i].sum.counter[METRIC_RECEIVED]);
	for (size_t i = 0; i < l->retired.n; i++)
		sum += atomic_load(&l->retired.entry[i].sum.counter[METRIC_RECEIVED]);
	return sum;
}

static void
check_stage(const struct look_stage *s)
{
	require(strlen(s->header.name) < STATFILE_NAME_SIZE);
	require(strlen(s->header.pipeline) < STATFILE_PIPELINE_SIZE);
	require(strlen(s->header.argv) < STATFILE_ARGV_SIZE);
	require(s->n_links <= LINKS && look_exit(s) < EXIT_COUNT && s->header.mode < STAGE_MODES);
	for (size_t i = 0; i < s->n_links; i++)
		require(strlen(s->link[i].name) < LINK_NAME_SIZE);
	for (int t = 0; t < TIME_COUNT; t++)
		require(!stopwatch_runs(&s->sum.time[t]));
}

static void
look(void)
{
	struct look before, after;
	struct retired r;
	bool damaged;

	require(look_take(&before, false) == 0);
	for (size_t i = 0; i < before.n; i++)
		check_stage(&before.stage[i]);
	require(look_take(&after, true) == 0);
	require(received(&before) == received(&after));
	if (before.dead > 0) {
		require(after.dead == 0 && after.retired.n > 0);
		require(retiredfile_read(&r, at, &damaged) == 0 && !damaged);
		retired_free(&r);
	}
	look_free(&before);
	look_free(&after);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *copy;
	uint64_t hash;

	if (*dir == '\0')
		begin();
	unlinkat(at, stat_file.name, 0);
	unlinkat(at, "retired.2", 0);

	/* The bytes as they are. */
	store(stat_file.name, data, size);
	look();
	store("retired.2", data, size);
	look();

	/* As changes of a good stat file. */
	copy = change(stat_file.data, stat_file.size, data, size);
	store(stat_file.name, copy, stat_file.size);
	free(copy);
	look();

	/* And of retired ones with a good hash, beside a dead file. */
	copy = change(retired_file.data, retired_file.size, data, size);
	hash = hash_words(copy + 64, retired_file.size - 64);
	memcpy(copy + 48, &hash, sizeof(hash));
	store("retired.2", copy, retired_file.size);
	free(copy);
	store(stat_file.name, stat_file.data, stat_file.size);
	look();
	return 0;
}
