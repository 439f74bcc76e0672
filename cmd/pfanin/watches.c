#include "watches.h"

#include <stddef.h>

void
watches_add(struct watches *all, struct watch *w)
{
	LIST_INSERT_HEAD(&all->list[w->wd % WATCHES_LISTS], w, link);
}

void
watches_remove(struct watch *w)
{
	LIST_REMOVE(w, link);
	w->wd = -1;
}

struct watch *
watches_find(const struct watches *all, int wd)
{
	struct watch *w;

	if (wd < 0)
		return NULL;
	LIST_FOREACH (w, &all->list[wd % WATCHES_LISTS], link)
		if (w->wd == wd)
			return w;
	return NULL;
}
