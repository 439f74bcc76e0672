#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "base/hash.h"

#define LETTER_LEAST 64 /* bytes: no letter is shorter */
#define NUMBER_MOST 24  /* characters of a number and the blank behind it */

struct memory
memory_new(uint64_t inode)
{
	return (struct memory){.inode = inode, .max_replays = UINT64_MAX};
}

void
memory_free(struct memory *m)
{
	free(m->bits);
	*m = memory_new(m->inode);
}

void
memory_copy(struct memory *to, const struct memory *from)
{
	uint64_t inode = to->inode;

	*to = *from;
	to->inode = inode;
	if (from->size > 0)
		to->bits = memcpy(must(malloc(from->size)), from->bits, from->size);
}

void
memory_forget_singles(struct memory *m)
{
	free(m->bits);
	m->bits = NULL;
	m->size = 0;
	m->singles = m->check = 0;
	m->last = (struct mark){0};
}

bool
memory_any(const struct memory *m)
{
	return m->has_front || m->singles > 0;
}

bool
memory_has_single(const struct memory *m, uint64_t number)
{
	return number / 8 < m->size && (m->bits[number / 8] >> number % 8 & 1) != 0;
}

bool
memory_has(const struct memory *m, uint64_t number, uint64_t end)
{
	return (m->has_front && end <= m->front.end) || memory_has_single(m, number);
}

/* Sets a bit; there is room for as many again afterwards. */
static void
set_bit(struct memory *m, uint64_t number)
{
	size_t byte = number / 8, size = m->size;

	if (byte >= size) {
		m->size = 2 * byte + 64;
		m->bits = grow(m->bits, m->size, 1);
		memset(m->bits + size, 0, m->size - size);
	}
	m->bits[byte] |= (unsigned char)(1 << number % 8);
}

uint64_t
memory_check(const struct mark *mark)
{
	char text[ENVELOPE_ID_SIZE + NUMBER_MOST];
	int len = snprintf(text, sizeof(text), "%s %" PRId64, mark->id, mark->failed);

	return hash_bytes(text, (size_t)len);
}

static void
add_single(struct memory *m, uint64_t number, const struct mark *mark)
{
	set_bit(m, number);
	m->singles++;
	m->check += memory_check(mark);
	if (mark->end > m->last.end)
		m->last = *mark;
}

/* The front has reached the single letter, if it is one. */
static void
take_single(struct memory *m, uint64_t number, const struct mark *mark)
{
	if (!memory_has_single(m, number))
		return;
	m->bits[number / 8] &= (unsigned char)~(1 << number % 8);
	m->check -= memory_check(mark);
	if (--m->singles == 0)
		memory_forget_singles(m);
}

void
memory_pass(struct memory *m, uint64_t number, const struct mark *mark)
{
	bool had = memory_has(m, number, mark->end);

	if (m->has_front && mark->end <= m->front.end)
		return;
	m->grown = m->grown || !had;
	if (!m->gap) {
		take_single(m, number, mark);
		m->front = *mark;
		m->has_front = true;
	} else if (!had)
		add_single(m, number, mark);
}

void
memory_skip(struct memory *m)
{
	m->gap = true;
}

/* Appends a number; *room is of the text. */
static void
put_run(char **text, size_t *len, size_t *room, uint64_t run)
{
	if (*room - *len < NUMBER_MOST) {
		*room *= 2;
		*text = grow(*text, *room, 1);
	}
	*len += (size_t)sprintf(*text + *len, *len > 0 ? " %" PRIu64 : "%" PRIu64, run);
}

char *
memory_runs(const struct memory *m)
{
	size_t room = 64, len = 0;
	char *text = must(malloc(room));
	uint64_t run = 0, left = m->singles;
	bool counts = false;

	*text = '\0';
	for (uint64_t i = 0; left > 0; i++, run++) {
		if (memory_has_single(m, i) != counts) {
			put_run(&text, &len, &room, run);
			run = 0;
			counts = !counts;
		}
		left -= counts;
	}
	if (run > 0)
		put_run(&text, &len, &room, run);
	return text;
}

bool
memory_read_runs(struct memory *m, const char *text)
{
	uint64_t number = 0, most = m->last.end / LETTER_LEAST + 1, found = 0;
	bool counts = false;
	char *end;

	for (; *text != '\0'; text = end, counts = !counts) {
		uint64_t run;

		text += *text == ' ';
		errno = 0;
		run = strtoull(text, &end, 10);
		if (*text < '0' || *text > '9' || errno != 0 || run > most - number)
			return false;
		for (uint64_t i = 0; i < run && counts; i++)
			set_bit(m, number + i);
		number += run;
		found += counts ? run : 0;
	}
	return found == m->singles;
}
