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
 * The page for a view, given as view_json() has it: HTML, UTF-8, malloc'd.
 * NULL with errno ENOMEM.
 */
char *page_render(json_t *view, size_t *len);

/* The value of its Content-Security-Policy; static. */
const char *page_policy(void);

#endif
