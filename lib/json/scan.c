/*
 * json_check(): a strict reader of JSON texts (RFC 8259; the UTF-8 of RFC 3629) that keeps nothing.
 *
 * A function that scans something takes the place where it begins and returns the
 * place after it, or NULL after fail() has noted what is wrong.  Strings go by the window
 * (lookahead.h).  Outside of strings a stop is the quote that begins one, or white space
 * (then skip() seeks), or an error.
 */

#include "json/json.h"
#include "json/lookahead.h"

struct scan {
	struct span text;
	const byte *bad; /* the first byte that can't be */
	const char *what;
};

OUTLINE const byte *
fail(struct scan *s, const byte *place, const char *what)
{
	s->bad = place;
	s->what = place == s->text.end ? "unexpected end of text" : what;
	return NULL;
}

/* The byte at p; at the end 0, which can't be anywhere in a JSON text. */
INLINE byte
at(const struct scan *s, const byte *p)
{
	return p < s->text.end ? *p : 0;
}

static bool
is_digit(byte c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(byte c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_space(byte c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

OUTLINE const byte *
spaces(const byte *p, const byte *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* p is after the backslash. */
static const byte *
escape(struct scan *s, const byte *p)
{
	int hex = 0; /* so many digits */

	switch (at(s, p)) {
	case 'u':
		hex = 4;
		break;
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		break;
	default:
		return fail(s, p, "bad escape");
	}
	for (p++; hex > 0; hex--, p++)
		if (!is_hex(at(s, p)))
			return fail(s, p, "bad escape");
	return p;
}

/* One character that is not ASCII: RFC 3629's table of well-formed sequences. */
INLINE const byte *
multibyte(struct scan *s, const byte *p)
{
	byte first = *p, low = 0x80, high = 0xbf; /* the bounds of the second byte */
	int more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;

	if (first < 0xc2 || first > 0xf4)
		return fail(s, p, "invalid UTF-8");
	if (first == 0xe0)
		low = 0xa0; /* less would be overlong */
	else if (first == 0xed)
		high = 0x9f; /* more would be a surrogate */
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f; /* U+10FFFF */
	for (p++; more > 0; more--, p++) {
		if (at(s, p) < low || at(s, p) > high)
			return fail(s, p, "invalid UTF-8");
		low = 0x80;
		high = 0xbf;
	}
	return p;
}

/* What stands at a stop that does not end the string. */
OUTLINE const byte *
not_plain(struct scan *s, const byte *p)
{
	if (*p == '\\')
		return escape(s, p + 1);
	if (*p < ' ')
		return fail(s, p, "control character in a string");
	do
		p = multibyte(s, p);
	while (p != NULL && at(s, p) >= 0x80);
	return p;
}

/* The first stop that is left is the quote that begins the string. */
INLINE const byte *
string(struct scan *s, struct lookahead *window)
{
	struct lookahead w = *window;
	const byte *p;

	if (unlikely(w.stops == 0))
		w = lookahead_refill(&s->text, w);
	w = lookahead_next(w);
	for (;;) {
		if (unlikely(w.stops == 0)) {
			w = lookahead_refill(&s->text, w);
			if (w.stops == 0)
				return fail(s, s->text.end, "");
		}
		p = lookahead_stop(w);
		if (likely(*p == '"'))
			break;
		if ((p = not_plain(s, p)) == NULL)
			return NULL;
		w = lookahead_seek(&s->text, w, p);
	}
	w = lookahead_next(w);
	*window = w;
	return p + 1;
}

static const byte *
digits(struct scan *s, const byte *p)
{
	if (!is_digit(at(s, p)))
		return fail(s, p, "bad number");
	while (is_digit(at(s, p)))
		p++;
	return p;
}

OUTLINE const byte *
any_number(struct scan *s, const byte *p)
{
	if (at(s, p) == '-')
		p++;
	if (at(s, p) == '0')
		p++;
	else if ((p = digits(s, p)) == NULL)
		return NULL;
	if (at(s, p) == '.' && (p = digits(s, p + 1)) == NULL)
		return NULL;
	if (at(s, p) == 'e' || at(s, p) == 'E') {
		p++;
		if (at(s, p) == '+' || at(s, p) == '-')
			p++;
		p = digits(s, p);
	}
	return p;
}

/*
 * What is no digit among the next 16 bytes, or those that are left.  Where the end need not be feared
 * (see whole()) there is always one.
 */
INLINE unsigned
nondigits(const struct scan *s, const byte *p, bool closed)
{
	ptrdiff_t left = s->text.end - p;

	if (likely(left >= 16))
		return nondigits16(p);
	if (closed && s->text.end - s->text.start >= 16)
		return nondigits16(s->text.end - 16) >> (16 - left);
	return 0;
}

/* The usual one, up to 15 bytes and without an exponent, in one look; the rest byte by byte. */
INLINE const byte *
number(struct scan *s, const byte *p, bool closed)
{
	unsigned sign = *p == '-';
	unsigned stops = nondigits(s, p, closed) & ~sign;
	unsigned n;

	if (unlikely(stops == 0))
		goto slow;
	n = (unsigned)__builtin_ctz(stops);
	if (n == sign || (p[sign] == '0' && n > sign + 1))
		goto slow;
	if (p[n] == '.') {
		unsigned point = n;

		stops &= stops - 1;
		if (unlikely(stops == 0))
			goto slow;
		n = (unsigned)__builtin_ctz(stops);
		if (n == point + 1)
			goto slow;
	}
	if (likely((p[n] | 0x20) != 'e'))
		return p + n;
slow:
	return any_number(s, p);
}

static const byte *
word(struct scan *s, const byte *p, const char *expected)
{
	for (; *expected != '\0'; expected++, p++)
		if (at(s, p) != (byte)*expected)
			return fail(s, p, "unexpected character");
	return p;
}

/* The byte at p, too, where the end need not be feared (see whole()). */
INLINE byte
peek(const struct scan *s, const byte *p, bool closed)
{
	return closed ? *p : at(s, p);
}

/* Passes over white space, mostly none or a single one, and returns the byte after it. */
INLINE byte
skip(const struct scan *s, struct lookahead *w, const byte **place, bool closed)
{
	const byte *p = *place;
	byte c = peek(s, p, closed);

	if (c == ' ')
		c = peek(s, ++p, closed);
	if (unlikely(c <= ' ')) {
		p = spaces(p, s->text.end);
		*w = lookahead_seek(&s->text, *w, p);
		c = at(s, p);
	}
	*place = p;
	return c;
}

/*
 * A text whose last byte closes an array or object (closed) can't be overrun by a look at
 * the next byte: every step but the one over a closing bracket ends before that byte.
 * Records are such texts, so this is made twice: with and without a look at the end each time.
 */
INLINE const byte *
whole(struct scan *s, bool closed)
{
	byte closers[JSON_MAX_DEPTH + 1]; /* of the arrays and objects we are in, from [1] */
	size_t depth = 0;
	const byte *p = s->text.start;
	struct lookahead w = lookahead_at(&s->text, p);
	byte c;

value:
	c = skip(s, &w, &p, closed);
	switch (c) {
	case '{':
	case '[':
		if (depth == JSON_MAX_DEPTH)
			return fail(s, p, "nested deeper than 1024");
		closers[++depth] = (byte)(c + 2); /* ASCII has it so */
		p++;
		c = skip(s, &w, &p, closed);
		if (c == closers[depth])
			goto close;
		if (closers[depth] == '}')
			goto name;
		goto value;
	case '"':
		p = string(s, &w);
		break;
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		p = number(s, p, closed);
		break;
	case 't':
		p = word(s, p, "true");
		break;
	case 'f':
		p = word(s, p, "false");
		break;
	case 'n':
		p = word(s, p, "null");
		break;
	default:
		return fail(s, p, "unexpected character");
	}
	if (unlikely(p == NULL))
		return NULL;
after:
	if (depth == 0) {
		p = spaces(p, s->text.end);
		return p == s->text.end ? p : fail(s, p, "unexpected character after the value");
	}
	c = skip(s, &w, &p, closed);
	if (c != ',') {
		if (c == closers[depth])
			goto close;
		return fail(s, p, "comma or closing bracket expected");
	}
	p++;
	if (closers[depth] == ']')
		goto value;
	c = skip(s, &w, &p, closed);
name:
	if (c != '"')
		return fail(s, p, "name in quotes expected");
	if (unlikely((p = string(s, &w)) == NULL))
		return NULL;
	c = skip(s, &w, &p, closed);
	if (c != ':')
		return fail(s, p, "colon expected");
	p++;
	goto value;
close:
	depth--;
	p++;
	if (unlikely(p == s->text.end && depth > 0))
		return fail(s, p, "");
	goto after;
}

bool
json_check(const char *text, size_t len, struct json_error *err)
{
	const byte *start = (const byte *)text;
	struct scan s = {{start, start + len}, NULL, NULL};
	bool closed = len > 0 && (text[len - 1] == '}' || text[len - 1] == ']');

	if ((closed ? whole(&s, true) : whole(&s, false)) != NULL)
		return true;
	if (err != NULL)
		*err = (struct json_error){(size_t)(s.bad - start), s.what};
	return false;
}

bool
json_blank(const char *text, size_t len)
{
	const byte *start = (const byte *)text;

	return spaces(start, start + len) == start + len;
}
