#ifndef VIEWJSON_H
#define VIEWJSON_H

/*
 * A view as JSON: what `print --format json`, `top --json` and
 * /api/v1/pipelines give.  Its members are in pmetrics(1).
 *
 * A number that is not known is null, so that parts of the same kind always
 * have the same members.  Ids of parts are of this view only.
 */

#include <jansson.h>

#include "model.h"

/* How it is written: six places are more than what is measured has. */
#define VIEWJSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(6))

/* A new reference, or NULL with errno ENOMEM. */
json_t *view_json(const struct view *);

#endif
