#ifndef ALLOC_H
#define ALLOC_H

/* Memory for the commands on files: where there is none the process ends. */

#include <stddef.h>

/* Returns p, unless it is NULL: then ends the process with "out of memory". */
void *must(void *p);

/* reallocarray(3), but ends the process instead of returning NULL. */
void *grow(void *p, size_t n, size_t size);

#endif
