#ifndef T_STAT_H
#define T_STAT_H

/* What the tests of stat files share: a run directory, and stages in it. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metrics/look.h"
#include "metrics/statfile.h"
#include "t.h"

static char t_dir[64];

/* From now on stages use a new directory, which is the working directory. */
static inline void
t_begin(void)
{
	/* On a disk a rename may wait. */
	snprintf(t_dir, sizeof(t_dir), "%s/t_stat.XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	CHECK(mkdtemp(t_dir) != NULL && chdir(t_dir) == 0, "%s", t_dir);
	setenv("PCHAN_RUN_DIR", t_dir, 1);
	unsetenv("PCHAN_METRICS");
	unsetenv("PCHAN_PIPELINE");
}

static inline void
t_clean(void)
{
	char command[128];

	CHECK(chdir("/") == 0);
	snprintf(command, sizeof(command), "rm -rf %s", t_dir);
	CHECK(system(command) == 0, "%s", command);
}

/* The working directory, which the caller closes. */
static inline int
t_open_dir(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(fd != -1, "%s", t_dir);
	return fd;
}

static inline struct statfile *
t_stage(const char *name, uint32_t shards)
{
	char why[STATFILE_WHY_SIZE];
	bool warn;
	struct statfile *s = statfile_open(
	    &(struct statfile_setup){.tool = "test", .name = name, .shards = shards}, why, &warn);

	CHECK(s != NULL && *why == '\0' && !warn, "%s: %s", name, why);
	return s;
}

static inline struct metrics_shard *
t_shard(struct statfile *s, size_t i)
{
	return metrics_shard(statfile_metrics(s), i);
}

/* How a stage of the tests ends. */
enum t_end_how { T_KILLED, T_ENDED, T_EXITED, T_MARKED };

/*
 * A process of a stage that has received and processed n records, and ends,
 * with this status if it exits.  Returns its number.
 */
static inline pid_t
t_start(const char *name, uint64_t n, enum t_end_how how, int status)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct statfile *s = t_stage(name, 2);

		metrics_add(t_shard(s, 0), METRIC_RECEIVED, n);
		metrics_add(t_shard(s, 1), METRIC_PROCESSED, n);
		if (how == T_EXITED)
			exit(status);
		if (how == T_ENDED)
			statfile_end(s, status);
		if (how == T_MARKED)
			statfile_mark(s, status);
		_exit(0);
	}
	return pid;
}

static inline void
t_wait(pid_t pid)
{
	CHECK(pid > 0 && waitpid(pid, NULL, 0) == pid, "%d", pid);
}

static inline void
t_run(const char *name, uint64_t n, enum t_end_how how, int status)
{
	t_wait(t_start(name, n, how, status));
}

/* How many more descriptors can be opened from now on; -1: any number. */
static inline void
t_spare(int n)
{
	static struct rlimit whole;
	struct rlimit rl;
	int next;

	if (whole.rlim_cur == 0)
		CHECK(getrlimit(RLIMIT_NOFILE, &whole) == 0, "%s", strerror(errno));
	rl = whole;
	if (n >= 0) {
		CHECK((next = dup(0)) != -1, "%s", strerror(errno));
		close(next);
		rl.rlim_cur = (rlim_t)(next + n);
	}
	CHECK(setrlimit(RLIMIT_NOFILE, &rl) == 0, "%s", strerror(errno));
}

/* How many files there are whose names end like this. */
static inline size_t
t_count(const char *ending)
{
	DIR *d = opendir(t_dir);
	const struct dirent *entry;
	size_t n = 0, len = strlen(ending);

	while (d != NULL && (entry = readdir(d)) != NULL)
		n += strlen(entry->d_name) >= len &&
		    strcmp(entry->d_name + strlen(entry->d_name) - len, ending) == 0;
	if (d != NULL)
		closedir(d);
	return n;
}

/* The name of a stat file, the last one found; "" if there is none. */
static inline const char *
t_file(void)
{
	static char name[256];
	DIR *d = opendir(t_dir);
	const struct dirent *entry;

	*name = '\0';
	while (d != NULL && (entry = readdir(d)) != NULL)
		if (strstr(entry->d_name, ".stat") != NULL)
			strlcpy(name, entry->d_name, sizeof(name));
	if (d != NULL)
		closedir(d);
	return name;
}

/* The bytes of a file, malloc'd. */
static inline unsigned char *
t_load(const char *name, size_t *size)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st = {0};
	unsigned char *data;

	CHECK(fd != -1 && fstat(fd, &st) == 0, "%s", name);
	*size = (size_t)st.st_size;
	data = malloc(*size + 1);
	CHECK(data != NULL && read(fd, data, *size) == (ssize_t)*size, "%s", name);
	close(fd);
	return data;
}

static inline void
t_store(const char *name, const void *data, size_t size)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd != -1 && write(fd, data, size) == (ssize_t)size, "%s", name);
	close(fd);
}

/*
 * Stores a stat file like this one, of a stage with another uuid, of which n is
 * a part.
 */
static inline void
t_plant(const unsigned char *like, size_t size, uint64_t n)
{
	struct statfile_header h;
	unsigned char *copy = malloc(size);
	char name[128], *at = name;

	CHECK(copy != NULL, "memory");
	memcpy(copy, like, size);
	memcpy(&h, like, sizeof(h));
	memcpy(h.uuid, &n, sizeof(n));
	memcpy(copy, &h, sizeof(h));
	at += sprintf(at, "%s.%d.", h.tool, h.pid);
	for (size_t i = 0; i < STATFILE_UUID; i++)
		at += sprintf(at, "%02x", h.uuid[i]);
	sprintf(at, ".stat");
	t_store(name, copy, size);
	free(copy);
}

/* A counter of a sum. */
static inline uint64_t
t_get(const struct metrics_shard *sum, enum metric c)
{
	return atomic_load(&sum->counter[c]);
}

/* A counter over all stages, also retired ones, of this name (NULL: any). */
static inline uint64_t
t_total(const struct look *l, const char *name, enum metric c)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->n; i++)
		if (name == NULL || strcmp(l->stage[i].header.name, name) == 0)
			sum += t_get(&l->stage[i].sum, c);
	for (size_t i = 0; i < l->retired.n; i++)
		if (name == NULL || strcmp(l->retired.entry[i].name, name) == 0)
			sum += t_get(&l->retired.entry[i].sum, c);
	return sum;
}

/* How many have ended so, also of those that are not folded. */
static inline uint64_t
t_exits(const struct look *l, const char *name, enum statfile_exit how)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->n; i++)
		if (!l->stage[i].live && look_exit(&l->stage[i]) == how &&
		    strcmp(l->stage[i].header.name, name) == 0)
			sum++;
	for (size_t i = 0; i < l->retired.n; i++)
		if (strcmp(l->retired.entry[i].name, name) == 0)
			sum += l->retired.entry[i].exits[how];
	return sum;
}

static inline void
t_look(struct look *l, bool fold)
{
	CHECK(look_take(l, fold) == 0, "%s", strerror(errno));
}

#endif
