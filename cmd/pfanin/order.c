#include "order.h"

#include <stdlib.h>

#include "base/clock.h"
#include "record/record.h"
#include "pfanin.h"
#include "stage/inputs.h"
#include "stage/feed.h"

/*
 * Reads from this input, which is the only one that is armed, once it is ready.
 * What came before goes out first, as this may take long.
 */
static void
read_one(struct feed *f, struct input *in)
{
	struct stage *st = feed_stage(f);

	feed_send(f);
	inputs_arm(st->inputs, in);
	if (feed_next(f, st->root, CLOCK_NEVER) == in)
		feed_read(f, in);
	else
		feed_stop(f, in);
}

/*
 * The input's turn: one record of its own, and the letters before it.  False:
 * it has no more.
 */
static bool
take_turn(struct feed *f, struct input *in)
{
	struct record r;

	for (;;) {
		while (feed_take(f, in, &r)) {
			feed_put(f, in, &r);
			if (r.kind == RECORD_DATA)
				return true;
		}
		if (in->ended)
			return false;
		read_one(f, in);
	}
}

/* Lets each of the n inputs have its turn.  Returns how many have more. */
static size_t
go_round(struct feed *f, struct input **turn, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		if (take_turn(f, turn[i]))
			turn[left++] = turn[i];
	return left;
}

void
order_round_robin(struct feed *f, void *unused)
{
	struct inputs *inputs = feed_stage(f)->inputs;
	struct input **turn = calloc(inputs_count(inputs), sizeof(*turn)), *in;
	size_t n = 0;

	(void)unused;
	if (turn == NULL) {
		stage_abort(feed_stage(f), 2, "out of memory");
		return;
	}
	for (in = inputs_first(inputs); in != NULL; in = inputs_after(in))
		turn[n++] = in;
	while (n > 0)
		n = go_round(f, turn, n);
	free(turn);
}

void
order_concat(struct feed *f, void *unused)
{
	struct input *in = inputs_first(feed_stage(f)->inputs);
	struct record r;

	(void)unused;
	for (; in != NULL; in = inputs_after(in)) {
		while (!in->ended) {
			read_one(f, in);
			while (feed_take(f, in, &r))
				feed_put(f, in, &r);
		}
	}
}
