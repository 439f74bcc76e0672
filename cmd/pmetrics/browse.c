#include "browse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

/* Who a part is: a stage by the id of its file, others by what is known. */
static void
identify(const struct part *p, char id[BROWSE_IDENTITY_SIZE])
{
	char uuid[2 * STATFILE_UUID + 1];

	if (p->stage != NULL)
		hex_print(p->stage->header.uuid, STATFILE_UUID, uuid);
	snprintf(id, BROWSE_IDENTITY_SIZE, "%d %ld %s", (int)p->kind, (long)p->pid,
	    p->stage != NULL ? uuid : p->name);
}

static bool
is(const struct part *p, const char *id)
{
	char other[BROWSE_IDENTITY_SIZE];

	identify(p, other);
	return strcmp(id, other) == 0;
}

static size_t
find_part(const struct model *m, const char *id)
{
	for (size_t i = 0; i < m->n; i++)
		if (is(&m->part[i], id))
			return i;
	return m->n;
}

/* A pipeline is known by its first stage. */
static void
identify_pipeline(const struct model *m, char id[BROWSE_IDENTITY_SIZE])
{
	size_t i = 0;

	while (i + 1 < m->n && m->part[i].kind != PART_STAGE)
		i++;
	id[0] = '\0';
	if (m->n > 0)
		identify(&m->part[i], id);
}

const struct model *
browse_pipeline(const struct browse *b, const struct view *v)
{
	return b->pipeline < v->n ? &v->pipeline[b->pipeline] : NULL;
}

/* The pipeline that was chosen, or the first one. */
static void
find_pipeline(struct browse *b, const struct view *v)
{
	for (size_t i = 0; i < v->n && b->pipeline_id[0] != '\0'; i++)
		if (find_part(&v->pipeline[i], b->pipeline_id) < v->pipeline[i].n) {
			b->pipeline = i;
			return;
		}
	b->pipeline = 0;
	b->chose = false;
	if (v->n > 0)
		identify_pipeline(&v->pipeline[0], b->pipeline_id);
}

bool
browse_named(const struct model *m, size_t part)
{
	switch (m->verdict.kind) {
	case VERDICT_MEASURING:
	case VERDICT_ENDED:
	case VERDICT_BALANCED:
	case VERDICT_CATCHING_UP:
		return false;
	case VERDICT_POOL:
	case VERDICT_WORK:
	case VERDICT_ORDER:
	case VERDICT_SILENT:
	case VERDICT_RATE:
	case VERDICT_PROGRAM:
	case VERDICT_KEEPS_UP:
		break;
	}
	for (size_t i = 0; i < m->verdict.n_also; i++)
		if (m->verdict.also[i] == part)
			return true;
	for (size_t i = 0; i < m->verdict.n_beside; i++)
		if (m->verdict.beside[i] == part)
			return true;
	return m->verdict.part == part;
}

/* The part that was chosen, or a stage: the verdict's, or the first one. */
static void
choose_part(struct browse *b, const struct model *m)
{
	size_t i;

	if (b->chose && (i = find_part(m, b->part_id)) < m->n) {
		b->part = i;
		return;
	}
	b->chose = false;
	for (i = 0; i < m->n && (m->part[i].kind != PART_STAGE || !browse_named(m, i));)
		i++;
	if (i == m->n)
		for (i = 0; i + 1 < m->n && m->part[i].kind != PART_STAGE;)
			i++;
	b->part = i;
}

/* Which parts the user does not want to see; NULL with errno: no memory. */
static bool *
find_hidden(const struct browse *b, const struct model *m)
{
	bool *hidden = calloc(m->n + 1, sizeof(*hidden));

	for (size_t i = 0; hidden != NULL && i < m->n; i++)
		for (size_t k = 0; m->part[i].stage != NULL && k < b->n_dismissed; k++)
			if (memcmp(b->dismissed[k], m->part[i].stage->header.uuid, STATFILE_UUID) ==
			    0)
				hidden[i] = true;
	return hidden;
}

int
browse_view(struct browse *b, const struct view *v)
{
	const struct model *m;
	bool *hidden;
	int error;

	find_pipeline(b, v);
	if ((m = browse_pipeline(b, v)) == NULL) {
		b->rows.n = 0;
		return 0;
	}
	if ((hidden = find_hidden(b, m)) == NULL)
		return -1;
	error = rows_make(&b->rows, m, b->order, b->filter, hidden);
	free(hidden);
	if (error == -1)
		return -1;
	choose_part(b, m);
	/* What is chosen can be seen. */
	if (b->rows.n > 0)
		b->part = b->rows.row[rows_find(&b->rows, m, b->part)].part;
	return 0;
}

void
browse_free(struct browse *b)
{
	rows_free(&b->rows);
	free(b->dismissed);
	*b = (struct browse){0};
}

static void
choose(struct browse *b, const struct model *m, size_t row)
{
	b->part = b->rows.row[row].part;
	identify(&m->part[b->part], b->part_id);
	b->chose = true;
}

/* Goes so many lines up or down in the table, or in the details. */
static void
go(struct browse *b, const struct model *m, long lines)
{
	long row;

	if (b->page != PAGE_PARTS) {
		b->scroll = b->scroll + lines < 0 ? 0 : b->scroll + (int)lines;
	} else if (m != NULL && b->rows.n > 0) {
		row = (long)rows_find(&b->rows, m, b->part) + lines;
		if (row >= (long)b->rows.n)
			row = (long)b->rows.n - 1;
		choose(b, m, row < 0 ? 0 : (size_t)row);
	}
}

/* The next pipeline, or the first one after the last. */
static void
next_pipeline(struct browse *b, const struct view *v)
{
	if (v->n == 0)
		return;
	identify_pipeline(&v->pipeline[(b->pipeline + 1) % v->n], b->pipeline_id);
	b->chose = false;
	b->scroll = 0;
}

static int
dismiss(struct browse *b, const struct model *m)
{
	for (size_t i = 0; m != NULL && i < m->n; i++) {
		const struct part *p = &m->part[i];
		void *more;

		if (!p->ended || p->how != EXIT_KILLED || p->stage == NULL)
			continue;
		more = reallocarray(b->dismissed, b->n_dismissed + 1, sizeof(b->dismissed[0]));
		if (more == NULL)
			return -1;
		b->dismissed = more;
		memcpy(b->dismissed[b->n_dismissed++], p->stage->header.uuid, STATFILE_UUID);
	}
	return 0;
}

/* Only ASCII can be typed into the filter. */
static void
type(struct browse *b, int key)
{
	size_t n = strlen(b->filter);

	if (key == '\n' || key == '\r' || key == '\033') {
		b->typing = false;
		if (key == '\033')
			b->filter[0] = '\0';
	} else if (key == PRESS_BACKSPACE || key == '\b' || key == 0x7f) {
		if (n > 0)
			b->filter[n - 1] = '\0';
		else
			b->typing = false;
	} else if (key >= ' ' && key < 0x7f && n + 1 < sizeof(b->filter)) {
		b->filter[n] = (char)key;
		b->filter[n + 1] = '\0';
	}
}

static void
turn_to(struct browse *b, enum browse_page page)
{
	b->page = b->page == page ? PAGE_PARTS : page;
	b->scroll = 0;
}

/* Leaves what was entered last. */
static void
leave(struct browse *b)
{
	if (b->page != PAGE_PARTS)
		turn_to(b, PAGE_PARTS);
	else if (b->filter[0] != '\0')
		b->filter[0] = '\0';
	else
		b->chose = false;
}

int
browse_key(struct browse *b, int key, const struct view *v, int page)
{
	const struct model *m = browse_pipeline(b, v);

	if (b->typing) {
		type(b, key);
		return 0;
	}
	switch (key) {
	case 'q':
	case 'Q':
		b->quit = true;
		break;
	case 'p':
	case ' ':
		b->paused = !b->paused;
		break;
	case 's':
		b->order = (b->order + 1) % ROWS_ORDERS;
		break;
	case 'd':
		return dismiss(b, m);
	case '/':
		b->typing = true;
		b->page = PAGE_PARTS;
		break;
	case '?':
	case 'h':
		turn_to(b, PAGE_HELP);
		break;
	case '\n':
	case '\r':
	case PRESS_RIGHT:
		turn_to(b, PAGE_DETAILS);
		break;
	case '\033':
	case PRESS_LEFT:
	case PRESS_BACKSPACE:
	case 0x7f:
		leave(b);
		break;
	case '\t':
		next_pipeline(b, v);
		break;
	case 'k':
	case PRESS_UP:
		go(b, m, -1);
		break;
	case 'j':
	case PRESS_DOWN:
		go(b, m, 1);
		break;
	case PRESS_PAGE_UP:
		go(b, m, -page);
		break;
	case PRESS_PAGE_DOWN:
		go(b, m, page);
		break;
	case 'g':
	case PRESS_HOME:
		go(b, m, -1000000);
		break;
	case 'G':
	case PRESS_END:
		go(b, m, 1000000);
		break;
	default:
		break;
	}
	return 0;
}
