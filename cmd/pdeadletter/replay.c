/* pdeadletter replay: prints the records of letters again. */

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "cursor.h"
#include "job.h"
#include "json/json.h"
#include "series.h"
#include "store.h"

#define DRAIN_MS 10 /* between two checks of a pipe */

struct replay {
	struct job *job;
	struct store *store;
	struct cursor *cursor; /* one for each file */
	size_t n;
	bool moves; /* an unfiltered replay moves the cursors */

	/* How many letters were left out, and why. */
	uint64_t truncated, damaged, too_often;
};

static void
open_cursors(struct replay *r)
{
	while (r->job->files[r->n] != NULL)
		r->n++;
	r->cursor = must(calloc(r->n, sizeof(*r->cursor)));
	for (size_t i = 0; i < r->n; i++) {
		series_must_exist(r->job->files[i]);
		cursor_open(&r->cursor[i], r->job->files[i], r->moves);
	}
}

/* Makes the store count what was replayed. */
static void
seek_cursors(struct replay *r)
{
	for (size_t i = 0; i < r->n; i++)
		cursor_seek(&r->cursor[i], r->store, i);
}

static void
put_bytes(const char *data, size_t len)
{
	if (fwrite(data, 1, len, stdout) != len)
		err(2, "standard output");
}

static void
print_wrapped(const struct item *e, const char *payload, size_t len)
{
	struct envelope_id id;
	char *line;
	size_t line_len;

	envelope_identity(e->line, e->len, &id);
	if (envelope_retry(&id, payload, len, &line, &line_len) == -1)
		errx(2, "out of memory");
	put_bytes(line, line_len);
	free(line);
}

static void
print_record(struct replay *r, const struct item *e)
{
	const char *payload;
	char *owned;
	size_t len;

	if (e->view.truncated.len == strlen("true")) {
		r->truncated++;
		return;
	}
	if (envelope_number(&e->view.replays) >= r->job->max_replays) {
		r->too_often++;
		return;
	}
	if (envelope_payload(e->line, e->len, &payload, &len, &owned) == -1) {
		if (errno != EINVAL)
			errx(2, "out of memory");
		r->damaged++;
		return;
	}
	if (r->job->wrap)
		print_wrapped(e, payload, len);
	else {
		put_bytes(payload, len);
		put_bytes("\n", 1);
	}
	free(owned);
}

/* Prints what is selected.  The cursors advance past letters left out, too. */
static void
print_records(struct replay *r)
{
	struct item e;

	while (r->job->select.limit > 0 && store_next(r->store, &e)) {
		if (e.replayed && !r->job->all)
			continue;
		if (r->moves && !e.replayed)
			store_pass(r->store, &e);
		if (select_takes(&r->job->select, &e))
			print_record(r, &e);
	}
}

/*
 * Waits until the pipe's reader has read all that is in the pipe, and is still
 * there a moment later.  The kernel does not report that, so checks for it from
 * time to time.  -1 with errno EPIPE: the reader is gone.
 */
static int
drain_pipe(int fd)
{
	struct pollfd p = {.fd = fd};
	int left;

	do
		if (poll(&p, 1, DRAIN_MS) == 1 && (p.revents & POLLERR) != 0) {
			errno = EPIPE;
			return -1;
		}
	while (ioctl(fd, FIONREAD, &left) == 0 && left > 0);
	return 0;
}

/*
 * Closes standard output.  A record counts as printed only when it was read
 * from the pipe or, if the output is a file, is on the disk.
 */
static void
close_output(void)
{
	struct stat st;

	if (fflush(stdout) == 0 && fstat(STDOUT_FILENO, &st) == 0 &&
	    (!S_ISREG(st.st_mode) || fsync(STDOUT_FILENO) == 0) &&
	    (!S_ISFIFO(st.st_mode) || drain_pipe(STDOUT_FILENO) == 0) && close(STDOUT_FILENO) == 0)
		return;
	if (errno == EPIPE)
		raise(SIGPIPE); /* unless it is ignored */
	err(2, "standard output");
}

/* Moves a cursor behind what was printed. */
static void
move_cursor(const struct replay *r, size_t file)
{
	struct cursor *c = &r->cursor[file];
	struct mark *marks;
	size_t n = store_marks(r->store, file, &marks);

	cursor_set(c, marks, n);
	if (r->job->max_replays < c->max_replays)
		c->max_replays = r->job->max_replays;
	cursor_save(c);
}

/* Moves the cursors, once everything was printed, and closes them. */
static void
end_cursors(struct replay *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->moves && r->cursor[i].fd != -1)
			move_cursor(r, i);
		cursor_close(&r->cursor[i]);
	}
	free(r->cursor);
}

static void
warn_left_out(uintmax_t n, const char *one, const char *many)
{
	if (n == 1)
		warnx("left out 1 letter that %s", one);
	else if (n > 1)
		warnx("left out %ju letters that %s", n, many);
}

/* Warns about letters left out.  Returns the exit status. */
static int
report_left_out(const struct replay *r)
{
	warn_left_out(r->truncated, "holds only the head of its record",
	    "hold only the head of their record");
	warn_left_out(r->damaged, "cannot be decoded", "cannot be decoded");
	warn_left_out(r->too_often, "came back too often", "came back too often");
	return r->truncated + r->damaged > 0;
}

int
job_replay(struct job *job)
{
	struct replay r = {.job = job, .moves = selects_all(&job->select)};
	struct store_how how = {.skip_foreign = job->skip_foreign};
	int left_out, status;

	/* Cursors that move are locked: then no purge changes the files. */
	open_cursors(&r);
	r.store = store_open(job->files, &how);
	seek_cursors(&r);

	/* A line that is no letter ends it; what came before counts. */
	print_records(&r);
	close_output();
	end_cursors(&r);
	left_out = report_left_out(&r);
	status = store_close(r.store);
	return status != 0 ? status : left_out;
}
