#include "accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* A piece of a header, without white space around it. */
struct piece {
	const char *text;
	size_t len;
};

/* An element of a list: the name, and the parameters that count for us. */
struct element {
	struct piece name;
	struct piece version;
	double q; /* below 0: not a number */
};

static struct piece
trim(const char *text, size_t len)
{
	while (len > 0 && (*text == ' ' || *text == '\t'))
		text++, len--;
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	return (struct piece){text, len};
}

static bool
piece_is(struct piece p, const char *word)
{
	return p.len == strlen(word) && strncasecmp(p.text, word, p.len) == 0;
}

/* The length of what comes before the separator that is in no quotes. */
static size_t
length_before(const char *text, size_t len, char separator)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < len && (quoted || text[i] != separator); i++) {
		if (text[i] == '"')
			quoted = !quoted;
		else if (quoted && text[i] == '\\' && i + 1 < len)
			i++;
	}
	return i;
}

/* Takes the next piece off the front; false at the end. */
static bool
next_piece(struct piece *rest, char separator, struct piece *piece)
{
	size_t len;

	if (rest->len == 0)
		return false;
	len = length_before(rest->text, rest->len, separator);
	*piece = trim(rest->text, len);
	len += len < rest->len; /* the separator */
	rest->text += len;
	rest->len -= len;
	return true;
}

/* A quality such as 0.75, .75 or 1; -1 for what is none. */
static double
read_q(struct piece p)
{
	double q = 0, place = 1;
	bool point = false, digit = false;

	for (size_t i = 0; i < p.len; i++) {
		if (p.text[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (p.text[i] < '0' || p.text[i] > '9')
			return -1;
		digit = true;
		if (point)
			place /= 10;
		q = point ? q + (p.text[i] - '0') * place : q * 10 + (p.text[i] - '0');
	}
	return !digit ? -1 : q > 1 ? 1 : q;
}

static struct element
read_element(struct piece text)
{
	struct element e = {.q = 1};
	struct piece parameter, name;

	(void)next_piece(&text, ';', &e.name);
	while (next_piece(&text, ';', &parameter)) {
		if (!next_piece(&parameter, '=', &name))
			continue;
		parameter = trim(parameter.text, parameter.len);
		if (parameter.len >= 2 && *parameter.text == '"' &&
		    parameter.text[parameter.len - 1] == '"')
			parameter = (struct piece){parameter.text + 1, parameter.len - 2};
		if (piece_is(name, "q"))
			e.q = read_q(parameter);
		else if (piece_is(name, "version"))
			e.version = parameter;
	}
	return e;
}

/*
 * How closely a media range fits the format: 0 not at all, 1 `*` and `/`, 2 a
 * type, 3 a format.  The names of our metrics have no characters that would
 * need an escaping, so any `escaping` fits, and 0.0.4 and 1.0.0 of text/plain
 * are the same.
 */
static int
fits(const struct element *e, enum exposition_format format)
{
	bool open = format == EXPOSITION_OPENMETRICS;

	if (piece_is(e->name, "*/*"))
		return 1;
	if (piece_is(e->name, open ? "application/*" : "text/*"))
		return 2;
	if (!piece_is(e->name, open ? "application/openmetrics-text" : "text/plain"))
		return 0;
	if (e->version.len == 0 || piece_is(e->version, "1.0.0") ||
	    (!open && piece_is(e->version, "0.0.4")))
		return 3;
	return 0;
}

/* How much a format is liked. */
struct liking {
	int fit; /* of the closest range */
	double q;
	unsigned place; /* of that range in the header */
};

/* The closest range counts; of equally close ones the best. */
static struct liking
like(const char *accept, enum exposition_format format)
{
	struct piece rest = {accept, strlen(accept)}, piece;
	struct liking best = {0};

	for (unsigned place = 0; next_piece(&rest, ',', &piece); place++) {
		struct element e = read_element(piece);
		int fit = e.q >= 0 ? fits(&e, format) : 0;

		if (fit > best.fit || (fit > 0 && fit == best.fit && e.q > best.q))
			best = (struct liking){fit, e.q, place};
	}
	return best;
}

enum exposition_format
accept_format(const char *accept)
{
	struct liking text, open;
	bool better;

	if (accept == NULL)
		return EXPOSITION_TEXT;
	text = like(accept, EXPOSITION_TEXT);
	open = like(accept, EXPOSITION_OPENMETRICS);
	if (open.q > text.q || open.q < text.q)
		better = open.q > text.q;
	else if (open.fit != text.fit)
		better = open.fit > text.fit;
	else
		better = open.place < text.place;
	return better && open.q > 0 ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT;
}

bool
accept_gzip(const char *accept_encoding)
{
	double gzip = -1, identity = -1, other = -1;
	struct piece rest, piece;

	if (accept_encoding == NULL)
		return false;
	rest = (struct piece){accept_encoding, strlen(accept_encoding)};
	while (next_piece(&rest, ',', &piece)) {
		struct element e = read_element(piece);

		if (piece_is(e.name, "gzip") || piece_is(e.name, "x-gzip"))
			gzip = e.q;
		else if (piece_is(e.name, "identity"))
			identity = e.q;
		else if (piece_is(e.name, "*"))
			other = e.q;
	}
	if (gzip < 0)
		gzip = other;
	return gzip > 0 && gzip >= identity;
}
