#ifndef BROWSE_H
#define BROWSE_H

/*
 * What the user of the screen has chosen to see, and what keys do to that.  A
 * choice is of a pipeline and a part, not of their places: it stays when a
 * later view has them elsewhere.  No terminal; one thread's.
 */

#include <stdbool.h>
#include <stddef.h>

#include "rows.h"

/* Keys that are no characters. */
enum press {
	PRESS_NONE = 0x110000, /* beyond Unicode */
	PRESS_UP,
	PRESS_DOWN,
	PRESS_PAGE_UP,
	PRESS_PAGE_DOWN,
	PRESS_HOME,
	PRESS_END,
	PRESS_LEFT,
	PRESS_RIGHT,
	PRESS_BACKSPACE,
};

enum browse_page { PAGE_PARTS, PAGE_DETAILS, PAGE_HELP };

#define BROWSE_FILTER_SIZE 64
#define BROWSE_IDENTITY_SIZE (MODEL_NAME_SIZE + 48)

struct browse {
	enum browse_page page;
	enum rows_order order;
	bool paused;
	bool typing; /* into the filter */
	bool quit;
	char filter[BROWSE_FILTER_SIZE];
	int scroll; /* of the details, in lines */

	/* The places of the choice in the present view. */
	size_t pipeline, part;
	struct rows rows; /* of that pipeline */

	/* Who they are; "": not chosen. */
	bool chose; /* a part, with the keys; else the verdict's is taken */
	char pipeline_id[BROWSE_IDENTITY_SIZE], part_id[BROWSE_IDENTITY_SIZE];

	/* Killed stages that the user does not want to see any more. */
	size_t n_dismissed;
	unsigned char (*dismissed)[STATFILE_UUID];
};

/*
 * There is a view, a new one or the same after a key: finds what was chosen.
 * -1 with errno ENOMEM.
 */
int browse_view(struct browse *, const struct view *);
void browse_free(struct browse *);

/*
 * A key: a character or an enum press.  `page` is the number of lines that a
 * page has.  The caller calls browse_view() afterwards.  -1 with errno ENOMEM.
 */
int browse_key(struct browse *, int key, const struct view *, int page);

/* The pipeline that is chosen; NULL: there is none. */
const struct model *browse_pipeline(const struct browse *, const struct view *);

/* Whether the verdict names this part. */
bool browse_named(const struct model *, size_t part);

#endif
