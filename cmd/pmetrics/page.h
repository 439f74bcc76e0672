#ifndef PAGE_H
#define PAGE_H

/*
 * The page of `pmetrics serve`: the verdicts, and a table of the parts as they
 * are now.  Its script then shows the graph, and asks for the JSON of the view
 * again and again.  All that the page needs is in it.
 */

#include <stddef.h>

#include <jansson.h>

/*
 * The page for a view, given as view_json() has it: HTML, UTF-8, malloc'd.  It
 * links to the metrics at this path.  NULL with errno ENOMEM.
 */
char *page_render(json_t *view, const char *metrics, size_t *len);

/*
 * The headers that it needs, of which the Content-Security-Policy allows its
 * own style and script and nothing else: pairs of a name and a value, and NULL.
 */
extern const char *const page_headers[];

#endif
