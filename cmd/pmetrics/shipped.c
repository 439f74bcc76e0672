#include "shipped.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <jansson.h>

#include "base/hash.h"
#include "base/io.h"
#include "metrics/rundir.h"

#define NAME "ship.1"
#define TEMPORARY ".ship.1"
#define LOCK "ship.lock"
#define KIND "ship/1"
#define OTHER "other"
#define CHECKED 256         /* bytes before the offset */
#define FILE_MOST (8 << 20) /* of the file */

uint64_t
shipped_check(int fd, uint64_t offset)
{
	unsigned char bytes[CHECKED];
	size_t want = offset < CHECKED ? (size_t)offset : CHECKED;
	ssize_t n = pread(fd, bytes, want, (off_t)(offset - want));

	return n == (ssize_t)want ? hash_bytes(bytes, want) : 0;
}

struct shipped_file *
shipped_find(const struct shipped *s, const char *uuid, uint64_t ino)
{
	for (size_t i = 0; i < s->files; i++)
		if (s->file[i].ino == ino && strcmp(s->file[i].uuid, uuid) == 0)
			return &s->file[i];
	return NULL;
}

int
shipped_set(struct shipped *s, const struct shipped_file *file)
{
	struct shipped_file *f = shipped_find(s, file->uuid, file->ino);

	if (f == NULL) {
		if ((f = reallocarray(s->file, s->files + 1, sizeof(*f))) == NULL)
			return -1;
		s->file = f;
		f += s->files++;
	}
	*f = *file;
	return 0;
}

void
shipped_forget(
    struct shipped *s, bool (*keep)(const void *arg, const struct shipped_file *), const void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->files; i++)
		if (keep(arg, &s->file[i]))
			s->file[kept++] = s->file[i];
	s->files = kept;
}

static struct shipped_total *
find_total(const struct shipped *s, const char *stage, const char *tool, const char *pipeline)
{
	for (size_t i = 0; i < s->n; i++) {
		struct shipped_total *t = &s->total[i];

		if (strcmp(t->stage, stage) == 0 && strcmp(t->tool, tool) == 0 &&
		    strcmp(t->pipeline, pipeline) == 0)
			return t;
	}
	return NULL;
}

static struct shipped_total *
add_total(struct shipped *s, const char *stage, const char *tool, const char *pipeline)
{
	struct shipped_total *t = reallocarray(s->total, s->n + 1, sizeof(*t));

	if (t == NULL)
		return NULL;
	s->total = t;
	t += s->n;
	*t = (struct shipped_total){
	    .stage = strdup(stage), .tool = strdup(tool), .pipeline = strdup(pipeline)};
	s->n++; /* what it has is freed */
	return t->stage != NULL && t->tool != NULL && t->pipeline != NULL ? t : NULL;
}

int
shipped_count(struct shipped *s, const char *stage, const char *tool, const char *pipeline,
    uint64_t sent, uint64_t rejected)
{
	struct shipped_total *t = find_total(s, stage, tool, pipeline);

	if (t == NULL && s->n >= SHIPPED_MOST) {
		stage = tool = OTHER;
		pipeline = "";
		t = find_total(s, stage, tool, pipeline);
	}
	if (t == NULL && (t = add_total(s, stage, tool, pipeline)) == NULL)
		return -1;
	t->sent += sent;
	t->rejected += rejected;
	return 0;
}

/* Reading. */

static int
read_files(struct shipped *s, const json_t *list)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		struct shipped_file f = {0};
		const char *uuid, *check;
		json_int_t ino, offset;

		if (json_unpack((json_t *)(uintptr_t)entry, "{s:s, s:I, s:I, s:s}", "uuid", &uuid,
			"inode", &ino, "offset", &offset, "check", &check) != 0 ||
		    strlen(uuid) >= sizeof(f.uuid) || offset < 0)
			continue;
		strlcpy(f.uuid, uuid, sizeof(f.uuid));
		f.ino = (uint64_t)ino;
		f.offset = (uint64_t)offset;
		f.check = strtoull(check, NULL, 16);
		if (shipped_set(s, &f) == -1)
			return -1;
	}
	return 0;
}

static int
read_totals(struct shipped *s, const json_t *list)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		const char *stage, *tool, *pipeline;
		json_int_t sent, rejected;

		if (json_unpack((json_t *)(uintptr_t)entry, "{s:s, s:s, s:s, s:I, s:I}", "stage",
			&stage, "tool", &tool, "pipeline", &pipeline, "sent", &sent, "rejected",
			&rejected) == 0 &&
		    shipped_count(s, stage, tool, pipeline, (uint64_t)sent, (uint64_t)rejected) ==
			-1)
			return -1;
	}
	return 0;
}

/* The whole file; NULL: there is none to be had. */
static json_t *
load(int dir)
{
	int fd = openat(dir, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *text = NULL;
	json_t *json = NULL;
	off_t size;
	ssize_t n;

	if (fd == -1)
		return NULL;
	size = lseek(fd, 0, SEEK_END);
	if (size > 0 && size <= FILE_MOST && (text = malloc((size_t)size)) != NULL &&
	    (n = pread(fd, text, (size_t)size, 0)) > 0)
		json = json_loadb(text, (size_t)n, 0, NULL);
	free(text);
	close(fd);
	return json;
}

int
shipped_read(struct shipped *s, int dir)
{
	json_t *json = load(dir);
	const char *kind = json_string_value(json_object_get(json, "pchan"));
	int error = 0;

	*s = (struct shipped){0};
	if (kind != NULL && strcmp(kind, KIND) == 0 &&
	    (read_files(s, json_object_get(json, "files")) == -1 ||
		read_totals(s, json_object_get(json, "totals")) == -1))
		error = -1;
	json_decref(json);
	if (error == 0)
		return 0;
	shipped_free(s);
	errno = ENOMEM;
	return -1;
}

/* Adds the totals of a directory; one that is not there has none. */
static int
add_totals(struct shipped *all, const char *path)
{
	char why[RUNDIR_WHY_SIZE];
	struct shipped s;
	int dir = rundir_open(path, false, false, why), error;

	if (dir == -1)
		return 0;
	error = shipped_read(&s, dir);
	close(dir);
	if (error == -1)
		return -1;
	for (size_t i = 0; i < s.n && error == 0; i++)
		error = shipped_count(all, s.total[i].stage, s.total[i].tool, s.total[i].pipeline,
		    s.total[i].sent, s.total[i].rejected);
	shipped_free(&s);
	return error;
}

int
shipped_read_totals(struct shipped *all)
{
	struct rundir_list list;
	int error = 0;

	*all = (struct shipped){0};
	if (rundir_list(&list) == -1)
		return -1;
	for (size_t i = 0; i < list.n && error == 0; i++)
		error = add_totals(all, list.path[i]);
	rundir_list_free(&list);
	if (error == -1)
		shipped_free(all);
	return error;
}

void
shipped_free(struct shipped *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->total[i].stage);
		free(s->total[i].tool);
		free(s->total[i].pipeline);
	}
	free(s->total);
	free(s->file);
	*s = (struct shipped){0};
}

/* Writing. */

static json_t *
pack(const struct shipped *s)
{
	json_t *files = json_array(), *totals = json_array();
	int error = files == NULL || totals == NULL ? -1 : 0;

	for (size_t i = 0; i < s->files && error == 0; i++) {
		const struct shipped_file *f = &s->file[i];
		char check[17];

		snprintf(check, sizeof(check), "%016" PRIx64, f->check);
		error = json_array_append_new(files,
		    json_pack("{s:s, s:I, s:I, s:s}", "uuid", f->uuid, "inode", (json_int_t)f->ino,
			"offset", (json_int_t)f->offset, "check", check));
	}
	for (size_t i = 0; i < s->n && error == 0; i++) {
		const struct shipped_total *t = &s->total[i];

		error = json_array_append_new(totals,
		    json_pack("{s:s, s:s, s:s, s:I, s:I}", "stage", t->stage, "tool", t->tool,
			"pipeline", t->pipeline, "sent", (json_int_t)t->sent, "rejected",
			(json_int_t)t->rejected));
	}
	if (error == 0)
		return json_pack(
		    "{s:s, s:o, s:o}", "pchan", KIND, "files", files, "totals", totals);
	json_decref(files);
	json_decref(totals);
	return NULL;
}

static int
write_text(int dir, const char *text)
{
	int fd, error = 0;

	/* That of one that was killed: we have the lock. */
	(void)unlinkat(dir, TEMPORARY, 0);
	fd = openat(dir, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	if (io_write_all(fd, text, strlen(text)) == -1)
		error = errno;
	close(fd);
	if (error == 0 && renameat(dir, TEMPORARY, dir, NAME) == 0)
		return 0;
	if (error == 0)
		error = errno;
	(void)unlinkat(dir, TEMPORARY, 0);
	errno = error;
	return -1;
}

int
shipped_write(const struct shipped *s, int dir)
{
	json_t *json = pack(s);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	int result = -1;

	errno = ENOMEM;
	if (text != NULL)
		result = write_text(dir, text);
	free(text);
	json_decref(json);
	return result;
}

int
shipped_lock(int dir)
{
	int fd = openat(dir, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), error;

	if (fd == -1)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}
