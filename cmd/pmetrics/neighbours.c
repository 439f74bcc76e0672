#include "neighbours.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"

#define STEPS 4 /* from program to program */

/* A pipe that a process has open. */
struct hold {
	pid_t pid, parent;
	int fd;
	uint64_t dev, ino;
	bool writes;
};

/* An end whose holder is wanted, so many programs away from a stage. */
struct want {
	uint64_t dev, ino;
	bool writes;
	int step;
};

struct search {
	size_t n_own;
	const struct pipe_end *own; /* of the stages */
	size_t n_pids;
	const pid_t *pid;
	size_t n_holds, holds_size;
	struct hold *hold; /* of all other processes */
	size_t n_wants, wants_size;
	struct want *want;
	size_t programs_size, ends_size;
	struct neighbours *found;
};

/* Room for one more element.  NULL with errno ENOMEM. */
static void *
grow(void *array, size_t n, size_t *room, size_t size)
{
	void *more;

	if (n < *room)
		return array;
	if ((more = reallocarray(array, *room * 2 + 16, size)) != NULL)
		*room = *room * 2 + 16;
	return more;
}

static int
add_hold(struct search *s, const struct hold *h)
{
	struct hold *more = grow(s->hold, s->n_holds, &s->holds_size, sizeof(*more));

	if (more == NULL)
		return -1;
	s->hold = more;
	s->hold[s->n_holds++] = *h;
	return 0;
}

/* Notes what the descriptor is, if it is a pipe.  Its link's mode has the
 * direction. */
static int
scan_fd(struct search *s, int dir, const char *name, struct hold *h)
{
	struct stat st, link;

	if (name[0] == '.' || fstatat(dir, name, &st, 0) == -1 || !S_ISFIFO(st.st_mode) ||
	    fstatat(dir, name, &link, AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	h->fd = atoi(name);
	h->dev = st.st_dev;
	h->ino = st.st_ino;
	for (int writes = 0; writes < 2; writes++) {
		h->writes = writes;
		if ((link.st_mode & (writes ? S_IWUSR : S_IRUSR)) != 0 && add_hold(s, h) == -1)
			return -1;
	}
	return 0;
}

static int
scan_process(struct search *s, pid_t pid)
{
	struct hold h = {.pid = pid};
	size_t first = s->n_holds;
	struct process_stat stat;
	struct dirent *e;
	char path[64];
	int result = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	if ((dir = opendir(path)) == NULL)
		return errno == ENOMEM ? -1 : 0;
	while (result == 0 && (e = readdir(dir)) != NULL)
		result = scan_fd(s, dirfd(dir), e->d_name, &h);
	closedir(dir);
	if (s->n_holds > first && process_stat(pid, &stat))
		for (size_t i = first; i < s->n_holds; i++)
			s->hold[i].parent = stat.parent;
	return result;
}

static bool
is_stage(const struct search *s, pid_t pid)
{
	for (size_t i = 0; i < s->n_pids; i++)
		if (s->pid[i] == pid)
			return true;
	return pid == getpid();
}

static int
scan(struct search *s)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int result = 0;

	if (dir == NULL)
		return errno == ENOMEM ? -1 : 0;
	while (result == 0 && (e = readdir(dir)) != NULL) {
		pid_t pid = atoi(e->d_name);

		if (pid > 0 && !is_stage(s, pid))
			result = scan_process(s, pid);
	}
	closedir(dir);
	return result;
}

static bool
has_end(const struct hold *h, const struct want *w)
{
	return h->ino == w->ino && h->dev == w->dev && h->writes == w->writes;
}

/* The first hold of the process on this end, or NULL. */
static const struct hold *
hold_of(const struct search *s, pid_t pid, const struct want *w)
{
	for (size_t i = 0; i < s->n_holds; i++)
		if (s->hold[i].pid == pid && has_end(&s->hold[i], w))
			return &s->hold[i];
	return NULL;
}

static bool
is_ancestor(const struct search *s, pid_t pid, const struct hold *of)
{
	pid_t parent = of->parent;

	for (int depth = 0; depth < 64 && parent > 1; depth++) {
		struct process_stat stat;
		size_t i = 0;

		if (parent == pid)
			return true;
		while (i < s->n_holds && s->hold[i].pid != parent)
			i++;
		if (i < s->n_holds)
			parent = s->hold[i].parent;
		else if (process_stat(parent, &stat))
			parent = stat.parent;
		else
			return false;
	}
	return false;
}

static bool
is_ancestor_of_any(const struct search *s, pid_t pid, const struct want *w)
{
	for (size_t i = 0; i < s->n_holds; i++)
		if (has_end(&s->hold[i], w) && is_ancestor(s, pid, &s->hold[i]))
			return true;
	return false;
}

/* Who has this end; or NULL. */
static const struct hold *
find_holder(const struct search *s, const struct want *w)
{
	const struct hold *second = NULL;

	for (size_t i = 0; i < s->n_holds; i++) {
		const struct hold *h = &s->hold[i];

		if (!has_end(h, w))
			continue;
		if (h->fd == w->writes && hold_of(s, h->parent, w) == NULL)
			return h;
		if (second == NULL && !is_ancestor_of_any(s, h->pid, w))
			second = h;
	}
	return second;
}

/*
 * Whether nobody else has this end but those whom the program started: what it
 * has inherited itself leads elsewhere.
 */
static bool
is_its_own(const struct search *s, const struct hold *h)
{
	const struct want w = {.dev = h->dev, .ino = h->ino, .writes = h->writes};

	for (size_t i = 0; i < s->n_holds; i++)
		if (has_end(&s->hold[i], &w) && s->hold[i].pid != h->pid &&
		    !is_ancestor(s, h->pid, &s->hold[i]))
			return false;
	return true;
}

/* Wants the end that this one lacks, unless a stage has it. */
static int
want_other(struct search *s, uint64_t dev, uint64_t ino, bool writes, int step)
{
	struct want *more;

	if (step > STEPS)
		return 0;
	for (size_t i = 0; i < s->n_own; i++)
		if (s->own[i].ino == ino && s->own[i].dev == dev && s->own[i].writes == !writes)
			return 0;
	for (size_t i = 0; i < s->n_wants; i++)
		if (s->want[i].ino == ino && s->want[i].dev == dev && s->want[i].writes == !writes)
			return 0;
	if ((more = grow(s->want, s->n_wants, &s->wants_size, sizeof(*more))) == NULL)
		return -1;
	s->want = more;
	s->want[s->n_wants++] =
	    (struct want){.dev = dev, .ino = ino, .writes = !writes, .step = step};
	return 0;
}

static int
add_end(struct search *s, const struct hold *h, size_t who)
{
	struct neighbours *f = s->found;
	struct pipe_end *more;

	for (size_t i = 0; i < f->n_ends; i++)
		if (f->end[i].who == who && f->end[i].ino == h->ino && f->end[i].dev == h->dev &&
		    f->end[i].writes == h->writes)
			return 0;
	if ((more = grow(f->end, f->n_ends, &s->ends_size, sizeof(*more))) == NULL)
		return -1;
	f->end = more;
	f->end[f->n_ends++] =
	    (struct pipe_end){.dev = h->dev, .ino = h->ino, .writes = h->writes, .who = who};
	return 0;
}

/* The program's own pipes lead on. */
static int
follow(struct search *s, pid_t pid, size_t who, int step)
{
	for (size_t i = 0; i < s->n_holds; i++) {
		const struct hold *h = &s->hold[i];

		if (h->pid != pid || h->fd == STDERR_FILENO || !is_its_own(s, h) ||
		    (h->fd < STDERR_FILENO && h->fd != h->writes))
			continue;
		if (add_end(s, h, who) == -1 ||
		    want_other(s, h->dev, h->ino, h->writes, step + 1) == -1)
			return -1;
	}
	return 0;
}

static int
add_program(struct search *s, const struct hold *h, int step)
{
	struct neighbours *f = s->found;
	struct neighbour *more;
	size_t who = 0;

	while (who < f->n && f->program[who].pid != h->pid)
		who++;
	if (who == f->n) {
		if ((more = grow(f->program, f->n, &s->programs_size, sizeof(*more))) == NULL)
			return -1;
		f->program = more;
		f->program[f->n].pid = h->pid;
		process_name(h->pid, f->program[f->n].name, sizeof(f->program[f->n].name));
		f->n++;
		if (follow(s, h->pid, who, step) == -1)
			return -1;
	}
	return add_end(s, h, who);
}

int
neighbours_find(struct neighbours *f, size_t n_ends, const struct pipe_end *end, size_t n_pids,
    const pid_t *pid)
{
	struct search s = {.n_own = n_ends, .own = end, .n_pids = n_pids, .pid = pid, .found = f};
	int result = 0;

	*f = (struct neighbours){0};
	for (size_t i = 0; i < n_ends && result == 0; i++)
		result = want_other(&s, end[i].dev, end[i].ino, end[i].writes, 0);
	if (result == 0 && s.n_wants > 0)
		result = scan(&s);
	for (size_t i = 0; i < s.n_wants && result == 0; i++) {
		const struct want w = s.want[i];
		const struct hold *h = find_holder(&s, &w);

		if (h != NULL)
			result = add_program(&s, h, w.step);
	}
	free(s.hold);
	free(s.want);
	if (result == -1) {
		neighbours_free(f);
		errno = ENOMEM;
	}
	return result;
}

void
neighbours_free(struct neighbours *f)
{
	free(f->program);
	free(f->end);
	*f = (struct neighbours){0};
}
