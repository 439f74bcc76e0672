#include "metrics/said.h"

#include <string.h>

/*
 * A reader sees the state, then the fields, and then the same state again, as
 * in link.c.  The writer may be killed meanwhile: then the place is not shown.
 */
#define SHOWN UINT32_C(1)
#define USE UINT32_C(2) /* one more use of the place */

void
said_set_up(struct metrics_engines *e)
{
	memcpy(e->magic, SAID_MAGIC, sizeof(e->magic));
	e->size = sizeof(*e);
	e->places = SAID_PLACES;
}

void
said_begin(struct said *s, struct metrics_engines *to, struct metrics_shard *shard, unsigned link)
{
	static _Atomic uint64_t helpers;

	*s = (struct said){.to = to,
	    .shard = shard,
	    .link = (uint8_t)link,
	    .owner = atomic_fetch_add_explicit(&helpers, 1, memory_order_relaxed) + 1};
}

static void
show(struct metrics_said *place, bool shown)
{
	uint32_t old = atomic_load_explicit(&place->state, memory_order_relaxed);

	atomic_store_explicit(
	    &place->state, shown ? old | SHOWN : (old & ~SHOWN) + USE, memory_order_release);
}

static void
drop(struct metrics_said *place)
{
	show(place, false);
	atomic_store_explicit(&place->owner, 0, memory_order_release);
}

/* What the words of a line say. */
struct line {
	bool counts;
	enum metric_engine counter;
	enum said_what what;
	bool known; /* there is a number: else it is taken back */
	uint64_t number;
	char partition[SAID_PARTITION_SIZE];
};

/* The next word; its length is 0 at the end.  Moves *text behind it. */
static const char *
next_word(const char **text, const char *end, size_t *len)
{
	const char *word = *text, *blank = memchr(word, ' ', (size_t)(end - word));

	*len = (size_t)((blank != NULL ? blank : end) - word);
	*text = blank != NULL ? blank + 1 : end;
	return word;
}

static bool
is_word(const char *word, size_t len, const char *name)
{
	return len == strlen(name) && memcmp(word, name, len) == 0;
}

static bool
read_name(struct line *l, const char *word, size_t len)
{
	static const char *const counters[ENGINE_COUNTERS] = {
	    [ENGINE_RECONNECTS] = "reconnects",
	    [ENGINE_REBALANCES] = "rebalances",
	    [ENGINE_REQUESTS] = "requests",
	};
	static const char *const gauges[SAID_KINDS] = {
	    [SAID_LAG] = "lag",
	    [SAID_UNACKNOWLEDGED] = "unacknowledged",
	};

	l->counts = true;
	for (int i = 0; i < ENGINE_COUNTERS; i++)
		if (l->counter = (enum metric_engine)i, is_word(word, len, counters[i]))
			return true;
	l->counts = false;
	for (int i = 0; i < SAID_KINDS; i++)
		if (l->what = (enum said_what)i, is_word(word, len, gauges[i]))
			return true;
	return false;
}

/* Digits, or "-". */
static bool
read_number(struct line *l, const char *word, size_t len)
{
	l->known = !is_word(word, len, "-");
	if (!l->known)
		return !l->counts;
	for (const char *end = word + len; word < end; word++) {
		if (*word < '0' || *word > '9' || l->number > (uint64_t)INT64_MAX / 10 - 1)
			return false;
		l->number = l->number * 10 + (uint64_t)(*word - '0');
	}
	return len > 0;
}

/* partition=VALUE; of a value that is too long the end. */
static bool
read_label(struct line *l, const char *word, size_t len)
{
	static const char name[] = "partition=";
	size_t n = strlen(name);

	if (len == 0)
		return true;
	if (l->counts || len <= n || memcmp(word, name, n) != 0)
		return false;
	word += n;
	len -= n;
	for (size_t i = 0; i < len; i++)
		if (word[i] <= ' ' || word[i] > '~')
			return false;
	if (len >= sizeof(l->partition)) {
		word += len - (sizeof(l->partition) - 1);
		len = sizeof(l->partition) - 1;
	}
	memcpy(l->partition, word, len);
	return true;
}

static bool
read_line(struct line *l, const char *text, size_t len)
{
	const char *end = text + len, *word;
	size_t n;

	*l = (struct line){0};
	if (word = next_word(&text, end, &n), !read_name(l, word, n))
		return false;
	if (word = next_word(&text, end, &n), !read_number(l, word, n))
		return false;
	word = next_word(&text, end, &n);
	return text == end && read_label(l, word, n);
}

/* A helper that counts from its own start says more each time. */
static void
count(struct said *s, enum metric_engine c, uint64_t number)
{
	if (number > s->counted[c])
		metrics_add_engine(s->shard, c, number - s->counted[c]);
	s->counted[c] = number;
}

static bool
is_ours(const struct said *s, const struct metrics_said *place)
{
	return atomic_load_explicit(&place->owner, memory_order_relaxed) == s->owner;
}

/* The place where the helper has said the same before; or NULL. */
static struct metrics_said *
find(const struct said *s, const struct line *l)
{
	for (struct metrics_said *place = s->to->said; place < s->to->said + SAID_PLACES; place++)
		if (is_ours(s, place) && place->what == l->what &&
		    strcmp(place->partition, l->partition) == 0)
			return place;
	return NULL;
}

/* Takes a place that is free; NULL if there is none. */
static struct metrics_said *
take_place(const struct said *s)
{
	for (struct metrics_said *place = s->to->said; place < s->to->said + SAID_PLACES; place++) {
		uint64_t nobody = 0;

		if (atomic_compare_exchange_strong(&place->owner, &nobody, s->owner))
			return place;
	}
	return NULL;
}

/* By bytes, as a reader may look at them already. */
static void
describe(const struct said *s, struct metrics_said *place, const struct line *l)
{
	__atomic_store_n(&place->what, (uint8_t)l->what, __ATOMIC_RELEASE);
	__atomic_store_n(&place->link, s->link, __ATOMIC_RELEASE);
	for (size_t i = 0; i < sizeof(place->partition); i++)
		__atomic_store_n(&place->partition[i], l->partition[i], __ATOMIC_RELEASE);
}

bool
said_take(struct said *s, const char *text, size_t len)
{
	struct metrics_said *place;
	struct line l;

	if (s->to == NULL || !read_line(&l, text, len))
		return true;
	if (l.counts) {
		count(s, l.counter, l.number);
		return true;
	}
	place = find(s, &l);
	if (!l.known) {
		if (place != NULL)
			drop(place);
		return true;
	}
	if (place != NULL) {
		atomic_store_explicit(&place->value, l.number, memory_order_release);
		return true;
	}
	if ((place = take_place(s)) == NULL)
		return atomic_exchange_explicit(&s->to->full, 1, memory_order_relaxed) != 0;
	describe(s, place, &l);
	atomic_store_explicit(&place->value, l.number, memory_order_release);
	show(place, true);
	return true;
}

void
said_end(struct said *s)
{
	for (size_t i = 0; s->to != NULL && i < SAID_PLACES; i++)
		if (is_ours(s, &s->to->said[i]))
			drop(&s->to->said[i]);
	*s = (struct said){0};
}

static void
copy_fields(const struct metrics_said *place, struct metrics_said *copy)
{
	copy->what = __atomic_load_n(&place->what, __ATOMIC_ACQUIRE);
	copy->link = __atomic_load_n(&place->link, __ATOMIC_ACQUIRE);
	for (size_t i = 0; i < sizeof(place->partition); i++)
		copy->partition[i] = __atomic_load_n(&place->partition[i], __ATOMIC_ACQUIRE);
	copy->partition[sizeof(copy->partition) - 1] = '\0';
	copy->value = atomic_load_explicit(&place->value, memory_order_acquire);
}

bool
said_read(const struct metrics_said *place, struct metrics_said *copy)
{
	uint32_t state = atomic_load_explicit(&place->state, memory_order_acquire), before;

	do {
		before = state;
		*copy = (struct metrics_said){.state = state};
		if ((state & SHOWN) == 0)
			return false;
		copy_fields(place, copy);
		state = atomic_load_explicit(&place->state, memory_order_acquire);
	} while (state != before);
	return copy->what < SAID_KINDS && copy->value <= INT64_MAX;
}
