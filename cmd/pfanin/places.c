#include "places.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

#define FOLDER_EVENTS                                                                       \
	(IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB | IN_DELETE_SELF | \
	    IN_MOVE_SELF | IN_ONLYDIR)

/* An operand, cut into the components of its path. */
struct operand {
	const char *given; /* the caller's */
	char *text;        /* holds the components */
	bool pattern, matched;
	size_t n;
	char **component;
	struct known *link; /* a symbolic link, whose target this is; or NULL */
	struct folder *top;
	TAILQ_ENTRY(operand) all;
};

/* A folder in which the entries are looked for that match a component. */
struct folder {
	struct operand *operand;
	size_t level;        /* of that component */
	char *path;          /* with a slash; "": the working directory */
	struct place *place; /* NULL: it is not there, or cannot be watched */
	LIST_ENTRY(folder) here, alike;
	struct folder *below; /* one of those in it */
	struct folder *next;  /* another one in the same folder */
};

LIST_HEAD(folders, folder);
LIST_HEAD(alikes, folder);

/* A folder as the system knows it: several operands may lead there. */
struct place {
	struct watch watch;
	struct folders folders;
	struct alikes patterns; /* those of them that look for a pattern */
};

#define PLACES_LISTS 1024

/* A name. */
struct known {
	struct name name; /* the first member */
	char *path;       /* the name's */
	char *target;     /* that it had as a symbolic link; or NULL */
};

TAILQ_HEAD(names, name);
TAILQ_HEAD(operands, operand);

struct places {
	int inotify;
	struct watches *watches;
	void (*check)(void *, struct name *);
	void *arg;
	void *by_path; /* the names; tsearch(3) */
	struct names names;
	struct operands operands;
	struct alikes plain[PLACES_LISTS]; /* that look for one entry */
	int error;                         /* of the running call; 0: none */
};

struct places *
places_new(int inotify, struct watches *watches, void (*check)(void *, struct name *), void *arg)
{
	struct places *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	*p = (struct places){.inotify = inotify, .watches = watches, .check = check, .arg = arg};
	TAILQ_INIT(&p->names);
	TAILQ_INIT(&p->operands);
	return p;
}

static void
leave_place(struct folder *f)
{
	struct place *place = f->place;

	if (place == NULL)
		return;
	LIST_REMOVE(f, here);
	LIST_REMOVE(f, alike);
	f->place = NULL;
	if (!LIST_EMPTY(&place->folders))
		return;
	watches_remove(&place->watch);
	free(place);
}

static void
free_folder(struct folder *f)
{
	struct folder *below;

	if (f == NULL)
		return;
	while ((below = f->below) != NULL) {
		f->below = below->next;
		free_folder(below);
	}
	leave_place(f);
	free(f->path);
	free(f);
}

static void
free_operand(struct operand *op)
{
	free_folder(op->top);
	free(op->component);
	free(op->text);
	free(op);
}

static void
free_known(void *item)
{
	struct known *k = item;

	free(k->path);
	free(k->target);
	free(k);
}

void
places_free(struct places *p)
{
	struct operand *op;

	if (p == NULL)
		return;
	while ((op = TAILQ_FIRST(&p->operands)) != NULL) {
		TAILQ_REMOVE(&p->operands, op, all);
		free_operand(op);
	}
	tdestroy(p->by_path, free_known);
	free(p);
}

static bool
has_pattern(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

/* Whether the operand has a pattern, and names no file as it stands. */
static bool
operand_is_pattern(const char *operand)
{
	struct stat st;

	return has_pattern(operand) && lstat(operand, &st) == -1;
}

/* Whether any entry but this component itself can match it. */
static bool
is_pattern(const struct folder *f)
{
	return f->operand->pattern && has_pattern(f->operand->component[f->level]);
}

static bool
matches(const struct folder *f, const char *entry)
{
	const char *component = f->operand->component[f->level];

	return is_pattern(f) ? fnmatch(component, entry, FNM_PERIOD) == 0
			     : strcmp(component, entry) == 0;
}

static bool
is_last(const struct folder *f)
{
	return f->level + 1 == f->operand->n;
}

/* folder + entry + end, malloc'd. */
static char *
join(const char *folder, const char *entry, const char *end)
{
	char *path;

	return asprintf(&path, "%s%s%s", folder, entry, end) == -1 ? NULL : path;
}

static struct folder *
new_folder(struct operand *op, size_t level, char *path)
{
	struct folder *f = path != NULL ? malloc(sizeof(*f)) : NULL;

	if (f != NULL)
		*f = (struct folder){.operand = op, .level = level, .path = path};
	else
		free(path);
	return f;
}

/* Cuts the text at its slashes.  -1 with errno. */
static int
cut_operand(struct operand *op)
{
	char *rest = op->text, *part;
	size_t most = strlen(op->text) / 2 + 1;

	if ((op->component = calloc(most, sizeof(*op->component))) == NULL)
		return -1;
	while ((part = strsep(&rest, "/")) != NULL)
		if (part[0] != '\0')
			op->component[op->n++] = part;
	errno = ENOENT;
	return op->n > 0 ? 0 : -1;
}

static struct operand *
new_operand(const char *text, struct known *link)
{
	struct operand *op = calloc(1, sizeof(*op));

	if (op == NULL)
		return NULL;
	op->given = text;
	op->link = link;
	op->pattern = link == NULL && operand_is_pattern(text);
	if ((op->text = strdup(text)) != NULL && cut_operand(op) == 0 &&
	    (op->top = new_folder(op, 0, strdup(text[0] == '/' ? "/" : ""))) != NULL)
		return op;
	free_operand(op);
	return NULL;
}

int
places_add(struct places *p, const char *operand)
{
	struct operand *op = new_operand(operand, NULL);

	if (op == NULL)
		return -1;
	TAILQ_INSERT_TAIL(&p->operands, op, all);
	return 0;
}

static int
compare_known(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->path, ((const struct known *)b)->path);
}

/* The name of this path, which this call takes over.  NULL: no memory. */
static struct known *
know(struct places *p, char *path, bool wanted)
{
	struct known *k, key = {.path = path}, **found;

	if (path == NULL)
		return NULL;
	if ((found = tfind(&key, &p->by_path, compare_known)) != NULL) {
		free(path);
		k = *found;
		k->name.wanted = k->name.wanted || wanted;
		return k;
	}
	if ((k = calloc(1, sizeof(*k))) == NULL) {
		free(path);
		return NULL;
	}
	*k = (struct known){.path = path, .name = {.path = path, .wanted = wanted}};
	if (tsearch(k, &p->by_path, compare_known) == NULL) {
		free_known(k);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&p->names, &k->name, link);
	return k;
}

/* The folders that look for this entry and no other one, and some others. */
static struct alikes *
plain_of(struct places *p, const char *entry)
{
	return &p->plain[hash_bytes(entry, strlen(entry)) % PLACES_LISTS];
}

/* The system watches the folder, if it is there, under this number. */
static void
enter_place(struct places *p, struct folder *f, int wd)
{
	struct watch *w = watches_find(p->watches, wd);
	struct place *place = (struct place *)w;

	if (w == NULL) {
		if ((place = calloc(1, sizeof(*place))) == NULL) {
			p->error = errno;
			return;
		}
		place->watch = (struct watch){.wd = wd, .kind = WATCH_FOLDER};
		watches_add(p->watches, &place->watch);
	}
	LIST_INSERT_HEAD(&place->folders, f, here);
	LIST_INSERT_HEAD(
	    is_pattern(f) ? &place->patterns : plain_of(p, f->operand->component[f->level]), f,
	    alike);
	f->place = place;
}

/* Watches what the path of the folder names now. */
static void
watch_folder(struct places *p, struct folder *f)
{
	const char *path = f->path[0] != '\0' ? f->path : ".";
	int wd = inotify_add_watch(p->inotify, path, FOLDER_EVENTS);

	if (wd == -1 && (errno == ENOSPC || errno == ENOMEM))
		p->error = errno;
	if (f->place != NULL && f->place->watch.wd == wd)
		return;
	if (f->place != NULL && LIST_FIRST(&f->place->folders) == f && LIST_NEXT(f, here) == NULL)
		(void)inotify_rm_watch(p->inotify, f->place->watch.wd);
	leave_place(f);
	if (wd != -1)
		enter_place(p, f, wd);
}

static void scan_folder(struct places *, struct folder *);

/* If the name is a symbolic link, what it points to is watched as well. */
static void
follow_link(struct places *p, struct known *k)
{
	struct operand *op;
	struct stat st;
	char *target;

	if (lstat(k->path, &st) == -1 || !S_ISLNK(st.st_mode) ||
	    (target = realpath(k->path, NULL)) == NULL)
		return;
	if (k->target != NULL && strcmp(k->target, target) == 0) {
		free(target);
		return;
	}
	free(k->target);
	k->target = target;
	if ((op = new_operand(target, k)) == NULL) {
		p->error = errno;
		return;
	}
	TAILQ_INSERT_TAIL(&p->operands, op, all);
	scan_folder(p, op->top);
}

static void
check(struct places *p, struct known *k)
{
	p->check(p->arg, &k->name);
	follow_link(p, k);
}

static void
check_all(struct places *p)
{
	struct name *name;

	TAILQ_FOREACH (name, &p->names, link)
		check(p, (struct known *)name);
}

/* The folder of this name in f; made, if it has to be. */
static struct folder *
folder_below(struct places *p, struct folder *f, const char *entry)
{
	char *path = join(f->path, entry, "/");
	struct folder *below;
	struct stat st;

	for (below = f->below; below != NULL && path != NULL; below = below->next)
		if (strcmp(below->path, path) == 0) {
			free(path);
			return below;
		}
	if (path != NULL && is_pattern(f) && stat(path, &st) == -1) {
		free(path); /* it is no folder */
		return NULL;
	}
	if ((below = new_folder(f->operand, f->level + 1, path)) == NULL) {
		p->error = ENOMEM;
		return NULL;
	}
	below->next = f->below;
	f->below = below;
	return below;
}

/* An entry that matches has come, gone or changed, or is seen in a scan. */
static void
look_at(struct places *p, struct folder *f, const char *entry)
{
	const struct operand *op = f->operand;
	struct folder *below;
	struct known *k;

	if (!is_last(f)) {
		if ((below = folder_below(p, f, entry)) != NULL)
			scan_folder(p, below);
		return;
	}
	k = op->link != NULL ? op->link : know(p, join(f->path, entry, ""), !op->pattern);
	if (k == NULL) {
		p->error = ENOMEM;
		return;
	}
	f->operand->matched = true;
	check(p, k);
}

static void
look_at_all(struct places *p, struct folder *f)
{
	DIR *dir = opendir(f->path[0] != '\0' ? f->path : ".");
	struct dirent *d;

	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL)
		if (matches(f, d->d_name))
			look_at(p, f, d->d_name);
	closedir(dir);
}

/* The watch is there before the look, so that nothing is missed in between. */
static void
scan_folder(struct places *p, struct folder *f)
{
	watch_folder(p, f);
	if (is_pattern(f))
		look_at_all(p, f);
	else
		look_at(p, f, f->operand->component[f->level]);
}

static int
result(struct places *p)
{
	int error = p->error;

	p->error = 0;
	errno = error;
	return error == 0 ? 0 : -1;
}

int
places_scan(struct places *p)
{
	struct operand *op;

	check_all(p);
	TAILQ_FOREACH (op, &p->operands, all)
		scan_folder(p, op->top);
	return result(p);
}

/* An array that grows; or with `failed`, without memory for that. */
struct found {
	struct folder **folder;
	size_t n, room;
	bool failed;
};

static void
find(struct found *all, struct folder *f)
{
	size_t room = all->n < all->room ? all->room : 2 * all->room + 8;
	struct folder **grown = all->folder;

	if (room > all->room && (grown = reallocarray(grown, room, sizeof(*grown))) == NULL) {
		all->failed = true;
		return;
	}
	all->folder = grown;
	all->room = room;
	all->folder[all->n++] = f;
}

/*
 * The folders that lead to the place; with an entry, only those that look for
 * it.  What is done for one of them may change the lists.
 */
static struct found
folders_of(struct places *p, const struct place *place, const char *entry)
{
	struct found all = {0};
	struct folder *f;

	if (entry == NULL) {
		LIST_FOREACH (f, &place->folders, here)
			find(&all, f);
		return all;
	}
	LIST_FOREACH (f, &place->patterns, alike)
		if (matches(f, entry))
			find(&all, f);
	LIST_FOREACH (f, plain_of(p, entry), alike)
		if (f->place == place && matches(f, entry))
			find(&all, f);
	return all;
}

/* The folder is not what its path names any more, or has gone. */
static void
folder_changed(struct places *p, struct folder *f, uint32_t mask)
{
	if (mask & IN_IGNORED)
		leave_place(f);
	scan_folder(p, f);
}

int
places_event(struct places *p, struct watch *w, const struct inotify_event *event)
{
	bool itself = event->len == 0, above = itself;
	struct found all = folders_of(p, (struct place *)w, itself ? NULL : event->name);

	if (all.failed)
		p->error = ENOMEM;
	for (size_t i = 0; i < all.n; i++)
		if (itself)
			folder_changed(p, all.folder[i], event->mask);
		else {
			look_at(p, all.folder[i], event->name);
			above = above || !is_last(all.folder[i]);
		}
	free(all.folder);
	/* All that was in the folder may have gone with it. */
	if (above)
		check_all(p);
	return result(p);
}

void
places_unmatched(const struct places *p, void (*say)(const char *))
{
	const struct operand *op;

	TAILQ_FOREACH (op, &p->operands, all)
		if (op->pattern && !op->matched)
			say(op->given);
}

struct name *
places_first(const struct places *p)
{
	return TAILQ_FIRST(&p->names);
}
