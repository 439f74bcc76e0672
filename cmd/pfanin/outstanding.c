#include "outstanding.h"

#include "record/mark.h"

static struct ack *
mark_of(struct outstanding *a, uint64_t n)
{
	return &a->mark[n % (OUTSTANDING_MOST + 1)];
}

void
outstanding_init(struct outstanding *a)
{
	*a = (struct outstanding){.first = 1, .next = 1};
}

uint64_t
outstanding_push(struct outstanding *a, uint64_t records, void *token)
{
	*mark_of(a, a->next) = (struct ack){.records = records, .token = token};
	return a->next++;
}

enum outstanding_verdict
outstanding_take(struct outstanding *a, uint64_t n, uint64_t weight)
{
	struct ack *mark = mark_of(a, n);

	/* The whole of a mark that is not outstanding has come back before. */
	if (n < a->first || n >= a->next || weight > MARK_WHOLE - mark->weight)
		return OUTSTANDING_TOO_MUCH;
	mark->weight += weight;
	return mark->weight == MARK_WHOLE ? OUTSTANDING_DONE : OUTSTANDING_WAITS;
}

bool
outstanding_pop(struct outstanding *a, uint64_t *records, void **token)
{
	const struct ack *mark = mark_of(a, a->first);

	if (outstanding_count(a) == 0 || mark->weight < MARK_WHOLE)
		return false;
	*records = mark->records;
	return outstanding_drop(a, token);
}

bool
outstanding_drop(struct outstanding *a, void **token)
{
	if (outstanding_count(a) == 0)
		return false;
	*token = mark_of(a, a->first++)->token;
	return true;
}
