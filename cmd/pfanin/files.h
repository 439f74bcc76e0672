#ifndef FILES_H
#define FILES_H

/*
 * The files that are followed, as the system knows them (inodes), and the names
 * that lead to them.
 *
 * A file becomes an input when it is found; but the next file of a name waits
 * until the one before has been read to its end.  A file that no name leads to
 * any more is looked after until nobody can write to it, and ends then.
 *
 * Whoever calls has a lock on all of it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "trail.h"
#include "watches.h"

struct followed;
struct inputs;

TAILQ_HEAD(followed_list, followed);
LIST_HEAD(file_list, followed);
LIST_HEAD(named_list, named);

#define FILES_LISTS 1024

struct followed {
	struct watch watch; /* the first member */
	dev_t dev;
	ino_t ino;
	const char *path;   /* the name that it was found by */
	int fd;             /* the input's, once there is one */
	struct input *in;   /* NULL: the file before is being read */
	struct trail trail; /* of the thread that has the input */
	void *place;        /* the input's, from its next read on */
	LIST_ENTRY(followed) same_list;

	struct named_list names;         /* that lead to it */
	struct named *former;            /* the one that it lost last */
	struct followed_list successors; /* wait until this one is read */
	TAILQ_ENTRY(followed) turn;      /* as a successor */

	/* While no name leads to it. */
	TAILQ_ENTRY(followed) nameless;
	int64_t since;    /* its last event, monotonic ns */
	int64_t check_at; /* when to look at it; CLOCK_NEVER: after an event */
	bool may_end;     /* nobody can write to it any more */
};

/* Where a name leads. */
struct named {
	struct followed *file;     /* NULL: nowhere */
	struct followed *previous; /* the file before, while that is read */
	LIST_ENTRY(named) same_file;

	/* A file that is left out, as long as it has not changed. */
	bool refuses;
	dev_t dev;
	ino_t ino;
	struct timespec changed;

	/* The last file that lost this name and ended: how far it was read. */
	struct ended {
		dev_t dev;
		ino_t ino;
		struct statx_timestamp born;
		struct evidence text; /* offset 0: there is none */
	} ended;
};

struct files {
	int inotify; /* the caller's */
	int timer;   /* a timerfd; the caller's */
	struct inputs *inputs;
	bool running; /* threads read: an input is armed when it is added */

	/* Called for a file that can't become an input; errno says why. */
	void (*failed)(void *arg, const char *path);
	void *arg;

	/* Its own; all zero at first. */
	struct watches watches; /* those of folders are here as well */
	struct file_list list[FILES_LISTS];
	struct followed_list nameless;
	int64_t next_check; /* for which the timer is set */
};

/* The fields above its own have been set. */
void files_init(struct files *);

/* Frees all of it; no thread reads any more. */
void files_clear(struct files *);

/* NULL: this file is not followed. */
struct followed *files_find(struct files *, const struct stat *);

/* An open file. */
struct found {
	int fd;
	struct stat st;
	struct reader_place at; /* where it is read from */
	void *place;            /* for the input */
};

/*
 * Adds a file, which no name leads to yet.  It waits for `before`, unless that
 * is NULL.  The fd is taken over.  NULL with errno, and the fd stays the
 * caller's.
 */
struct followed *files_add(
    struct files *, const char *path, const struct found *, struct followed *before);

/* The name leads to this file from now on; it led nowhere. */
void files_name(struct files *, struct named *, struct followed *);

/* The name does not lead to its file any more, if it has one. */
void files_unname(struct files *, struct named *);

/*
 * Where the reading of an open file begins: where it ended, if the file had
 * this name before, else at 0.
 */
uint64_t files_resume(const struct named *, int fd, const struct stat *);

/* Something has happened to the file. */
void files_touch(struct files *, struct followed *);
void files_touch_all(struct files *);

/* The timer has expired. */
void files_check(struct files *);

/*
 * The thread that has the input has read all of the file, and `may_end` was so
 * before that read: what was written later could be missed otherwise.  True:
 * the file has ended, and is forgotten.
 */
bool files_at_end(struct files *, struct followed *, bool may_end);

/*
 * The thread that has the input ends it: no name leads to the file any more.
 * files_leave_out() also sees to it that no name of it leads there again.
 */
void files_forget(struct files *, struct followed *);
void files_leave_out(struct files *, struct followed *);
bool files_is_refused(const struct named *, const struct stat *);

#endif
