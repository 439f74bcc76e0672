#include "alloc.h"

#include <err.h>
#include <stdlib.h>

void *
must(void *p)
{
	if (p == NULL)
		errx(2, "out of memory");
	return p;
}

void *
grow(void *p, size_t n, size_t size)
{
	return must(reallocarray(p, n, size));
}
