/*
 * Results that follow each other go on as one run; all others as they are.
 * Whatever is joined, each record comes once, the budget gets back what it was
 * told of, and no reference is lost.
 */

#include "pfanout/outbox.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "pfanout/keyed.h"
#include "stage/budget.h"
#include "stage/stage.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "t.h"
#include "t_random.h"
#include "t_setup.h"

CHAN_OF(record, struct record)

#define LINE 8 /* bytes of an answer, with its LF */
#define MANY 3000
#define RESERVED 100

struct fixture {
	struct options opt;
	struct stage stage;
	struct chan *chan;
	struct outbox out;
	struct slab *inputs[3]; /* the fixture has a reference of each */
	struct slab *answers;   /* line n says n; the fixture has a reference */
	struct slab *others;    /* the same */
	size_t records;         /* that were put */
};

static struct slab *
answers_new(void)
{
	struct slab *s = slab_new(MANY * LINE + 1, 1);

	for (size_t i = 0; i < MANY; i++)
		snprintf(s->data + i * LINE, LINE + 1, "%0*zu\n", LINE - 1, i);
	return s;
}

static void
begin(struct fixture *f)
{
	*f = (struct fixture){.opt = {.max_record = 1000}};
	t_setup(&f->stage, &f->opt, MANY, 1 << 20);
	f->chan = record_chan_new(MANY);
	outbox_init(&f->out, f->chan, &f->stage);
	for (size_t i = 0; i < 3; i++) {
		f->inputs[i] = slab_new(1, 1);
		memcpy(f->inputs[i]->data, "input\n", 6);
	}
	f->answers = answers_new();
	f->others = answers_new();
}

static void
end(struct fixture *f)
{
	for (size_t i = 0; i < 3; i++) {
		CHECK(f->inputs[i]->refs == 1, "%zu references", (size_t)f->inputs[i]->refs);
		slab_release(f->inputs[i], 1);
	}
	CHECK(f->answers->refs == 1 && f->others->refs == 1, "%zu %zu references",
	    (size_t)f->answers->refs, (size_t)f->others->refs);
	slab_release(f->answers, 1);
	slab_release(f->others, 1);
	chan_free(f->chan);
	stage_free(&f->stage);
}

/* A record that a child has, in the slab of inputs with this number. */
static struct record
input(struct fixture *f, uint64_t seq, size_t slab)
{
	atomic_fetch_add(&f->inputs[slab]->refs, 1);
	f->records++;
	return (struct record){.data = f->inputs[slab]->data,
	    .len = 5,
	    .slab = f->inputs[slab],
	    .seq = seq,
	    .reserved = RESERVED,
	    .begun = true};
}

static struct record
line(struct slab *s, size_t n)
{
	atomic_fetch_add(&s->refs, 1);
	return (struct record){.data = s->data + n * LINE, .len = LINE - 1, .slab = s};
}

/* As map mode does it.  Whether they were joined. */
static bool
put(struct fixture *f, struct record *r, const struct record *answer)
{
	if (outbox_join(&f->out, r, answer)) {
		slab_release(answer->slab, 1);
		return true;
	}
	stage_answer(&f->stage, r, answer, RECORD_DATA);
	outbox_put(&f->out, r);
	return false;
}

static bool
put_next(struct fixture *f, uint64_t n, size_t slab)
{
	struct record r = input(f, n, slab), answer = line(f->answers, n);

	return put(f, &r, &answer);
}

/* The end of a record, as in the sink. */
static void
release(struct fixture *f, struct record *r)
{
	budget_release(
	    f->stage.budget, &(struct budget_release){.answer_bytes = r->answered ? r->len : 0});
	record_free(r);
}

/* Takes up to max of what was sent. */
static size_t
receive(struct fixture *f, struct record *r, size_t max)
{
	size_t n = 0;

	(void)record_tryrecvn(f->chan, r, max, &n);
	return n;
}

/* Four results in order: one run; the budget learns of it when it is sent. */
static void
test_run(void)
{
	struct fixture f;
	struct record r[9];
	struct budget_release most = {.answer_bytes = 4 * LINE - 2};

	begin(&f);
	CHECK(outbox_flush(&f.out) == 0 && receive(&f, r, 9) == 0, "nothing is there");
	CHECK(!put_next(&f, 0, 0), "nothing to join");
	for (uint64_t i = 1; i < 4; i++)
		CHECK(put_next(&f, i, 0), "%ju", (uintmax_t)i);
	CHECK(f.out.n == 1 && f.out.answer_bytes == 3 * LINE && f.out.refs == 3);
	outbox_flush(&f.out);
	CHECK(f.out.n == 0 && f.out.answer_bytes == 0 && f.out.refs == 0 && f.out.slab == NULL);
	CHECK(f.inputs[0]->refs == 1, "the inputs are given up");
	CHECK(receive(&f, r, 9) == 1);
	CHECK(r[0].kind == RECORD_RUN && record_count(&r[0]) == 4 && r[0].seq == 0 &&
	    r[0].reserved == 4 * RESERVED && r[0].begun && r[0].answered && r[0].origin == NULL);
	CHECK(r[0].len == 4 * LINE - 1 && record_lines(&r[0]) == 4 &&
	    memcmp(r[0].data, "0000000\n0000001\n0000002\n0000003\n", 4 * LINE) == 0);
	CHECK(r[0].slab == f.answers && f.answers->refs == 2, "one reference for all");
	budget_release(f.stage.budget, &most);
	CHECK(budget_has_answers(f.stage.budget), "the last byte");
	budget_release(f.stage.budget, &(struct budget_release){.answer_bytes = 1});
	CHECK(!budget_has_answers(f.stage.budget), "just the bytes of the run");
	record_free(&r[0]);
	/* What was sent is not joined any more. */
	CHECK(!put_next(&f, 4, 0) && put_next(&f, 5, 0));
	outbox_flush(&f.out);
	CHECK(receive(&f, r, 9) == 1 && record_count(&r[0]) == 2 && r[0].seq == 4);
	release(&f, &r[0]);
	CHECK(!budget_has_answers(f.stage.budget));
	end(&f);
}

/* What was put last, and what comes then. */
enum pair {
	FOLLOWS,
	FOLLOWS_RETRIED,
	GAP_IN_SEQ,
	SEQ_BEFORE,
	SAME_SEQ,
	GAP_IN_MEMORY,
	MEMORY_BEFORE,
	OTHER_SLAB,
	HAS_ORIGIN,
	LAST_HAS_ORIGIN,
	LAST_IS_LETTER,
	LAST_IS_PASSING_LETTER,
	LAST_IS_DROPPED,
	LAST_IS_LINES,
	LAST_IS_EXTRA,
	LAST_IS_NO_ANSWER,
	WITH_LANES,
	PAIRS
};

/* Puts the result of record 10, which is line 10, as the pair wants it. */
static void
put_last(struct fixture *f, enum pair pair)
{
	static const struct {
		enum pair pair;
		enum record_kind kind;
	} kinds[] = {{LAST_IS_LETTER, RECORD_DEAD}, {LAST_IS_PASSING_LETTER, RECORD_LETTER},
	    {LAST_IS_DROPPED, RECORD_DROP}, {LAST_IS_LINES, RECORD_LINES},
	    {LAST_IS_EXTRA, RECORD_EXTRA}};
	struct record *last = &f->out.record[0];

	CHECK(!put_next(f, 10, 0) && f->out.n == 1);
	if (pair == FOLLOWS_RETRIED) {
		last->attempts = 2;
		last->first_failed = 123456789;
	}
	if (pair == LAST_HAS_ORIGIN)
		CHECK(record_add_span(last) != NULL);
	if (pair == LAST_IS_NO_ANSWER) {
		budget_release(
		    f->stage.budget, &(struct budget_release){.answer_bytes = last->len});
		last->answered = false;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (pair == kinds[i].pair)
			last->kind = (uint8_t)kinds[i].kind;
	last->lines = pair == LAST_IS_LINES || pair == LAST_IS_EXTRA ? 1 : last->lines;
}

/* Of all pairs only neighbours are joined; of others nothing is changed. */
static void
test_pair(enum pair pair)
{
	static const struct lanes_rules rules;
	struct keyed *keyed = keyed_new(1, &rules);
	bool joins = pair == FOLLOWS || pair == FOLLOWS_RETRIED;
	uint64_t seq = pair == GAP_IN_SEQ ? 12
	    : pair == SEQ_BEFORE          ? 9
	    : pair == SAME_SEQ            ? 10
					  : 11;
	size_t at = pair == GAP_IN_MEMORY ? 12 : pair == MEMORY_BEFORE ? 9 : 11, n;
	struct record r, answer, before, got[3];
	struct fixture f;

	begin(&f);
	put_last(&f, pair);
	before = f.out.record[0];
	r = input(&f, seq, 0);
	answer = line(pair == OTHER_SLAB ? f.others : f.answers, at);
	/* The right bytes do not make up for another slab. */
	answer.data = f.answers->data + at * LINE;
	if (pair == HAS_ORIGIN)
		CHECK(record_add_span(&r) != NULL);
	if (pair == FOLLOWS_RETRIED)
		r.attempts = 1;
	if (pair == WITH_LANES)
		f.out.box = keyed_box(keyed, 0);
	if (joins) {
		CHECK(put(&f, &r, &answer), "%d", pair);
	} else {
		CHECK(!outbox_join(&f.out, &r, &answer), "%d", pair);
		CHECK(memcmp(&before, &f.out.record[0], sizeof(before)) == 0 && f.out.n == 1 &&
			f.out.answer_bytes == 0 && f.out.refs == 0 && r.slab == f.inputs[0],
		    "%d: something has happened", pair);
		stage_answer(&f.stage, &r, &answer, RECORD_DATA);
		outbox_put(&f.out, &r);
	}
	f.out.box = NULL;
	outbox_flush(&f.out);
	n = receive(&f, got, 3);
	CHECK(n == (joins ? 1 : 2), "%d: %zu", pair, n);
	if (joins)
		CHECK(record_count(&got[0]) == 2 && got[0].seq == 10);
	for (size_t i = 0; i < n; i++)
		release(&f, &got[i]);
	CHECK(!budget_has_answers(f.stage.budget), "%d", pair);
	end(&f);
	keyed_free(keyed);
}

/* A run that is joined from inputs of several slabs gives up each reference. */
static void
test_slabs(void)
{
	static const size_t slabs[] = {0, 0, 1, 0, 2, 2, 1, 1, 1, 0};
	struct fixture f;
	struct record r[3];

	begin(&f);
	for (size_t i = 0; i < sizeof(slabs) / sizeof(*slabs); i++)
		CHECK(put_next(&f, i, slabs[i]) == (i > 0));
	outbox_flush(&f.out);
	CHECK(receive(&f, r, 3) == 1 && record_count(&r[0]) == 10);
	for (size_t i = 0; i < 3; i++)
		CHECK(f.inputs[i]->refs == 1, "%zu: %zu", i, (size_t)f.inputs[i]->refs);
	release(&f, &r[0]);
	end(&f);
}

/* The outbox is full of runs: it is sent, and the next result is a new one. */
static void
test_full(void)
{
	static struct record r[OUTBOX_RECORDS + 1];
	struct fixture f;
	uint64_t seq = 0;

	begin(&f);
	for (size_t i = 0; i < OUTBOX_RECORDS; i++) {
		CHECK(!put_next(&f, seq, i % 3));
		if (i < OUTBOX_RECORDS - 1)
			CHECK(put_next(&f, seq + 1, 0));
		seq += 3; /* the third one has gone another way */
	}
	CHECK(f.out.n == 0, "it was sent");
	CHECK(!put_next(&f, seq - 2, 0), "behind the last one, which has gone");
	outbox_flush(&f.out);
	CHECK(receive(&f, r, OUTBOX_RECORDS + 1) == OUTBOX_RECORDS + 1);
	for (size_t i = 0; i <= OUTBOX_RECORDS; i++) {
		CHECK(record_count(&r[i]) == (i < OUTBOX_RECORDS - 1 ? 2 : 1), "%zu", i);
		release(&f, &r[i]);
	}
	CHECK(!budget_has_answers(f.stage.budget));
	end(&f);
}

/* Nobody takes it any more: all is freed. */
static void
test_closed(void)
{
	struct fixture f;
	struct record r;

	begin(&f);
	CHECK(!put_next(&f, 0, 0) && put_next(&f, 1, 1) && put_next(&f, 2, 0));
	chan_close(f.chan);
	outbox_flush(&f.out);
	CHECK(f.out.n == 0 && f.out.refs == 0 && receive(&f, &r, 1) == 0);
	end(&f);
}

static size_t
below(size_t n)
{
	return (size_t)(next_random() >> 11) % n;
}

/*
 * Results with gaps of all kinds, and letters in between: each record comes
 * once, in its order, with its line.
 */
static void
test_random(void)
{
	static struct record got[MANY];
	struct fixture f;
	uint64_t seq = 0, next = 0, runs = 0;
	size_t reserved = 0, sent = 0;

	begin(&f);
	for (size_t at = 0; at < MANY - 5; at++) {
		struct record r = input(&f, seq, below(8) > 0 ? 0 : below(3)), answer;

		answer = line(below(20) > 0 ? f.answers : f.others, at);
		if (below(20) == 0) {
			r.kind = RECORD_DEAD;
			record_free(&answer);
			r.first_failed = (int64_t)at;
			outbox_put(&f.out, &r);
		} else {
			r.offset = at;
			runs += put(&f, &r, &answer);
		}
		at += below(10) == 0;
		seq += 1 + (below(20) == 0);
		if (below(50) == 0)
			outbox_flush(&f.out);
	}
	outbox_flush(&f.out);
	for (size_t i = 0, n = receive(&f, got, MANY); i < n; i++) {
		const char *data = got[i].data;
		uint64_t count = record_count(&got[i]),
			 lines = got[i].kind == RECORD_DEAD ? 1 : record_lines(&got[i]);

		CHECK(got[i].seq >= next && lines == count, "%ju", (uintmax_t)got[i].seq);
		next = got[i].seq + count;
		sent += count;
		reserved += got[i].reserved;
		/* Each has its line, one behind the other. */
		for (uint64_t j = 0; j < count && got[i].kind != RECORD_DEAD; j++)
			CHECK(strtoull(data + j * LINE, NULL, 10) == got[i].offset + j);
		release(&f, &got[i]);
	}
	CHECK(sent == f.records && reserved == sent * RESERVED, "%zu of %zu, %zu bytes", sent,
	    f.records, reserved);
	CHECK(runs > MANY / 4, "%ju joined: this tries little", (uintmax_t)runs);
	CHECK(!budget_has_answers(f.stage.budget));
	end(&f);
}

int
main(void)
{
	alarm(60);
	test_run();
	for (enum pair pair = FOLLOWS; pair < PAIRS; pair++)
		test_pair(pair);
	test_slabs();
	test_full();
	test_closed();
	for (int i = 0; i < 20; i++)
		test_random();
	return t_end();
}
