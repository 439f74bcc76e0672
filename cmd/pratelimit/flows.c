#include "flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_NODE UINT32_MAX

static int
compare_keys(const struct flow *a, const struct flow *b)
{
	if (a->key_len != b->key_len)
		return a->key_len < b->key_len ? -1 : 1;
	return memcmp(a->key, b->key, a->key_len);
}

static int
compare_times(const struct flow *a, const struct flow *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return compare_keys(a, b);
}

/* RB_GENERATE_STATIC relies on an __unused that glibc does not define. */
#define GENERATE(name, link, compare) \
	RB_GENERATE_INTERNAL(name, flow, link, compare, __attribute__((unused)) static)

GENERATE(key_tree, by_key, compare_keys)
GENERATE(time_tree, by_time, compare_times)

int
flows_init(struct flows *f, size_t max_flows, size_t max_waiting)
{
	*f = (struct flows){.max = max_flows, .max_waiting = max_waiting, .free = NO_NODE};
	RB_INIT(&f->keys);
	RB_INIT(&f->times);
	f->nodes = calloc(max_waiting, sizeof(*f->nodes));
	return f->nodes != NULL ? 0 : -1;
}

void
flows_free(struct flows *f)
{
	struct flow *flow;

	while ((flow = RB_MIN(time_tree, &f->times)) != NULL) {
		while (flow->n > 0) {
			struct record r = flows_pop(f, flow);

			record_free(&r);
		}
		flows_forget(f, flow);
	}
	free(f->nodes);
}

static struct flow *
new_flow(const char *key, size_t len)
{
	struct flow *flow = calloc(1, sizeof(*flow) + len);

	if (flow == NULL)
		return NULL;
	flow->key = memcpy(flow + 1, key, len);
	flow->key_len = len;
	flow->at = CLOCK_NEVER;
	return flow;
}

struct flow *
flows_get(struct flows *f, const char *key, size_t len)
{
	struct flow probe = {.key = key, .key_len = len};
	struct flow *flow = RB_FIND(key_tree, &f->keys, &probe);

	if (flow != NULL)
		return flow;
	if (f->n == f->max) {
		errno = ENOSPC;
		return NULL;
	}
	if ((flow = new_flow(key, len)) == NULL)
		return NULL;
	flow->bucket.full = f->forgotten;
	RB_INSERT(key_tree, &f->keys, flow);
	RB_INSERT(time_tree, &f->times, flow);
	f->n++;
	return flow;
}

struct flow *
flows_first(struct flows *f)
{
	return RB_MIN(time_tree, &f->times);
}

struct flow *
flows_next(struct flows *f, struct flow *flow)
{
	return flow == NULL ? RB_MIN(key_tree, &f->keys) : RB_NEXT(key_tree, &f->keys, flow);
}

void
flows_move(struct flows *f, struct flow *flow, int64_t at)
{
	if (flow->at == at)
		return;
	RB_REMOVE(time_tree, &f->times, flow);
	flow->at = at;
	RB_INSERT(time_tree, &f->times, flow);
}

void
flows_forget(struct flows *f, struct flow *flow)
{
	if (flow->bucket.full > f->forgotten)
		f->forgotten = flow->bucket.full;
	RB_REMOVE(time_tree, &f->times, flow);
	RB_REMOVE(key_tree, &f->keys, flow);
	free(flow);
	f->n--;
}

/*
 * Takes a free node, else the first one that was never used: while no used one
 * is free, as many are used as records wait.
 */
static uint32_t
take_node(struct flows *f)
{
	uint32_t node = f->free;

	if (node == NO_NODE)
		return (uint32_t)f->waiting;
	f->free = f->nodes[node].next;
	return node;
}

bool
flows_push(struct flows *f, struct flow *flow, const struct record *r)
{
	uint32_t node;

	if (f->waiting == f->max_waiting)
		return false;
	node = take_node(f);
	f->nodes[node].record = *r;
	if (flow->n == 0)
		flow->first = node;
	else
		f->nodes[flow->last].next = node;
	flow->last = node;
	flow->n++;
	f->waiting++;
	return true;
}

struct record
flows_pop(struct flows *f, struct flow *flow)
{
	uint32_t node = flow->first;

	flow->first = f->nodes[node].next;
	flow->n--;
	f->waiting--;
	f->nodes[node].next = f->free;
	f->free = node;
	return f->nodes[node].record;
}

const struct record *
flows_head(const struct flows *f, const struct flow *flow)
{
	return &f->nodes[flow->first].record;
}
