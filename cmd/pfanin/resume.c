#include "resume.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bookmark.h"
#include "former.h"
#include "rejoin.h"
#include "resume_places.h"
#include "stage/inputs.h"
#include "stage/stage.h"

static struct place *
add_place(struct resume *r, const struct bookmark *book, enum origin_kind origin)
{
	struct place *p = malloc(sizeof(*p));

	if (p == NULL)
		return NULL;
	*p = (struct place){.book = *book, .origin = origin, .sent = book->done};
	STAILQ_INSERT_TAIL(&r->all, p, all);
	LIST_INSERT_HEAD(&r->list[book->inode % RESUME_LISTS], p, same_list);
	r->n++;
	return p;
}

/* Whether it is not needed any more. */
static bool
is_over(const struct place *p)
{
	return p->origin == GONE && p->book.done.offset >= p->end;
}

/* Text of all inputs that are to be kept, malloc'd.  NULL with errno. */
static char *
print_all(struct resume *r, size_t *len)
{
	const struct bookmark **books = calloc(r->n + 1, sizeof(*books));
	char *text = NULL;
	FILE *to = books != NULL ? open_memstream(&text, len) : NULL;
	const struct place *p;
	size_t n = 0;
	bool failed;

	if (to != NULL) {
		STAILQ_FOREACH (p, &r->all, all)
			if (!is_over(p))
				books[n++] = &p->book;
		bookmarks_print(to, books, n);
		failed = ferror(to) != 0;
		if (fclose(to) == EOF || failed) {
			free(text);
			text = NULL;
		}
	}
	free(books);
	return text;
}

int
resume_write(struct resume *r)
{
	char *text;
	size_t len;
	int result;

	pthread_mutex_lock(&r->lock);
	text = print_all(r, &len);
	pthread_mutex_unlock(&r->lock);
	pthread_mutex_lock(&r->saving);
	result = text != NULL ? bookfile_write(&r->file, text, len) : -1;
	pthread_mutex_unlock(&r->saving);
	free(text);
	return result;
}

static void
read_all(struct resume *r, const char *text, size_t len)
{
	const char *why;
	char line[128];
	size_t n;
	struct bookmark *books = bookmarks_parse(text, len, &n, &why, line);

	if (books == NULL)
		errx(2,
		    "--state %s: it cannot be used (%s); put a copy back, or remove it to read all "
		    "inputs from their start",
		    r->given, why);
	for (size_t i = 0; i < n; i++)
		if (add_place(r, &books[i], FROM_FILE) == NULL)
			errx(2, "out of memory");
	free(books);
}

struct resume *
resume_open(const char *path)
{
	struct resume *r = calloc(1, sizeof(*r));
	const char *why;
	char *text;
	size_t len;

	if (r == NULL)
		errx(2, "out of memory");
	r->given = path;
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_init(&r->saving, NULL);
	STAILQ_INIT(&r->all);
	SLIST_INIT(&r->moved);
	if ((text = bookfile_open(&r->file, path, &len, &why)) == NULL)
		errx(2, "--state %s: %s", path, why != NULL ? why : strerror(errno));
	if (len > 0)
		read_all(r, text, len);
	free(text);
	if (resume_write(r) == -1)
		err(2, "--state %s", path);
	return r;
}

/* The path from the root; symbolic links are names, too.  NULL with errno. */
static char *
absolute(const char *path)
{
	char *folder, *all;

	if (*path == '/' || strcmp(path, "-") == 0 || strncmp(path, "fd:", 3) == 0)
		return strdup(path);
	if ((folder = getcwd(NULL, 0)) == NULL)
		return NULL;
	if (asprintf(&all, "%s/%s", folder, path) == -1)
		all = NULL;
	free(folder);
	return all;
}

/*
 * Whether the bookmark is that of this file.  Where there is a text to know it
 * by, the device may have another number: after a reboot it can.
 */
static bool
is_same_file(const struct bookmark *b, int fd, const struct stat *st)
{
	if (b->inode != st->st_ino)
		return false;
	if (b->head.len == 0)
		return b->device == st->st_dev && b->done.offset == 0;
	return fingerprint_holds(&b->head, fd);
}

static struct place *
find_place(struct resume *r, int fd, const struct stat *st)
{
	struct place *p;

	LIST_FOREACH (p, &r->list[st->st_ino % RESUME_LISTS], same_list)
		if (is_same_file(&p->book, fd, st))
			return p;
	return NULL;
}

/* The file is known: where it is read from.  NULL: it is an input already. */
static struct place *
claim_known(struct place *p, const char *path, int fd, const struct stat *st)
{
	if (p->origin == CLAIMED || p->origin == FRESH) {
		errno = EEXIST;
		return NULL;
	}
	p->origin = CLAIMED;
	p->book.device = st->st_dev;
	p->sent = rejoin(path, fd, st, p->sent);
	if (p->sent.offset < p->book.done.offset)
		p->book.done = p->sent;
	return p;
}

/* The bookmark, of which the path is copied, is that of a new input. */
static struct place *
add_fresh(struct resume *r, struct bookmark b)
{
	struct place *p = NULL;

	if ((b.path = strdup(b.path)) != NULL && (p = add_place(r, &b, FRESH)) == NULL)
		free(b.path);
	return p;
}

static struct place *
claim_fresh(struct resume *r, char *path, int fd, const struct stat *st, struct reader_place at)
{
	struct bookmark b = {.path = path, .device = st->st_dev, .inode = st->st_ino, .done = at};

	if (fingerprint_take(&b.head, fd, FINGERPRINT_BYTES) == -1)
		return NULL;
	return add_fresh(r, b);
}

/* The name that the file has now. */
static bool
rename_place(struct place *p, const char *path)
{
	char *copy = strcmp(p->book.path, path) != 0 ? strdup(path) : p->book.path;

	if (copy == NULL)
		return false;
	if (copy != p->book.path)
		free(p->book.path);
	p->book.path = copy;
	return true;
}

void *
resume_claim(struct resume *r, const char *path, int fd, const struct stat *st,
    struct reader_place fresh, struct reader_place *start)
{
	char *name = absolute(path);
	struct place *p;

	if (name == NULL)
		return NULL;
	pthread_mutex_lock(&r->lock);
	p = find_place(r, fd, st);
	if (p != NULL)
		p = claim_known(p, path, fd, st);
	else
		p = claim_fresh(r, name, fd, st, fresh);
	if (p != NULL && !rename_place(p, name))
		p = NULL;
	if (p != NULL)
		*start = p->sent;
	pthread_mutex_unlock(&r->lock);
	free(name);
	return p;
}

static const char *
words_for(const struct input *in)
{
	return strcmp(in->name, "-") == 0 ? "standard input" : in->name;
}

/* A descriptor that was given stands where its file is to be read from. */
static struct reader_place
place_of(const struct input *in)
{
	off_t at = in->path == NULL ? lseek(in->fd, 0, SEEK_CUR) : 0;

	return (struct reader_place){.offset = at > 0 ? (uint64_t)at : 0};
}

static void
claim_input(struct resume *r, struct input *in)
{
	struct reader_place start;
	struct stat st;
	bool closed = in->fd == -1;

	if (in->kind != INPUT_FILE)
		errx(2,
		    "--state: %s is no regular file, of which a place could be remembered; write "
		    "it into a file, and read that with --follow",
		    words_for(in));
	if ((closed && input_reopen(in) == -1) || fstat(in->fd, &st) == -1 ||
	    (in->place = resume_claim(r, in->name, in->fd, &st, place_of(in), &start)) == NULL ||
	    input_start(in, start) == -1)
		errx(2, "%s: %s", words_for(in),
		    errno == EEXIST ? "with --state a file can be named once" : strerror(errno));
	if (closed)
		input_close(in);
}

void
resume_inputs(struct resume *r, struct inputs *inputs)
{
	for (struct input *in = inputs_first(inputs); in != NULL; in = inputs_after(in))
		if (!in->watched)
			claim_input(r, in);
}

/* Whether a file is no input yet. */
static bool
is_unclaimed(void *arg, int fd, const struct stat *st)
{
	const struct place *p = find_place(arg, fd, st);

	return p == NULL || p->origin == FROM_FILE;
}

/* NULL: there is none with this name. */
static struct place *
unclaimed_with(const struct resume *r, const char *path)
{
	struct place *p;

	STAILQ_FOREACH (p, &r->all, all)
		if (p->origin == FROM_FILE && strcmp(p->book.path, path) == 0)
			return p;
	return NULL;
}

/* The bookmark is that of this file from now on. */
static void
move_place(struct resume *r, struct place *p, const struct stat *st)
{
	LIST_REMOVE(p, same_list);
	p->book.device = st->st_dev;
	p->book.inode = st->st_ino;
	p->origin = CLAIMED;
	LIST_INSERT_HEAD(&r->list[st->st_ino % RESUME_LISTS], p, same_list);
}

int
resume_former(
    struct resume *r, const char *path, struct stat *st, struct reader_place *start, void **place)
{
	char *name = absolute(path);
	struct place *p = NULL;
	int fd = -1;

	pthread_mutex_lock(&r->lock);
	while (name != NULL && fd == -1 && (p = unclaimed_with(r, name)) != NULL) {
		if ((fd = former_open(&p->book, is_unclaimed, r, st)) != -1) {
			move_place(r, p, st);
			*place = p;
			*start = p->sent = rejoin(path, fd, st, p->sent);
			break;
		}
		warnx("%s: the file that it was is not in its folder any more: what that had after "
		      "%" PRIu64 " bytes is not read",
		    path, p->book.done.offset);
		p->origin = GONE;
	}
	pthread_mutex_unlock(&r->lock);
	free(name);
	return fd;
}

/*
 * What was read and is not finished may be all that the file can be known by
 * when it comes back, or another one with its number.
 */
void
resume_read(struct resume *r, void *place, const struct fingerprint *text)
{
	struct place *p = place;

	pthread_mutex_lock(&r->lock);
	p->book.head = *text;
	pthread_mutex_unlock(&r->lock);
}

/*
 * Each text has a place of its own: what is not finished of the old one says
 * nothing of the new one.
 */
void *
resume_cut(struct resume *r, void *place, uint64_t end)
{
	struct place *p = place, *next;
	struct bookmark b = {0};

	pthread_mutex_lock(&r->lock);
	b.path = p->book.path;
	b.device = p->book.device;
	b.inode = p->book.inode;
	if ((next = add_fresh(r, b)) != NULL) {
		p->origin = GONE;
		p->end = end;
	}
	pthread_mutex_unlock(&r->lock);
	return next;
}

void
resume_end(struct resume *r, void *place, uint64_t end)
{
	struct place *p = place;

	pthread_mutex_lock(&r->lock);
	p->origin = GONE;
	p->end = end;
	pthread_mutex_unlock(&r->lock);
}

bool
resume_is_state(struct resume *r, const char *path, const struct stat *st)
{
	char *name = absolute(path);
	struct stat own;
	bool is;

	/* It is another file after each save. */
	pthread_mutex_lock(&r->saving);
	is = (name != NULL && strcmp(name, r->file.path) == 0) ||
	    (fstat(r->file.fd, &own) == 0 && own.st_dev == st->st_dev && own.st_ino == st->st_ino);
	pthread_mutex_unlock(&r->saving);
	free(name);
	return is;
}

/* The fresh place with this name; NULL: there is none. */
static const struct place *
fresh_with(const struct resume *r, const char *path)
{
	const struct place *p;

	STAILQ_FOREACH (p, &r->all, all)
		if (p->origin == FRESH && strcmp(p->book.path, path) == 0)
			return p;
	return NULL;
}

void
resume_settle(struct resume *r)
{
	struct place *p = STAILQ_FIRST(&r->all);
	const struct place *now;

	STAILQ_FOREACH (p, &r->all, all) {
		if (p->origin != FROM_FILE || (now = fresh_with(r, p->book.path)) == NULL)
			continue;
		warnx("%s: %s; it is read from its start, and nothing of the former one after "
		      "%" PRIu64 " bytes",
		    p->book.path,
		    now->book.inode == p->book.inode ? "it has another text than it had"
						     : "it is another file than it was",
		    p->book.done.offset);
		p->origin = GONE;
	}
}

void
resume_begin(struct resume *r, struct stage *stage)
{
	r->stage = stage;
}

void
resume_close(struct resume *r)
{
	struct place *p;

	if (r == NULL)
		return;
	while ((p = STAILQ_FIRST(&r->all)) != NULL) {
		STAILQ_REMOVE_HEAD(&r->all, all);
		free(p->book.path);
		free(p);
	}
	bookfile_close(&r->file);
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->saving);
	free(r);
}
