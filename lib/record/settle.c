#include "record/settle.h"

#include <stdlib.h>
#include <string.h>

#define WORD 64
#define WORDS_MIN 16
#define MARKS_MIN 64

struct waiting {
	uint64_t seq;
	struct mark mark;
};

struct settle {
	uint64_t first;  /* the seq of the first mark; UINT64_MAX: not known */
	uint64_t before; /* records that have ended before it */
	uint64_t head;   /* from first on, all before the head have ended */
	uint64_t until;  /* all before this one have ended, as was told */
	size_t words;    /* a power of two */
	uint64_t *bits;  /* a seq from the head on has the bit seq % size */
	/* Marks that have come, by seq: from [taken] to [n - 1]. */
	struct waiting *marks;
	size_t taken, n, room;
};

struct settle *
settle_new(void)
{
	struct settle *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->first = UINT64_MAX;
	return s;
}

void
settle_free(struct settle *s)
{
	if (s == NULL)
		return;
	free(s->bits);
	free(s->marks);
	free(s);
}

void
settle_begin(struct settle *s, uint64_t first)
{
	s->first = s->head = first;
}

void
settle_count(struct settle *s, uint64_t n)
{
	s->before += n;
}

static uint64_t *
word_of(const struct settle *s, uint64_t seq)
{
	return &s->bits[(seq / WORD) & (s->words - 1)];
}

/* The bits of n seqs, which are all in one word. */
static uint64_t
bits_of(uint64_t seq, uint64_t n)
{
	return n == 0 ? 0 : UINT64_MAX >> (WORD - n) << (seq % WORD);
}

/* Makes the ring wide enough for the seq. */
static int
widen(struct settle *s, uint64_t seq)
{
	struct settle wide = *s;

	/* A word that is shared by both ends of the ring is one too many. */
	while (seq / WORD - s->head / WORD >= wide.words)
		wide.words = wide.words == 0 ? WORDS_MIN : 2 * wide.words;
	if (wide.words == s->words)
		return 0;
	if ((wide.bits = calloc(wide.words, sizeof(*wide.bits))) == NULL)
		return -1;
	for (size_t i = 0; i < s->words; i++)
		*word_of(&wide, s->head + i * WORD) = *word_of(s, s->head + i * WORD);
	free(s->bits);
	*s = wide;
	return 0;
}

/* The head goes on to what has not ended. */
static void
advance(struct settle *s)
{
	while (s->words > 0) {
		uint64_t *word = word_of(s, s->head), gaps = ~*word >> (s->head % WORD);
		uint64_t left = WORD - s->head % WORD; /* of the word */
		uint64_t n = gaps != 0 ? (uint64_t)__builtin_ctzll(gaps) : left;

		*word &= ~bits_of(s->head, n);
		s->head += n;
		if (gaps != 0)
			return;
	}
}

/* These have ended before their turn. */
static int
keep(struct settle *s, uint64_t seq, uint64_t n)
{
	if (widen(s, seq + n - 1) == -1)
		return -1;
	for (uint64_t some; n > 0; seq += some, n -= some) {
		some = WORD - seq % WORD < n ? WORD - seq % WORD : n;
		*word_of(s, seq) |= bits_of(seq, some);
	}
	return 0;
}

int
settle_records(struct settle *s, uint64_t seq, uint64_t n)
{
	if (seq < s->first) {
		s->before += n;
		return 0;
	}
	if (seq != s->head)
		return keep(s, seq, n);
	s->head += n;
	advance(s);
	return 0;
}

void
settle_until(struct settle *s, uint64_t seq)
{
	if (seq > s->until)
		s->until = seq;
}

/* Room for one more; those that have been taken leave theirs. */
static int
reserve_mark(struct settle *s)
{
	size_t room = s->room == 0 ? MARKS_MIN : 2 * s->room;
	struct waiting *marks;

	if (s->n < s->room)
		return 0;
	if (s->taken > s->room / 2) {
		s->n -= s->taken;
		memmove(s->marks, s->marks + s->taken, s->n * sizeof(*s->marks));
		s->taken = 0;
		return 0;
	}
	if ((marks = reallocarray(s->marks, room, sizeof(*marks))) == NULL)
		return -1;
	s->marks = marks;
	s->room = room;
	return 0;
}

int
settle_mark(struct settle *s, uint64_t seq, const struct mark *mark)
{
	size_t at;

	if (reserve_mark(s) == -1)
		return -1;
	/* Marks come nearly in order. */
	for (at = s->n++; at > s->taken && s->marks[at - 1].seq > seq; at--)
		s->marks[at] = s->marks[at - 1];
	s->marks[at] = (struct waiting){seq, *mark};
	return 0;
}

bool
settle_is_ready(const struct settle *s)
{
	uint64_t seq;

	if (s->taken == s->n)
		return false;
	seq = s->marks[s->taken].seq;
	return seq <= s->until || (s->before == s->first && seq == s->head);
}

bool
settle_take(struct settle *s, struct mark *mark)
{
	if (!settle_is_ready(s))
		return false;
	*mark = s->marks[s->taken++].mark;
	if (s->taken == s->n)
		s->taken = s->n = 0;
	s->head++;
	advance(s);
	return true;
}
