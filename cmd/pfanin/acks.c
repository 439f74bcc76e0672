#include "acks.h"

#include "record/mark.h"

static struct ack *
mark_of(struct acks *a, uint64_t n)
{
	return &a->mark[n % (ACKS_MOST + 1)];
}

void
acks_init(struct acks *a)
{
	*a = (struct acks){.first = 1, .next = 1};
}

uint64_t
acks_push(struct acks *a, uint64_t records, void *token)
{
	*mark_of(a, a->next) = (struct ack){.records = records, .token = token};
	return a->next++;
}

enum acks_verdict
acks_take(struct acks *a, uint64_t n, uint64_t weight)
{
	struct ack *mark = mark_of(a, n);

	/* The whole of a mark that is not outstanding has come back before. */
	if (n < a->first || n >= a->next || weight > MARK_WHOLE - mark->weight)
		return ACKS_TOO_MUCH;
	mark->weight += weight;
	return mark->weight == MARK_WHOLE ? ACKS_DONE : ACKS_WAITS;
}

bool
acks_pop(struct acks *a, uint64_t *records, void **token)
{
	const struct ack *mark = mark_of(a, a->first);

	if (acks_outstanding(a) == 0 || mark->weight < MARK_WHOLE)
		return false;
	*records = mark->records;
	return acks_drop(a, token);
}

bool
acks_drop(struct acks *a, void **token)
{
	if (acks_outstanding(a) == 0)
		return false;
	*token = mark_of(a, a->first++)->token;
	return true;
}
