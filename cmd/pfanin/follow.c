#include "follow.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "copies.h"
#include "files.h"
#include "places.h"
#include "record/reader.h"
#include "resume.h"
#include "stage/hint.h"
#include "stage/inputs.h"
#include "stage/stage.h"
#include "trail.h"
#include "watches.h"

/* What there is to know of a name: its `data`. */
struct known {
	struct named named; /* the first member */
	bool told;          /* why no file is followed there */
};

struct follow {
	struct follow_how how;
	int inotify, timer;
	int events; /* an epoll of both */

	/* A reading thread holds it, and may call the inputs meanwhile. */
	pthread_mutex_t lock;
	struct places *places;
	struct files files;
	bool told;                    /* that a folder cannot be watched */
	char error[STAGE_ERROR_SIZE]; /* the first fault; "": there was none */
};

/*
 * Something is wrong that the user has to know, now and in the exit status.
 * The stage goes on; before it has begun, it does not begin.
 */
static void __attribute__((format(printf, 2, 3))) fault(struct follow *f, const char *fmt, ...)
{
	char text[sizeof(f->error)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (f->files.running) {
		warnx("%s", text);
		if (f->error[0] == '\0')
			stage_fault(
			    f->how.stage, 2, "not all of the files were followed, see above");
	}
	if (f->error[0] == '\0')
		strlcpy(f->error, text, sizeof(f->error));
}

/* Says once why no file is followed under this name. */
static void __attribute__((format(printf, 2, 3))) tell(struct known *k, const char *fmt, ...)
{
	char text[STAGE_ERROR_SIZE];
	va_list ap;

	if (k->told)
		return;
	k->told = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	warnx("%s", text);
}

/* The name leads nowhere, or to what can't be read. */
static void
tell_unreadable(const struct follow *f, const struct name *name, struct known *k, int error)
{
	if (error != ENOENT && error != ENOTDIR)
		tell(k, "%s: %s; it is left out until that changes", name->path, strerror(error));
	else if (!f->files.running && name->wanted && !f->how.opt->quiet)
		tell(k, "%s: there is no such file; it is waited for", name->path);
}

/* The file can't be followed for want of something. */
static void
tell_want(struct follow *f, const struct name *name, struct known *k, int error)
{
	if (k->told)
		return;
	k->told = true;
	if (error == ENOSPC)
		fault(f, "%s: too many files are watched; raise fs.inotify.max_user_watches",
		    name->path);
	else if (error == EMFILE || error == ENFILE)
		fault(f, "%s: too many files are open (ulimit -Hn)", name->path);
	else
		fault(f, "%s: %s", name->path, strerror(error));
}

static bool
is_fd(const struct stat *st, int fd)
{
	struct stat other;

	return fstat(fd, &other) == 0 && st->st_dev == other.st_dev && st->st_ino == other.st_ino;
}

static bool
is_path(const struct stat *st, const char *path)
{
	struct stat other;

	return path != NULL && stat(path, &other) == 0 && st->st_dev == other.st_dev &&
	    st->st_ino == other.st_ino;
}

/* Whether it is a file to be followed; says once why it is not. */
static bool
is_fit(const struct follow *f, const struct name *name, struct known *k, const struct stat *st)
{
	const char *why = NULL;

	if (!S_ISREG(st->st_mode))
		why = name->wanted ? "it is no regular file" : "";
	else if (is_fd(st, STDOUT_FILENO))
		why = "it is the standard output";
	else if (is_path(st, f->how.opt->dead_letter))
		why = "it is the dead-letter file";
	else if (f->how.resume != NULL && resume_is_state(f->how.resume, name->path, st))
		why = "it is the file of --state";
	if (why != NULL && *why != '\0')
		tell(k, "%s: %s, and is left out", name->path, why);
	return why == NULL && !files_is_refused(&k->named, st);
}

/* Where the reading of a file begins that has been found. */
static uint64_t
first_offset(const struct follow *f, const struct known *k, int fd, const struct stat *st)
{
	char head[8];
	ssize_t n;
	int64_t offset;

	if (f->files.running)
		return files_resume(&k->named, fd, st);
	if (!f->how.from_end || (n = pread(fd, head, sizeof(head), 0)) <= 0 ||
	    hint_look(head, (size_t)n) >= LOOK_COMPRESSED)
		return 0;
	offset = copies_last_line(fd);
	return offset > 0 ? (uint64_t)offset : 0;
}

/*
 * Before threads read: the files that the name led to in the run before go
 * first, those that were not read to their end.
 */
static void
add_former(struct follow *f, const struct name *name, struct known *k)
{
	struct followed *file;
	struct found found;

	if (f->how.resume == NULL || f->files.running)
		return;
	while ((found.fd = resume_former(
		    f->how.resume, name->path, &found.st, &found.at, &found.place)) != -1) {
		file = files_add(&f->files, name->path, &found, k->named.previous);
		if (file == NULL) {
			fault(f, "%s: its former file: %s", name->path, strerror(errno));
			close(found.fd);
			return;
		}
		files_touch(&f->files, file);
		file->former = &k->named;
		k->named.previous = file;
	}
}

/* Where it is read from.  False with errno. */
static bool
find_place(struct follow *f, const struct name *name, const struct known *k, struct found *found)
{
	found->at = (struct reader_place){.offset = first_offset(f, k, found->fd, &found->st)};
	found->place = NULL;
	if (f->how.resume == NULL)
		return true;
	found->place =
	    resume_claim(f->how.resume, name->path, found->fd, &found->st, found->at, &found->at);
	return found->place != NULL;
}

/*
 * The file that the name leads to, which was not known: opens it.  It goes
 * behind the one before, while that is read.  NULL with errno; EAGAIN: it is
 * another one by now.
 */
static struct followed *
open_file(struct follow *f, const struct name *name, struct known *k)
{
	struct found found = {.fd = open(name->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
	struct followed *file = NULL;
	bool taken = false;
	int error;

	if (found.fd == -1)
		return NULL;
	if (fstat(found.fd, &found.st) == 0 && (file = files_find(&f->files, &found.st)) == NULL) {
		errno = EAGAIN;
		if (S_ISREG(found.st.st_mode) && find_place(f, name, k, &found)) {
			add_former(f, name, k);
			file = files_add(&f->files, name->path, &found, k->named.previous);
		}
		taken = file != NULL;
	}
	error = errno;
	if (!taken)
		close(found.fd);
	errno = error;
	return file;
}

/*
 * Compares the name with the file that it led to.  The only place where files
 * come and lose their names.
 */
static void
check_name(void *arg, struct name *name)
{
	struct follow *f = arg;
	struct known *k = name->data;
	struct followed *file;
	struct stat st;

	if (k == NULL && (k = name->data = calloc(1, sizeof(*k))) == NULL) {
		fault(f, "out of memory");
		return;
	}
	if (stat(name->path, &st) == -1) {
		tell_unreadable(f, name, k, errno);
		files_unname(&f->files, &k->named);
		add_former(f, name, k);
		return;
	}
	file = k->named.file;
	if (file != NULL && file->dev == st.st_dev && file->ino == st.st_ino)
		return;
	files_unname(&f->files, &k->named);
	if (!is_fit(f, name, k, &st))
		return;
	if ((file = files_find(&f->files, &st)) == NULL)
		file = open_file(f, name, k);
	if (file != NULL)
		files_name(&f->files, &k->named, file);
	else if (errno == ENOSPC || errno == EMFILE || errno == ENFILE || errno == ENOMEM)
		tell_want(f, name, k, errno);
	else if (errno != EAGAIN)
		tell_unreadable(f, name, k, errno);
}

/* A file that was found could not become an input. */
static void
file_failed(void *arg, const char *path)
{
	struct follow *f = arg;

	fault(f, "%s: %s", path, strerror(errno));
}

/* A folder or the whole of it could not be watched. */
static void
tell_unwatched(struct follow *f, int error)
{
	if (f->told)
		return;
	f->told = true;
	if (error == ENOSPC)
		fault(f, "too many folders are watched; raise fs.inotify.max_user_watches");
	else
		fault(f, "the folders of the files: %s", strerror(error));
}

static void
handle_event(struct follow *f, const struct inotify_event *event)
{
	struct watch *w = watches_find(&f->files.watches, event->wd);

	if (w == NULL)
		return;
	if (w->kind == WATCH_FILE)
		files_touch(&f->files, (struct followed *)w);
	else if (places_event(f->places, w, event) == -1)
		tell_unwatched(f, errno);
}

/*
 * Handles the events that one read brings; true: some were lost.  If writers
 * made new ones all the time, a loop until there are none would not end, and
 * the files would not be read meanwhile.
 */
static bool
handle_events(struct follow *f)
{
	char buf[64 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(f->inotify, buf, sizeof(buf));
	bool overflow = false;

	for (char *at = buf; at < buf + n;) {
		const struct inotify_event *event = (const void *)at;

		overflow = overflow || (event->mask & IN_Q_OVERFLOW);
		handle_event(f, event);
		at += sizeof(*event) + event->len;
	}
	return overflow;
}

/* The watch of the inputs: something has happened. */
static void
handle(void *arg)
{
	struct follow *f = arg;
	uint64_t times;

	pthread_mutex_lock(&f->lock);
	f->files.running = true;
	if (handle_events(f)) { /* everything may have happened */
		if (places_scan(f->places) == -1)
			tell_unwatched(f, errno);
		files_touch_all(&f->files);
	}
	if (read(f->timer, &times, sizeof(times)) > 0)
		files_check(&f->files);
	pthread_mutex_unlock(&f->lock);
}

/* The first bytes of the file say that it is no text. */
static bool
is_compressed(const struct input *in, ssize_t n)
{
	return hint_look(reader_filled(in->reader, (size_t)n), (size_t)n) >= LOOK_COMPRESSED;
}

/* Forgets the n bytes that were read, and the file. */
static void
leave_out(struct follow *f, struct input *in, size_t n)
{
	struct followed *file = in->owner;
	struct known *k = (struct known *)LIST_FIRST(&file->names);

	if (k != NULL)
		tell(k, "%s: it is compressed, and is left out", file->path);
	reader_unfill(in->reader, n);
	files_leave_out(&f->files, file);
}

/* What was so before a read. */
struct before {
	bool first;   /* nothing of the file had been read */
	bool may_end; /* nobody could write to the file */
};

static struct before
look_before(struct follow *f, const struct followed *file)
{
	struct before was = {.first = file->trail.text.offset == 0};

	pthread_mutex_lock(&f->lock);
	was.may_end = file->may_end;
	pthread_mutex_unlock(&f->lock);
	return was;
}

/*
 * What was read of the text.  When that has ended, what is held of its last
 * line is still of its place.
 */
static void
note_text(struct follow *f, const struct input *in, bool cut, ssize_t n)
{
	struct followed *file = in->owner;
	void *next;

	if (n > 0)
		resume_read(f->how.resume, in->place, &file->trail.head);
	if (!cut)
		return;
	if ((next = resume_cut(f->how.resume, in->place, reader_bytes(in->reader))) != NULL)
		file->place = next;
	else
		stage_give_up(f->how.stage, 2, "out of memory");
}

/*
 * Decides, with the lock, what the result of a read is.  Returns what
 * inputs_fill() does.
 */
static ssize_t
conclude(struct follow *f, struct input *in, ssize_t n, const struct trail_news *news,
    const struct before *was)
{
	struct followed *file = in->owner;

	f->files.running = true;
	if (n == -1) {
		files_forget(&f->files, file);
		return -1;
	}
	if (was->first && n > 0 && is_compressed(in, n)) {
		leave_out(f, in, (size_t)n);
		return 0;
	}
	if (in->place != NULL)
		note_text(f, in, news->cut, n);
	in->paused = news->cut;
	in->drained = !news->more;
	if (news->lost > 0)
		fault(f,
		    "%s: it was truncated before %ju bytes of it were read, and there is no copy",
		    file->path, (uintmax_t)news->lost);
	if (n > 0)
		return n;
	if (!news->more && files_at_end(&f->files, file, was->may_end)) {
		if (in->place != NULL)
			resume_end(f->how.resume, in->place, reader_bytes(in->reader));
		return 0;
	}
	errno = EAGAIN;
	return -1;
}

static ssize_t
fill(void *arg, struct input *in)
{
	struct follow *f = arg;
	struct followed *file = in->owner;
	struct before was = look_before(f, file);
	struct trail_news news;
	ssize_t n;
	int error;

	in->place = file->place;
	n = trail_fill(&file->trail, in->reader, &news);
	error = errno;
	pthread_mutex_lock(&f->lock);
	errno = error;
	n = conclude(f, in, n, &news, &was);
	error = errno;
	pthread_mutex_unlock(&f->lock);
	errno = error;
	return n;
}

static int
open_descriptors(struct follow *f, const char **why)
{
	struct epoll_event e = {.events = EPOLLIN};

	if ((f->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) == -1) {
		if (errno == EMFILE)
			*why = "too many programs use inotify; raise fs.inotify.max_user_instances";
		return -1;
	}
	/* Files are watched by their descriptors, and not by their names. */
	if (access("/proc/self/fd", X_OK) == -1) {
		*why = "/proc is not mounted";
		return -1;
	}
	if ((f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) == -1 ||
	    (f->events = epoll_create1(EPOLL_CLOEXEC)) == -1 ||
	    epoll_ctl(f->events, EPOLL_CTL_ADD, f->inotify, &e) == -1)
		return -1;
	return epoll_ctl(f->events, EPOLL_CTL_ADD, f->timer, &e);
}

struct follow *
follow_new(const struct follow_how *how, const char **why)
{
	struct follow *f = calloc(1, sizeof(*f));

	*why = NULL;
	if (f == NULL)
		return NULL;
	f->how = *how;
	f->inotify = f->timer = f->events = -1;
	pthread_mutex_init(&f->lock, NULL);
	if (open_descriptors(f, why) == -1)
		goto err;
	f->files = (struct files){.inotify = f->inotify,
	    .timer = f->timer,
	    .inputs = how->inputs,
	    .failed = file_failed,
	    .arg = f};
	files_init(&f->files);
	f->places = places_new(f->inotify, &f->files.watches, check_name, f);
	if (f->places != NULL)
		return f;
err:
	follow_free(f);
	return NULL;
}

static void
close_if_open(int fd)
{
	if (fd != -1)
		close(fd);
}

void
follow_free(struct follow *f)
{
	struct name *name;

	if (f == NULL)
		return;
	files_clear(&f->files);
	for (name = f->places != NULL ? places_first(f->places) : NULL; name != NULL;
	     name = TAILQ_NEXT(name, link))
		free(name->data);
	places_free(f->places);
	close_if_open(f->events);
	close_if_open(f->timer);
	close_if_open(f->inotify);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

int
follow_takes(const char *operand)
{
	struct stat st;

	if (strcmp(operand, "-") == 0 || strncmp(operand, "fd:", 3) == 0 ||
	    strncmp(operand, "/dev/", 5) == 0)
		return false;
	if (stat(operand, &st) == -1)
		return true;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	return S_ISREG(st.st_mode);
}

int
follow_add(struct follow *f, const char *operand)
{
	return places_add(f->places, operand);
}

static void
say_unmatched(const char *operand)
{
	warnx("%s: no file matches; files that do are waited for", operand);
}

int
follow_begin(struct follow *f, const char **why)
{
	inputs_set_watch(f->how.inputs,
	    &(struct inputs_watch){.fd = f->events, .handle = handle, .fill = fill, .arg = f});
	if (places_scan(f->places) == -1)
		tell_unwatched(f, errno);
	if (f->error[0] != '\0') {
		*why = f->error;
		return -1;
	}
	if (!f->how.opt->quiet)
		places_unmatched(f->places, say_unmatched);
	return 0;
}
