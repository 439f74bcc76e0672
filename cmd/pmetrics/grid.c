#include "grid.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* A text that is being put into cells. */
struct text {
	const char *at;
	size_t left;
	char ch[5]; /* the present character, harmless */
	int width;  /* its columns; 0: there is none */
};

int
grid_resize(struct grid *g, int width, int height)
{
	struct cell *cell;

	cell = reallocarray(g->cell, (size_t)width * (size_t)height, sizeof(*cell));
	if (cell == NULL)
		return -1;
	g->cell = cell;
	g->width = width;
	g->height = height;
	grid_clear(g);
	return 0;
}

void
grid_free(struct grid *g)
{
	free(g->cell);
	g->cell = NULL;
}

void
grid_clear(struct grid *g)
{
	const struct cell blank = {.text = " "};

	for (int i = 0; i < g->width * g->height; i++)
		g->cell[i] = blank;
	g->top = 0;
	g->bottom = g->height;
}

/* Goes to the next character. */
static void
next(struct text *t, bool utf8)
{
	size_t n;

	t->width = 0;
	if (t->left == 0)
		return;
	if ((n = utf8_char(t->at, t->left)) == 0)
		n = 1;
	memcpy(t->ch, t->at, n);
	t->ch[n] = '\0';
	t->width = utf8_fit(t->at, n, 1) == n ? 1 : 2;
	utf8_tame(t->ch, n, "");
	if ((n > 1 && !utf8) || t->ch[0] == '?') {
		strcpy(t->ch, "?");
		t->width = 1;
	}
	t->at += n;
	t->left -= n;
}

static struct text
text_begin(const char *s, size_t len, bool utf8)
{
	struct text t = {.at = s, .left = len};

	next(&t, utf8);
	return t;
}

static int
columns(const struct grid *g, const char *s, size_t len)
{
	int n = 0;

	for (struct text t = text_begin(s, len, g->utf8); t.width > 0; next(&t, g->utf8))
		n += t.width;
	return n;
}

int
grid_columns(const struct grid *g, const char *s)
{
	return columns(g, s, strlen(s));
}

/* A character may replace half of a wide one: the other half goes, too. */
static void
set_cell(struct grid *g, int y, int x, const char *text, unsigned ink)
{
	struct cell *c;

	if (y < g->top || y >= g->bottom || x < 0 || x >= g->width)
		return;
	c = &g->cell[y * g->width + x];
	if (c->text[0] == '\0' && text[0] != '\0' && x > 0)
		strcpy(c[-1].text, " ");
	if (text[0] != '\0' && x + 1 < g->width && c[1].text[0] == '\0')
		strcpy(c[1].text, " ");
	strlcpy(c->text, text, sizeof(c->text));
	c->ink = (unsigned char)ink;
}

static int
put(struct grid *g, int y, int x, int width, unsigned ink, const char *s, size_t len)
{
	const int mark = columns(g, s, len) > width ? 1 : 0;
	int n = 0;

	if (x + width > g->width)
		width = g->width - x;
	for (struct text t = text_begin(s, len, g->utf8);
	     t.width > 0 && n + t.width <= width - mark; next(&t, g->utf8)) {
		set_cell(g, y, x + n, t.ch, ink);
		if (t.width == 2)
			set_cell(g, y, x + n + 1, "", ink);
		n += t.width;
	}
	if (mark != 0 && width > 0)
		set_cell(g, y, x + n++, g->utf8 ? "\xe2\x80\xa6" : "~", ink);
	return n;
}

int
grid_put(struct grid *g, int y, int x, int width, unsigned ink, const char *text)
{
	return put(g, y, x, width, ink, text, strlen(text));
}

void
grid_right(struct grid *g, int y, int x, int width, unsigned ink, const char *text)
{
	int n = grid_columns(g, text);

	if (n > width)
		n = width;
	grid_put(g, y, x + width - n, n, ink, text);
}

/* How many bytes of the text fit into a line, broken at the last blank. */
static size_t
line_of(const struct grid *g, const char *text, int width)
{
	size_t len = strlen(text), end = 0;

	if (columns(g, text, len) <= width)
		return len;
	for (size_t i = 1; i < len && columns(g, text, i) <= width; i++)
		if (text[i] == ' ')
			end = i;
	return end > 0 ? end : len;
}

int
grid_wrap(struct grid *g, int y, int x, int width, int lines, unsigned ink, const char *text)
{
	int n = 0;

	for (size_t len; *text != '\0' && n < lines; text += len, text += strspn(text, " "), n++) {
		len = n + 1 < lines ? line_of(g, text, width) : strlen(text);
		put(g, y + n, x, width, ink, text, len);
	}
	return n;
}

void
grid_ink(struct grid *g, int y, int x, int width, unsigned ink)
{
	for (; width > 0; x++, width--)
		if (y >= g->top && y < g->bottom && x >= 0 && x < g->width)
			g->cell[y * g->width + x].ink |= (unsigned char)ink;
}
