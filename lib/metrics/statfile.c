#include "metrics/statfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "base/version.h"
#include "metrics/fold.h"
#include "metrics/rundir.h"
#include "metrics/statview.h"

/* A directory with more stat files is cleared of dead ones. */
#define FILES_MOST 64

struct statfile {
	struct statfile_header *header;
	struct metrics metrics;
	struct metrics_links *links;
	struct metrics_engines *engines; /* NULL: there are none */
	struct metrics_exemplars *exemplars;
	size_t size;
	int fd, dir; /* -1: the numbers are in anonymous memory */
	char name[STATVIEW_NAME_SIZE];
	bool ended;
};

/* The file of this process, for end_by_exit(). */
static struct statfile *current;

/* Where what is in the file has its place. */
static void
lay_out(struct statfile_header *h, uint32_t shards, bool engines)
{
	h->header_size = sizeof(*h);
	h->links_size = sizeof(struct metrics_links);
	h->shard_size = sizeof(struct metrics_shard);
	h->shards = shards;
	h->links_at = statfile_align(sizeof(*h));
	h->shards_at =
	    statfile_engines_at(h) + (engines ? (uint32_t)sizeof(struct metrics_engines) : 0);
	h->exemplars_at = h->shards_at + shards * (uint32_t)sizeof(struct metrics_shard);
	h->size = h->exemplars_at + sizeof(struct metrics_exemplars);
}

/* Copies a text, cut behind a whole character. */
static void
copy_text(char *to, size_t size, const char *text)
{
	size_t len = strlen(text);

	len = len < size ? len : utf8_head(text, len, size - 1);
	memcpy(to, text, len);
	to[len] = '\0';
}

/* The query of HTTP may have a key: nobody is shown what is behind its `?'. */
static int
shown_length(const char *argument)
{
	const char *url = strstr(argument, "http://"), *query;

	if (url == NULL)
		url = strstr(argument, "https://");
	query = url != NULL ? strchr(url, '?') : NULL;
	return (int)(query != NULL ? (size_t)(query + 1 - argument) : strlen(argument));
}

static void
join_arguments(char *to, size_t size, char **argv)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return;
	for (size_t i = 0; argv != NULL && argv[i] != NULL && ftell(f) < (long)size; i++)
		fprintf(f, "%s%.*s", i > 0 ? " " : "", shown_length(argv[i]), argv[i]);
	if (fclose(f) == 0)
		copy_text(to, size, text);
	free(text);
}

/* Fills in the header, but for the generations that make it complete. */
static void
describe(struct statfile_header *h, const struct statfile_setup *setup)
{
	const char *pipeline = getenv("PCHAN_PIPELINE");
	struct statview_now now;

	statview_clocks(&now);
	memcpy(h->magic, STATFILE_MAGIC, sizeof(h->magic));
	h->version = STATFILE_VERSION;
	h->order = STATFILE_ORDER;
	arc4random_buf(h->uuid, sizeof(h->uuid));
	memcpy(h->boot_id, now.boot_id, sizeof(h->boot_id));
	h->pid = getpid();
	h->pgid = getpgrp();
	h->sid = getsid(0);
	h->mode = setup->mode;
	h->workers = setup->workers;
	h->capacity = setup->capacity;
	h->begun_us = now.calendar;
	h->begun_ns = now.monotonic;
	atomic_store(&h->alive_ns, now.monotonic);
	atomic_store(&h->state, STATFILE_RUNNING);
	copy_text(h->tool, sizeof(h->tool), setup->tool);
	copy_text(h->tool_version, sizeof(h->tool_version), PCHAN_VERSION);
	copy_text(h->name, sizeof(h->name), setup->name);
	copy_text(h->pipeline, sizeof(h->pipeline), pipeline != NULL ? pipeline : "");
	join_arguments(h->argv, sizeof(h->argv), setup->argv);
}

/* Points to what is in the memory or the file. */
static void
take_over(struct statfile *s, const struct statfile_header *head, void *map)
{
	unsigned char *at = map;

	s->header = map;
	memcpy(s->header, head, sizeof(*head));
	s->links = (struct metrics_links *)(at + head->links_at);
	if (head->shards_at > statfile_engines_at(head)) {
		s->engines = (struct metrics_engines *)(at + statfile_engines_at(head));
		said_set_up(s->engines);
	}
	s->metrics = (struct metrics){
	    .n = head->shards, .shard = (struct metrics_shard *)(at + head->shards_at)};
	s->exemplars = (struct metrics_exemplars *)(at + head->exemplars_at);
	s->size = head->size;
}

static void
name_file(struct statfile *s, const struct statfile_header *h)
{
	static const char digits[] = "0123456789abcdef";
	char id[2 * STATFILE_UUID + 1] = "";

	for (size_t i = 0; i < STATFILE_UUID; i++) {
		id[2 * i] = digits[h->uuid[i] >> 4];
		id[2 * i + 1] = digits[h->uuid[i] & 15];
	}
	snprintf(s->name, sizeof(s->name), "%s.%d.%s.stat", h->tool, h->pid, id);
}

/*
 * Takes the lock that says we are alive, the mode, whatever the umask, and all
 * the space.  0, or errno.
 */
static int
prepare_file(int fd, uint64_t size)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int error;

	if (fcntl(fd, F_OFD_SETLK, &lock) == -1 || fchmod(fd, 01600) == -1)
		return errno;
	do {
		error = posix_fallocate(fd, 0, (off_t)size);
	} while (error == EINTR);
	return error;
}

/*
 * Creates the file in the directory.  It gets its name when all is in it.  0,
 * or errno.
 */
static int
create_file(struct statfile *s, int dir, const struct statfile_header *head)
{
	char unfinished[STATVIEW_NAME_SIZE + 8];
	void *map = MAP_FAILED;
	int fd, error;

	name_file(s, head);
	snprintf(unfinished, sizeof(unfinished), ".%s.new", s->name);
	fd = openat(dir, unfinished, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 01600);
	if (fd == -1)
		return errno;
	if ((error = prepare_file(fd, head->size)) != 0)
		goto err;
	map = mmap(NULL, head->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED) {
		error = errno;
		goto err;
	}
	take_over(s, head, map);
	s->header->gen1 = s->header->gen2 = 1;
	if (renameat(dir, unfinished, dir, s->name) == 0) {
		s->fd = fd;
		s->dir = dir;
		return 0;
	}
	error = errno;
	munmap(map, head->size);
err:
	unlinkat(dir, unfinished, 0);
	close(fd);
	return error;
}

/* Folds dead files if there are many. */
static void
clear_directory(int dir)
{
	int fd = rundir_may_have(dir, FILES_MOST)
	    ? openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
	    : -1;
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	unsigned n = 0;

	if (d == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	while (n <= FILES_MOST && (entry = readdir(d)) != NULL)
		n += strstr(entry->d_name, ".stat") != NULL;
	closedir(d);
	if (n > FILES_MOST)
		(void)fold_dead(dir, NULL, false);
}

/* Creates the file in the first directory that takes it.  -1, and why. */
static int
find_directory(struct statfile *s, const struct rundir_list *list,
    const struct statfile_header *head, char why[STATFILE_WHY_SIZE])
{
	char text[RUNDIR_WHY_SIZE];
	int dir, error;

	snprintf(why, STATFILE_WHY_SIZE, "no metrics: there is no directory for them");
	for (size_t i = 0; i < list->n; i++) {
		if ((dir = rundir_open(list->path[i], true, !list->named, text)) == -1) {
			snprintf(
			    why, STATFILE_WHY_SIZE, "no metrics: %.*s", RUNDIR_WHY_SIZE - 32, text);
			continue;
		}
		if ((error = create_file(s, dir, head)) == 0) {
			clear_directory(dir);
			return 0;
		}
		close(dir);
		snprintf(why, STATFILE_WHY_SIZE, "no metrics: %.160s: %.64s", list->path[i],
		    strerror(error));
	}
	return -1;
}

/* Keeps the numbers in memory.  -1 with errno. */
static int
use_memory(struct statfile *s, const struct statfile_header *head)
{
	void *map =
	    mmap(NULL, head->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -1;
	take_over(s, head, map);
	return 0;
}

/* exit(3) before statfile_end(). */
static void
end_by_exit(int status, void *arg)
{
	(void)arg;
	/* In a child that was forked the file is the parent's. */
	if (current == NULL || current->header->pid != getpid())
		return;
	statfile_end(current, status == 0 ? EXIT_OK : status == 1 ? EXIT_RECORDS : EXIT_ERROR);
}

static void
watch_exit(struct statfile *s)
{
	static bool watched;

	current = s;
	if (!watched)
		watched = on_exit(end_by_exit, NULL) == 0;
}

struct statfile *
statfile_open(const struct statfile_setup *setup, char why[STATFILE_WHY_SIZE], bool *warn)
{
	struct statfile *s = calloc(1, sizeof(*s));
	struct statfile_header head = {0};
	struct rundir_list list;
	bool off;

	*why = '\0';
	*warn = false;
	if (s == NULL || rundir_list(&list) == -1)
		goto err;
	s->fd = s->dir = -1;
	lay_out(&head, setup->shards, setup->engines);
	describe(&head, setup);
	off = list.off || find_directory(s, &list, &head, why) == -1;
	*warn = off && list.named && !list.off;
	if (list.off)
		snprintf(why, STATFILE_WHY_SIZE, "no metrics: $PCHAN_METRICS is off");
	else if (!off)
		*why = '\0';
	rundir_list_free(&list);
	if (off && use_memory(s, &head) == -1)
		goto err;
	watch_exit(s);
	return s;
err:
	free(s);
	errno = ENOMEM;
	return NULL;
}

struct metrics *
statfile_metrics(struct statfile *s)
{
	return &s->metrics;
}

struct metrics_links *
statfile_links(struct statfile *s)
{
	return s->links;
}

struct metrics_exemplars *
statfile_exemplars(struct statfile *s)
{
	return s->exemplars;
}

struct metrics_engines *
statfile_engines(struct statfile *s)
{
	return s->engines;
}

int
statfile_directory(const struct statfile *s)
{
	return s->dir;
}

struct statfile_header *
statfile_header(struct statfile *s)
{
	return s->header;
}

void
statfile_show_rate(struct statfile *s, const struct rate *r, bool by_bytes)
{
	double per_second = (double)r->amount * (double)CLOCK_S / (double)r->per;
	uint64_t bits;

	memcpy(&bits, &per_second, sizeof(bits));
	atomic_store_explicit(&s->header->by_bytes, by_bytes, memory_order_relaxed);
	atomic_store_explicit(&s->header->rate, bits, memory_order_release);
}

void
statfile_mark(struct statfile *s, enum statfile_exit how)
{
	struct statfile_header *h;
	int64_t now = clock_now(), seen;

	if (s == NULL)
		return;
	h = s->header;
	seen = atomic_load(&h->alive_ns);
	while (seen < now && !atomic_compare_exchange_weak(&h->alive_ns, &seen, now))
		continue;
	atomic_store(&h->how, how);
	atomic_store(&h->state, STATFILE_EXITED);
}

void
statfile_end(struct statfile *s, enum statfile_exit how)
{
	if (s == NULL || s->ended)
		return;
	s->ended = true;
	statfile_mark(s, how);
	if (s->dir != -1)
		(void)fold_dead(s->dir,
		    &(struct fold_own){
			.name = s->name, .header = s->header, .metrics = &s->metrics},
		    false);
}

void
statfile_free(struct statfile *s)
{
	if (s == NULL)
		return;
	if (current == s)
		current = NULL;
	if (s->dir != -1) {
		if (!s->ended)
			unlinkat(s->dir, s->name, 0);
		close(s->dir);
	}
	munmap(s->header, s->size);
	if (s->fd != -1)
		close(s->fd);
	free(s);
}
