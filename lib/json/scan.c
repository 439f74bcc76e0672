/*
 * json_check(): a strict reader of JSON texts (RFC 8259; UTF-8 as in RFC 3629)
 * that keeps nothing.
 *
 * A scan function takes the place where something begins and returns the place
 * after it, or NULL after bad_text() has noted what is wrong.  Strings are
 * scanned by the window (lookahead.h).  Outside strings a stop is a quote that
 * begins one, or white space (then skip_to_token() seeks), or an error.
 *
 * The functions that are told `closed` are compiled twice, and scan_text() once
 * more for `notes`; see there.
 */

#include "json/json.h"
#include "json/lookahead.h"

/*
 * What json_check_traced() looks for, and how it ends: a constant, as each name
 * is compared with that.
 */
#define TRACED "\"traceparent\""
#define TRACED_END "nt"

struct scan {
	struct span text;
	const byte *bad; /* the first byte that cannot be there */
	const char *what;
	bool seen; /* json_check_traced() */
};

OUTLINE const byte *
bad_text(struct scan *s, const byte *place, const char *what)
{
	s->bad = place;
	s->what = place == s->text.end ? "unexpected end of text" : what;
	return NULL;
}

/* The byte at p; at the end 0, which cannot be part of a JSON text. */
INLINE byte
byte_at(const struct scan *s, const byte *p)
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
skip_spaces(const byte *p, const byte *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* p is after the backslash. */
static const byte *
scan_escape(struct scan *s, const byte *p)
{
	int hex = 0; /* digits that must follow */

	switch (byte_at(s, p)) {
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
		return bad_text(s, p, "bad escape");
	}
	for (p++; hex > 0; hex--, p++)
		if (!is_hex(byte_at(s, p)))
			return bad_text(s, p, "bad escape");
	return p;
}

/*
 * A character that is not ASCII, by RFC 3629's table of well-formed sequences.
 */
INLINE const byte *
scan_multibyte(struct scan *s, const byte *p)
{
	byte first = *p;
	byte low = 0x80, high = 0xbf; /* the bounds of the second byte */
	int more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;

	if (first < 0xc2 || first > 0xf4)
		return bad_text(s, p, "invalid UTF-8");
	if (first == 0xe0)
		low = 0xa0; /* below: overlong */
	else if (first == 0xed)
		high = 0x9f; /* above: a surrogate */
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f; /* above: beyond U+10FFFF */
	for (p++; more > 0; more--, p++) {
		if (byte_at(s, p) < low || byte_at(s, p) > high)
			return bad_text(s, p, "invalid UTF-8");
		low = 0x80;
		high = 0xbf;
	}
	return p;
}

/*
 * What stands at a stop other than the closing quote: an escape or a character.
 */
OUTLINE const byte *
scan_not_plain(struct scan *s, const byte *p)
{
	if (*p == '\\')
		return scan_escape(s, p + 1);
	if (*p < ' ')
		return bad_text(s, p, "control character in a string");
	do
		p = scan_multibyte(s, p);
	while (p != NULL && byte_at(s, p) >= 0x80);
	return p;
}

/* The same in a name: one with an escape may be the one that is looked for. */
OUTLINE const byte *
scan_noted(struct scan *s, const byte *p)
{
	s->seen = s->seen || *p == '\\';
	return scan_not_plain(s, p);
}

/*
 * The window's first stop is the quote that begins the string, of a member's
 * name if it `notes`.
 */
INLINE const byte *
scan_string(struct scan *s, struct lookahead *window, bool notes)
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
				return bad_text(s, s->text.end, "");
		}
		p = lookahead_stop(w);
		if (likely(*p == '"'))
			break;
		if ((p = notes ? scan_noted(s, p) : scan_not_plain(s, p)) == NULL)
			return NULL;
		if (likely(p - w.base < LOOKAHEAD_SIZE))
			w.stops &= UINT64_MAX << (p - w.base);
		else
			w = lookahead_seek(&s->text, w, p);
	}
	w = lookahead_next(w);
	*window = w;
	return p + 1;
}

static const byte *
scan_digits(struct scan *s, const byte *p)
{
	if (!is_digit(byte_at(s, p)))
		return bad_text(s, p, "bad number");
	while (is_digit(byte_at(s, p)))
		p++;
	return p;
}

OUTLINE const byte *
scan_any_number(struct scan *s, const byte *p)
{
	if (byte_at(s, p) == '-')
		p++;
	if (byte_at(s, p) == '0')
		p++;
	else if ((p = scan_digits(s, p)) == NULL)
		return NULL;
	if (byte_at(s, p) == '.' && (p = scan_digits(s, p + 1)) == NULL)
		return NULL;
	if (byte_at(s, p) == 'e' || byte_at(s, p) == 'E') {
		p++;
		if (byte_at(s, p) == '+' || byte_at(s, p) == '-')
			p++;
		p = scan_digits(s, p);
	}
	return p;
}

/*
 * The bytes that are not digits among the next 16, or among those that are
 * left.  In a closed text there is always one.
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

/*
 * A number.  The usual kind, up to 15 bytes without an exponent, takes one
 * look; any other is scanned byte by byte.
 */
INLINE const byte *
scan_number(struct scan *s, const byte *p, bool closed)
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
	return scan_any_number(s, p);
}

static const byte *
scan_word(struct scan *s, const byte *p, const char *expected)
{
	for (; *expected != '\0'; expected++, p++)
		if (byte_at(s, p) != (byte)*expected)
			return bad_text(s, p, "unexpected character");
	return p;
}

/* The byte at p; in a closed text p is never at the end. */
INLINE byte
peek_byte(const struct scan *s, const byte *p, bool closed)
{
	return closed ? *p : byte_at(s, p);
}

/* Skips white space, mostly none or one byte, and returns the byte after it. */
INLINE byte
skip_to_token(const struct scan *s, struct lookahead *w, const byte **place, bool closed)
{
	const byte *p = *place;
	byte c = peek_byte(s, p, closed);

	if (c == ' ')
		c = peek_byte(s, ++p, closed);
	if (unlikely(c <= ' ')) {
		p = skip_spaces(p, s->text.end);
		*w = lookahead_seek(&s->text, *w, p);
		c = byte_at(s, p);
	}
	*place = p;
	return c;
}

/* Two bytes as they are in memory. */
INLINE uint16_t
two_bytes(const void *p)
{
	uint16_t two;

	memcpy(&two, p, sizeof(two));
	return two;
}

/* A member's name, in quotes, ends here like the one that is looked for. */
OUTLINE void
note_name(struct scan *s, const byte *end)
{
	const ptrdiff_t len = sizeof(TRACED) - 1;

	if (end - s->text.start >= len && memcmp(end - len, TRACED, (size_t)len) == 0)
		s->seen = true;
}

/*
 * Scans the whole text.  A stack holds the closing bracket of every array and
 * object that the scan is in.
 *
 * A text is closed if its last byte is a closing bracket.  Records are such
 * texts, and in them looking at the next byte cannot run past the end: every
 * step other than the one over a closing bracket ends before the last byte.
 * Therefore this function is compiled twice, with and without a check for the
 * end at each look.
 *
 * It is compiled once more for those who want to know of a member's name, as
 * all others should not pay for that.
 */
INLINE const byte *
scan_text(struct scan *s, bool closed, bool notes)
{
	byte closers[JSON_MAX_DEPTH + 1]; /* from [1] */
	size_t depth = 0;
	const byte *p = s->text.start;
	struct lookahead w = lookahead_at(&s->text, p);
	byte c;

value:
	/*
	 * A value begins: a bracket opens a level, a scalar is scanned to its
	 * end.
	 */
	c = skip_to_token(s, &w, &p, closed);
	switch (c) {
	case '{':
	case '[':
		if (depth == JSON_MAX_DEPTH)
			return bad_text(s, p, "nested deeper than 1024");
		closers[++depth] = (byte)(c + 2); /* in ASCII */
		p++;
		/* It is empty, or its first name or value follows. */
		c = skip_to_token(s, &w, &p, closed);
		if (c == closers[depth])
			goto close;
		if (closers[depth] == '}')
			goto name;
		goto value;
	case '"':
		p = scan_string(s, &w, false);
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
		p = scan_number(s, p, closed);
		break;
	case 't':
		p = scan_word(s, p, "true");
		break;
	case 'f':
		p = scan_word(s, p, "false");
		break;
	case 'n':
		p = scan_word(s, p, "null");
		break;
	default:
		return bad_text(s, p, "unexpected character");
	}
	if (unlikely(p == NULL))
		return NULL;
after:
	/*
	 * After a value: at the top only white space is left; else a comma or
	 * bracket.
	 */
	if (depth == 0) {
		p = skip_spaces(p, s->text.end);
		return p == s->text.end ? p
					: bad_text(s, p, "unexpected character after the value");
	}
	c = skip_to_token(s, &w, &p, closed);
	if (c != ',') {
		if (c == closers[depth])
			goto close;
		return bad_text(s, p, "comma or closing bracket expected");
	}
	p++;
	if (closers[depth] == ']')
		goto value;
	c = skip_to_token(s, &w, &p, closed);
name:
	/* A member's name and its colon; then its value. */
	if (c != '"')
		return bad_text(s, p, "name in quotes expected");
	if (unlikely((p = scan_string(s, &w, notes)) == NULL))
		return NULL;
	if (notes && unlikely(two_bytes(p - 3) == two_bytes(TRACED_END)))
		note_name(s, p);
	if (likely(peek_byte(s, p, closed) == ':')) {
		p++; /* without a look for white space */
		goto value;
	}
	c = skip_to_token(s, &w, &p, closed);
	if (c != ':')
		return bad_text(s, p, "colon expected");
	p++;
	goto value;
close:
	/*
	 * A closing bracket ends a level.  If it is the last byte of the text,
	 * it must have ended the outermost one.
	 */
	depth--;
	p++;
	if (unlikely(p == s->text.end && depth > 0))
		return bad_text(s, p, "");
	goto after;
}

INLINE bool
check(struct scan *s, bool notes, struct json_error *err)
{
	const byte *start = s->text.start, *end = s->text.end;
	bool closed = start < end && (end[-1] == '}' || end[-1] == ']');

	if ((closed ? scan_text(s, true, notes) : scan_text(s, false, notes)) != NULL)
		return true;
	if (err != NULL)
		*err = (struct json_error){(size_t)(s->bad - start), s->what};
	return false;
}

bool
json_check(const char *text, size_t len, struct json_error *err)
{
	const byte *start = (const byte *)text;
	struct scan s = {.text = {start, start + len}};

	return check(&s, false, err);
}

bool
json_check_traced(const char *text, size_t len, bool *seen, struct json_error *err)
{
	const byte *start = (const byte *)text;
	struct scan s = {.text = {start, start + len}};
	bool valid = check(&s, true, err);

	*seen = s.seen;
	return valid;
}

bool
json_blank(const char *text, size_t len)
{
	const byte *start = (const byte *)text;

	return skip_spaces(start, start + len) == start + len;
}
