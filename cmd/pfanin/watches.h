#ifndef WATCHES_H
#define WATCHES_H

/*
 * What inotify(7) watches, by the number it gave to the watch.  The owner of a
 * watch has it in a struct of its own.
 */

#include <sys/queue.h>

#define WATCHES_LISTS 1024

enum watch_kind { WATCH_FOLDER, WATCH_FILE };

struct watch {
	int wd; /* -1: none */
	enum watch_kind kind;
	LIST_ENTRY(watch) link;
};

LIST_HEAD(watch_list, watch);

struct watches {
	struct watch_list list[WATCHES_LISTS];
};

/* All zero at first.  `w` has its wd, which no other watch has. */
void watches_add(struct watches *, struct watch *w);
void watches_remove(struct watch *);

/* NULL: there is none, or no more. */
struct watch *watches_find(const struct watches *, int wd);

#endif
