#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "lastline.h"
#include "openfiles.h"
#include "parcel.h"
#include "record/writer.h"
#include "stage/samefile.h"
#include "template.h"

/* An open file, and what is to be written to it. */
struct page {
	struct writer *writer;
	bool unsynced;
	uint64_t bytes; /* before this write */
	size_t n;
	uint16_t record[PARCEL_RECORDS]; /* which ones of the parcel */
};

struct folder {
	const struct name_template *template;
	struct openfiles *files;
	/* What are no outputs: the standard streams, and these files. */
	struct stat in, out;
	const char *dead;  /* letters, or NULL */
	char *dead_name;   /* if it is in the folder, or NULL */
	const char *spans; /* or NULL */
	/* What folder_sync() has to do. */
	bool keeps;
	int fd;          /* the folder; -1: it can't be read */
	bool has_new;    /* a file that the disk may not know by its name */
	bool has_closed; /* a file that was not synced */
	int sync_error;  /* 0, or that of the first one that failed */
	/* During folder_write(). */
	struct ctx *ctx;
	const struct parcel *parcel;
	struct folder_fate *fate;
	struct folder_result result;
};

static void
set_dead(struct folder_fate *fate, enum reason reason, const char *name, const char *why)
{
	fate->written = fate->failed = false;
	fate->reason = reason;
	snprintf(fate->why, sizeof(fate->why), "%s: %s", name, why);
}

/* The first failure of this folder_write() is told. */
static void
note_failure(struct folder *f, const char *name, int error)
{
	if (f->result.error != 0)
		return;
	f->result.error = error;
	snprintf(f->result.why, sizeof(f->result.why), "%s: %s", name, strerror(error));
}

/* The file has only the first `bytes` bytes of what was to be written. */
static void
mark_unwritten(struct folder *f, const struct openfile *file, uint64_t bytes, int error)
{
	const struct page *page = file->data;

	for (size_t i = 0; i < page->n; i++) {
		size_t len = f->parcel->record[page->record[i]].len + 1;

		if (bytes >= len)
			bytes -= len;
		else {
			bytes = 0;
			set_dead(&f->fate[page->record[i]], REASON_UNROUTABLE, file->name,
			    strerror(error));
			f->fate[page->record[i]].failed = true;
		}
	}
	note_failure(f, file->name, error);
}

static void
flush_file(struct folder *f, const struct openfile *file)
{
	struct page *page = file->data;
	uint64_t bytes;
	int error = 0;

	if (writer_flush(page->writer, f->ctx) == -1)
		error = errno;
	bytes = writer_bytes(page->writer) - page->bytes;
	if (error != 0)
		mark_unwritten(f, file, bytes, error);
	f->result.bytes += bytes;
	page->n = 0;
	page->unsynced = true;
}

/* What a sync has returned. */
static void
note_sync(struct folder *f, int result)
{
	if (result == -1 && io_sync_failed(errno) && f->sync_error == 0)
		f->sync_error = errno;
}

static void
sync_file(struct folder *f, const struct openfile *file)
{
	struct page *page = file->data;

	if (page->unsynced)
		note_sync(f, fdatasync(file->fd));
	page->unsynced = false;
}

/* Before the file is forgotten. */
static void
end_file(struct openfile *file, void *arg)
{
	struct folder *f = arg;
	struct page *page = file->data;

	if (page != NULL) {
		if (page->n > 0)
			flush_file(f, file);
		if (f->keeps && f->fd == -1)
			sync_file(f, file);
		f->has_closed = f->has_closed || (f->keeps && page->unsynced);
		writer_free(page->writer);
		free(page);
	}
	close(file->fd);
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * The name of the dead-letter file if it is in the folder, so that the names of
 * the files beside it (FILE.1, FILE.cursor) begin like this; or NULL.
 */
static char *
name_inside(const char *folder, const char *file)
{
	char path[PATH_MAX], *slash;
	struct stat a, b;

	if (file == NULL || realpath(file, path) == NULL || (slash = strrchr(path, '/')) == NULL)
		return NULL;
	*slash = '\0';
	if (stat(folder, &a) == -1 || stat(slash == path ? "/" : path, &b) == -1 ||
	    !is_same(&a, &b))
		return NULL;
	return strdup(slash + 1);
}

struct folder *
folder_new(const struct name_template *template, const char *dead_letter, const char *trace_file)
{
	struct folder *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->template = template;
	f->dead = dead_letter;
	f->spans = trace_file;
	f->fd = -1;
	f->dead_name = name_inside(template_folder(template), dead_letter);
	if (fstat(STDIN_FILENO, &f->in) == 0 && fstat(STDOUT_FILENO, &f->out) == 0)
		f->files = openfiles_new(template_folder(template), FOLDER_FILES, end_file, f);
	if (f->files != NULL)
		return f;
	free(f->dead_name);
	free(f);
	return NULL;
}

void
folder_free(struct folder *f)
{
	if (f == NULL)
		return;
	openfiles_free(f->files);
	if (f->fd != -1)
		close(f->fd);
	free(f->dead_name);
	free(f);
}

void
folder_reopen(struct folder *f)
{
	openfiles_close_all(f->files);
}

void
folder_keep(struct folder *f)
{
	if (!f->keeps)
		f->fd = openfiles_folder(f->files);
	f->keeps = true;
}

/* What syncfs(2) has synced is not synced again. */
static void
sync_all(struct folder *f)
{
	note_sync(f, syncfs(f->fd));
	for (struct openfile *file = openfiles_next(f->files, NULL); file != NULL;
	     file = openfiles_next(f->files, file))
		if (file->data != NULL)
			((struct page *)file->data)->unsynced = false;
}

static void
sync_each(struct folder *f)
{
	for (struct openfile *file = openfiles_next(f->files, NULL); file != NULL;
	     file = openfiles_next(f->files, file))
		if (file->data != NULL)
			sync_file(f, file);
	if (f->has_new && f->fd != -1)
		note_sync(f, fsync(f->fd));
}

int
folder_sync(struct folder *f)
{
	folder_keep(f);
	if (f->has_closed)
		sync_all(f);
	else
		sync_each(f);
	f->has_closed = f->has_new = false;
	errno = f->sync_error;
	return f->sync_error == 0 ? 0 : -1;
}

/* Whether it is the file with this path, or NULL. */
static bool
is_file(const struct stat *st, const char *path)
{
	struct stat other;

	return path != NULL && stat(path, &other) == 0 && is_same(st, &other);
}

/* Whether the file is open elsewhere in this stage, whatever its name. */
static bool
is_ours(const struct folder *f, const struct stat *st)
{
	return is_same(st, &f->in) || is_same(st, &f->out) || is_file(st, f->dead) ||
	    is_file(st, f->spans);
}

/* Whether the name is that of the dead-letter file, or of one beside it. */
static bool
is_dead_name(const struct folder *f, const char *name)
{
	char path[PATH_MAX], error[2 * PATH_MAX];
	const struct samefile files[] = {{.role = "", .path = path, .written = true},
	    {.role = "", .path = f->dead, .written = true, .series = true}};

	if (f->dead_name == NULL || strncmp(name, f->dead_name, strlen(f->dead_name)) != 0)
		return false;
	return snprintf(path, sizeof(path), "%s/%s", template_folder(f->template), name) >=
	    (int)sizeof(path) ||
	    samefile_check(files, 2, error, sizeof(error)) == -1;
}

/* The page of a file that has just been opened.  0, or an errno. */
static int
begin_page(struct folder *f, struct openfile *file)
{
	struct page *page;
	struct stat st;

	if (fstat(file->fd, &st) == -1)
		return errno;
	/* What we read would never end. */
	if (is_ours(f, &st))
		return EBUSY;
	if ((page = calloc(1, sizeof(*page))) == NULL ||
	    (page->writer = writer_new(file->fd)) == NULL) {
		free(page);
		return ENOMEM;
	}
	file->data = page;
	f->has_new = f->has_new || st.st_size == 0;
	if (!lastline_is_open(file->fd))
		return 0;
	(void)writer_put(page->writer, f->ctx, "\n", 1);
	return writer_flush(page->writer, f->ctx) == -1 ? errno : 0;
}

static void
add_record(struct folder *f, const struct openfile *file, size_t i)
{
	const struct record *r = &f->parcel->record[i];
	struct page *page = file->data;

	if (page->n == 0)
		page->bytes = writer_bytes(page->writer);
	/* All records of a parcel fit into its queue. */
	(void)writer_put(page->writer, f->ctx, r->data, r->len + 1);
	page->record[page->n++] = (uint16_t)i;
}

/* Why a file can't be an output, in words. */
static const char *
why_not(int error)
{
	if (error == EBUSY)
		return "it is standard input, standard output, a dead-letter file or the span file";
	return error == EINVAL ? "it is no regular file" : strerror(error);
}

/*
 * Whether a file could not be opened for a reason that has to do with the disk
 * or us, and not with the name that a record gave.  ENOENT: the folder is gone.
 */
static bool
is_failure(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EROFS || error == EIO ||
	    error == ENOENT || error == ENOMEM || error == EMFILE || error == ENFILE;
}

/* Finds the file of record i, and queues the record there. */
static void
queue_record(struct folder *f, size_t i)
{
	const struct record *r = &f->parcel->record[i];
	struct folder_fate *fate = &f->fate[i];
	enum template_status status;
	struct openfile *file;
	char name[NAME_MAX + 1];
	int error = 0;

	fate->written = true;
	fate->failed = false;
	status = template_fill(f->template, r->data, r->len, name, fate->why, sizeof(fate->why));
	if (status != TEMPLATE_OK) {
		fate->written = false;
		fate->reason = status == TEMPLATE_NO_KEY ? REASON_NO_KEY : REASON_UNROUTABLE;
		return;
	}
	if (is_dead_name(f, name))
		error = EBUSY;
	else if ((file = openfiles_get(f->files, name)) == NULL)
		error = errno;
	else if (file->data == NULL && (error = begin_page(f, file)) != 0)
		openfiles_close(f->files, file);
	if (error == 0) {
		add_record(f, file, i);
		return;
	}
	set_dead(fate, REASON_UNROUTABLE, name, why_not(error));
	fate->failed = is_failure(error);
	if (fate->failed)
		note_failure(f, name, error);
}

struct folder_result
folder_write(struct folder *f, struct ctx *ctx, const struct parcel *p, struct folder_fate *fate)
{
	f->ctx = ctx;
	f->parcel = p;
	f->fate = fate;
	f->result = (struct folder_result){0};
	for (size_t i = 0; i < p->n; i++)
		queue_record(f, i);
	/* The files used now come first. */
	for (struct openfile *file = openfiles_next(f->files, NULL);
	     file != NULL && ((struct page *)file->data)->n > 0;
	     file = openfiles_next(f->files, file))
		flush_file(f, file);
	return f->result;
}
