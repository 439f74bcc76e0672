#include "programs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "process.h"

#define SEARCH_EVERY (5 * CLOCK_S)
#define SEARCH_SOON CLOCK_S
#define SEARCHES_OF_NEWS 2

/* Forgets a program, and what it holds. */
static void
forget(struct programs *p, size_t who)
{
	struct neighbours *f = &p->found;
	size_t n = 0;

	for (size_t i = 0; i < f->n_ends; i++) {
		if (f->end[i].who == who)
			continue;
		f->end[n] = f->end[i];
		f->end[n++].who -= f->end[i].who > who;
	}
	f->n_ends = n;
	f->n--;
	memmove(&f->program[who], &f->program[who + 1], (f->n - who) * sizeof(*f->program));
	memmove(&p->use[who], &p->use[who + 1], (f->n - who) * sizeof(*p->use));
}

void
programs_news(struct programs *p)
{
	p->news = SEARCHES_OF_NEWS;
}

void
programs_sample(struct programs *p, int64_t now, int64_t window)
{
	for (size_t i = p->found.n; i-- > 0;) {
		struct process_stat stat;

		if (!process_stat(p->found.program[i].pid, &stat) ||
		    stat.begun != p->use[i].begun || strcmp(stat.command, p->use[i].command) != 0) {
			forget(p, i);
			programs_news(p);
		} else
			trend_sample(&p->use[i].cpu, stat.cpu, now, window);
	}
}

bool
programs_may_search(const struct programs *p, bool lacking, int64_t now)
{
	int64_t ago = now - p->searched;

	return p->news > 0 ? p->searched == 0 || ago >= SEARCH_SOON
			   : lacking && ago >= SEARCH_EVERY;
}

/* What was known of a process before; or nothing yet. */
static struct program_use
use_before(const struct programs *p, pid_t pid)
{
	struct program_use use = {0};
	struct process_stat stat;

	for (size_t i = 0; i < p->found.n; i++)
		if (p->found.program[i].pid == pid)
			return p->use[i];
	if (process_stat(pid, &stat)) {
		use.begun = stat.begun;
		memcpy(use.command, stat.command, sizeof(use.command));
	}
	return use;
}

int
programs_search(struct programs *p, size_t n_ends, const struct pipe_end *end, size_t n_pids,
    const pid_t *pid, int64_t now, int64_t window)
{
	struct programs fresh = {.searched = now, .news = p->news > 0 ? p->news - 1 : 0};

	if (neighbours_find(&fresh.found, n_ends, end, n_pids, pid) == -1)
		return -1;
	if ((fresh.use = calloc(fresh.found.n + 1, sizeof(*fresh.use))) == NULL) {
		neighbours_free(&fresh.found);
		return -1;
	}
	for (size_t i = 0; i < fresh.found.n; i++)
		fresh.use[i] = use_before(p, fresh.found.program[i].pid);
	programs_free(p);
	*p = fresh;
	programs_sample(p, now, window);
	return 0;
}

void
programs_free(struct programs *p)
{
	neighbours_free(&p->found);
	free(p->use);
	*p = (struct programs){0};
}
