#ifndef JSON_SLOW_H
#define JSON_SLOW_H

/*
 * json_check() once more, as slow and plain as possible: an automaton that
 * takes a byte at a time and knows nothing of what follows.  The byte that it
 * refuses is therefore the first that cannot continue a JSON text.  The tests
 * compare json_check() with this automaton, and both with jansson.
 */

#include <stdbool.h>
#include <string.h>

#include "json/json.h"

struct slow {
	enum {
		VALUE, /* a value must begin */
		FIRST, /* the first value or name, or the closing bracket */
		NAME,
		COLON,
		AFTER, /* after a value */
		STRING,
		ESCAPE,
		HEX,
		MULTIBYTE,
		MINUS,
		ZERO,
		INTEGER,
		POINT,
		FRACTION,
		E,
		SIGN,
		EXPONENT,
		WORD,
	} state;
	int depth;
	char closers[JSON_MAX_DEPTH];
	bool is_name;            /* the string is a name */
	int left;                /* HEX, MULTIBYTE: bytes that must follow */
	unsigned char low, high; /* MULTIBYTE: bounds of the next byte */
	const char *word;        /* WORD: what is left of it */
};

static inline bool
slow_one_of(int c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static inline bool
slow_begin(struct slow *s, int c)
{
	s->is_name = false;
	switch (c) {
	case '"':
		s->state = STRING;
		return true;
	case '-':
		s->state = MINUS;
		return true;
	case '0':
		s->state = ZERO;
		return true;
	case 't':
	case 'f':
	case 'n':
		s->word = c == 't' ? "rue" : c == 'f' ? "alse" : "ull";
		s->state = WORD;
		return true;
	case '[':
	case '{':
		if (s->depth == JSON_MAX_DEPTH)
			return false;
		s->closers[s->depth++] = c == '[' ? ']' : '}';
		s->state = FIRST;
		return true;
	default:
		s->state = INTEGER;
		return slow_one_of(c, "123456789");
	}
}

static inline bool
slow_close(struct slow *s, int c)
{
	if (s->depth == 0 || c != s->closers[s->depth - 1])
		return false;
	s->depth--;
	s->state = AFTER;
	return true;
}

static inline bool
slow_name(struct slow *s, int c)
{
	s->state = STRING;
	s->is_name = true;
	return c == '"';
}

static inline bool
slow_between(struct slow *s, int c)
{
	if (slow_one_of(c, " \t\r\n"))
		return true;
	switch (s->state) {
	case VALUE:
		return slow_begin(s, c);
	case FIRST:
		if (slow_close(s, c))
			return true;
		return s->closers[s->depth - 1] == ']' ? slow_begin(s, c) : slow_name(s, c);
	case NAME:
		return slow_name(s, c);
	case COLON:
		s->state = VALUE;
		return c == ':';
	default:
		if (c != ',' || s->depth == 0)
			return slow_close(s, c);
		s->state = s->closers[s->depth - 1] == ']' ? VALUE : NAME;
		return true;
	}
}

static inline bool
slow_multibyte(struct slow *s, int c)
{
	s->state = MULTIBYTE;
	s->left = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
	s->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	s->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	return c >= 0xc2 && c <= 0xf4;
}

static inline bool
slow_string(struct slow *s, int c)
{
	switch (s->state) {
	case STRING:
		if (c == '"')
			s->state = s->is_name ? COLON : AFTER;
		else if (c == '\\')
			s->state = ESCAPE;
		else if (c >= 0x80)
			return slow_multibyte(s, c);
		return c >= 0x20;
	case ESCAPE:
		s->state = c == 'u' ? HEX : STRING;
		s->left = 4;
		return slow_one_of(c, "\"\\/bfnrtu");
	case HEX:
		if (--s->left == 0)
			s->state = STRING;
		return slow_one_of(c, "0123456789abcdefABCDEF");
	default:
		if (c < s->low || c > s->high)
			return false;
		s->low = 0x80;
		s->high = 0xbf;
		if (--s->left == 0)
			s->state = STRING;
		return true;
	}
}

static inline bool
slow_number(struct slow *s, int c)
{
	bool digit = slow_one_of(c, "0123456789");
	bool may_end =
	    s->state == ZERO || s->state == INTEGER || s->state == FRACTION || s->state == EXPONENT;

	if (s->state == MINUS && digit)
		s->state = c == '0' ? ZERO : INTEGER;
	else if (s->state == POINT && digit)
		s->state = FRACTION;
	else if ((s->state == E || s->state == SIGN) && digit)
		s->state = EXPONENT;
	else if (s->state == E && slow_one_of(c, "+-"))
		s->state = SIGN;
	else if (!may_end)
		return false;
	else if (digit && s->state != ZERO)
		return true;
	else if (c == '.' && (s->state == ZERO || s->state == INTEGER))
		s->state = POINT;
	else if (slow_one_of(c, "eE") && s->state != EXPONENT)
		s->state = E;
	else {
		s->state = AFTER;
		return slow_between(s, c);
	}
	return true;
}

static inline bool
slow_step(struct slow *s, int c)
{
	if (s->state == WORD) {
		if (c != *s->word)
			return false;
		if (*++s->word == '\0')
			s->state = AFTER;
		return true;
	}
	if (s->state >= MINUS)
		return slow_number(s, c);
	if (s->state >= STRING)
		return slow_string(s, c);
	return slow_between(s, c);
}

/* As json_check(), but reports only where the text went wrong. */
static inline bool
slow_check(const char *text, size_t len, size_t *offset)
{
	struct slow s = {.state = VALUE};

	for (*offset = 0; *offset < len; ++*offset)
		if (!slow_step(&s, (unsigned char)text[*offset]))
			return false;
	return s.depth == 0 &&
	    (s.state == AFTER || s.state == ZERO || s.state == INTEGER || s.state == FRACTION ||
		s.state == EXPONENT);
}

#endif
