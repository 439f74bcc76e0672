#include "whereabouts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steps.h"

/* A span that counts. */
struct stay {
	const struct spanview *span;
	size_t above; /* the one around it, or LINEAGE_NONE */
	size_t kin;
	int64_t own; /* ns in none of those below it */
};

static int
compare_families(const void *a, const void *b)
{
	const struct stay *x = a, *y = b;

	if (x->above != y->above)
		return x->above < y->above ? -1 : 1;
	if (x->span->begun != y->span->begun)
		return x->span->begun < y->span->begun ? -1 : 1;
	return x->kin < y->kin ? -1 : x->kin > y->kin;
}

/* By stage; of a stage, the longest first. */
static int
compare_stages(const void *a, const void *b)
{
	const struct stay *x = a, *y = b;
	const int order = strcmp(x->span->stage, y->span->stage);

	if (order != 0)
		return order;
	if (x->own != y->own)
		return x->own > y->own ? -1 : 1;
	return x->kin < y->kin ? -1 : x->kin > y->kin;
}

/* How much of begun..ended those n, by their begins, cover. */
static int64_t
covered(const struct stay *stay, size_t n, int64_t begun, int64_t ended)
{
	int64_t sum = 0, to = begun;

	for (size_t i = 0; i < n; i++) {
		int64_t from = stay[i].span->begun > to ? stay[i].span->begun : to;
		int64_t until = stay[i].span->ended < ended ? stay[i].span->ended : ended;

		if (until > from) {
			sum += until - from;
			to = until;
		}
	}
	return sum;
}

/* The spans that count, those with the same one around them side by side. */
static size_t
collect(const struct kin *kin, size_t n, struct stay *stay)
{
	bool has_stages = false;
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		has_stages = has_stages || kin[i].span->kind != SPANVIEW_FOREIGN;
	for (size_t i = 0; i < n; i++)
		if (!has_stages || kin[i].span->kind != SPANVIEW_FOREIGN)
			stay[m++] = (struct stay){.span = kin[i].span,
			    .above = has_stages ? kin[i].stage : kin[i].parent,
			    .kin = i};
	qsort(stay, m, sizeof(*stay), compare_families);
	return m;
}

/* Takes from each span's time what it shares with those below it. */
static void
take_shares(struct stay *stay, size_t m, const struct kin *kin, size_t n, int64_t *below)
{
	size_t next;

	memset(below, 0, n * sizeof(*below));
	for (size_t i = 0; i < m; i = next) {
		const size_t above = stay[i].above;

		for (next = i + 1; next < m && stay[next].above == above;)
			next++;
		if (above != LINEAGE_NONE)
			below[above] = covered(
			    stay + i, next - i, kin[above].span->begun, kin[above].span->ended);
	}
	for (size_t i = 0; i < m; i++)
		stay[i].own = stay[i].span->ended - stay[i].span->begun - below[stay[i].kin];
}

/* The kind of step that took longest; *is_most: all but a tenth. */
static enum step_kind
longest(const struct step *step, size_t n, bool *is_most)
{
	int64_t sum[STEP_SPAN + 1] = {0}, all = 0;
	enum step_kind most = STEP_QUEUE;

	for (size_t i = 0; i < n; i++) {
		sum[step[i].kind] += step[i].ended - step[i].begun;
		all += step[i].ended - step[i].begun;
	}
	for (enum step_kind k = STEP_QUEUE; k <= STEP_SPAN; k++)
		most = sum[k] > sum[most] ? k : most;
	*is_most = sum[most] >= all - all / 10;
	return most;
}

/* What it did there, of so much time that the stage had: "2 attempts". */
static int
describe(const struct stay *stay, int64_t all, char *text, size_t size)
{
	const struct spanview *v = stay->span;
	const uint64_t attempts = spanview_number(v->json, "pchan.attempts");
	struct step *step;
	ssize_t n = steps_of(v, &step);
	enum step_kind most;
	bool is_most;

	if (n == -1)
		return -1;
	most = longest(step, (size_t)n, &is_most);
	free(step);
	if (v->kind != SPANVIEW_RECORD)
		snprintf(text, size, "%s%.60s", stay->own >= all - all / 10 ? "" : "mostly ",
		    v->kind == SPANVIEW_RUN ? "run" : v->name);
	else if (attempts > 0 &&
	    (most == STEP_ATTEMPT || most == STEP_BACKOFF || most == STEP_LOST))
		snprintf(text, size, "%" PRIu64 " attempt%s", attempts, attempts == 1 ? "" : "s");
	else
		snprintf(text, size, "%s%s", is_most ? "" : "mostly ", steps_name(most));
	return 0;
}

/* The stage with most time: its spans are stay[*first] and the next ones. */
static int64_t
find_most(const struct stay *stay, size_t m, size_t *first)
{
	int64_t most = -1, sum = 0;

	*first = 0;
	for (size_t i = 0, begin = 0; i < m; i++) {
		if (i > 0 && strcmp(stay[i].span->stage, stay[begin].span->stage) != 0) {
			begin = i;
			sum = 0;
		}
		sum += stay[i].own;
		if (sum > most) {
			most = sum;
			*first = begin;
		}
	}
	return most;
}

static unsigned
percent(int64_t part, int64_t whole)
{
	return part >= whole ? 100 : (unsigned)((double)part / (double)whole * 100 + 0.5);
}

static int
say(struct stay *stay, size_t m, int64_t whole, int64_t inside, char text[WHEREABOUTS_SIZE])
{
	char what[80];
	size_t first;
	int64_t most;

	qsort(stay, m, sizeof(*stay), compare_stages);
	most = find_most(stay, m, &first);
	if (whole - inside > most) {
		snprintf(text, WHEREABOUTS_SIZE, "%u %% between the spans",
		    percent(whole - inside, whole));
		return 0;
	}
	if (describe(&stay[first], most, what, sizeof(what)) == -1)
		return -1;
	snprintf(text, WHEREABOUTS_SIZE, "%u %% in %.100s (%s)", percent(most, whole),
	    *stay[first].span->stage != '\0' ? stay[first].span->stage : "?", what);
	return 0;
}

static int
compare_begins(const void *a, const void *b)
{
	const struct stay *x = a, *y = b;

	return x->span->begun < y->span->begun ? -1 : x->span->begun > y->span->begun;
}

int
whereabouts_of(const struct kin *kin, size_t n, char text[WHEREABOUTS_SIZE])
{
	struct stay *stay = calloc(n + 1, sizeof(*stay)), *all = calloc(n + 1, sizeof(*all));
	int64_t *below = calloc(n + 1, sizeof(*below));
	int64_t begun = INT64_MAX, ended = 0;
	int result = -1;
	size_t m;

	for (size_t i = 0; all != NULL && i < n; i++) {
		all[i].span = kin[i].span;
		begun = kin[i].span->begun < begun ? kin[i].span->begun : begun;
		ended = kin[i].span->ended > ended ? kin[i].span->ended : ended;
	}
	if (stay != NULL && all != NULL && below != NULL) {
		qsort(all, n, sizeof(*all), compare_begins);
		m = collect(kin, n, stay);
		take_shares(stay, m, kin, n, below);
		result = say(stay, m, ended - begun, covered(all, n, begun, ended), text);
	}
	free(below);
	free(all);
	free(stay);
	return result;
}
