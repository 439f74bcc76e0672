/*
 * pdeadletter replay: prints the records of letters again, or gives them to a
 * command.  The letters count as replayed when all of it was read or, if there
 * is a command, when the command says so.
 */

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "base/io.h"
#include "base/signame.h"
#include "command.h"
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
	char *path;  /* of the command; NULL: there is none */
	FILE *out;   /* our output, or the command's input; NULL: not yet */
	bool failed; /* the command takes no more */

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
		cursor_open(&r->cursor[i], r->job->files[i], true);
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
put_bytes(struct replay *r, const char *data, size_t len)
{
	if (r->failed || fwrite(data, 1, len, r->out) == len)
		return;
	if (r->path == NULL)
		err(2, "standard output");
	r->failed = true;
}

static void
print_wrapped(struct replay *r, const struct item *e, const char *payload, size_t len)
{
	struct envelope_id id;
	char *line;
	size_t line_len;

	envelope_identity(e->line, e->len, &id);
	if (envelope_retry(&id, payload, len, &line, &line_len) == -1)
		errx(2, "out of memory");
	put_bytes(r, line, line_len);
	free(line);
}

static void
print_payload(struct replay *r, const struct item *e, const char *payload, size_t len)
{
	/* A command is started only if there is something for it. */
	if (r->out == NULL)
		r->out = command_start(r->path, r->job->command);
	if (r->job->wrap)
		print_wrapped(r, e, payload, len);
	else {
		put_bytes(r, payload, len);
		put_bytes(r, "\n", 1);
	}
}

/*
 * Prints the letter's record.  False: the letter stays for a replay with other
 * options.  A record that is not whole is left out for good.
 */
static bool
print_record(struct replay *r, const struct item *e)
{
	const char *payload;
	char *owned;
	size_t len;

	if (e->view.truncated.len == strlen("true")) {
		r->truncated++;
		return true;
	}
	if (envelope_number(&e->view.replays) >= r->job->max_replays) {
		r->too_often++;
		return false;
	}
	if (envelope_payload(e->line, e->len, &payload, &len, &owned) == -1) {
		if (errno != EINVAL)
			errx(2, "out of memory");
		r->damaged++;
		return true;
	}
	print_payload(r, e, payload, len);
	free(owned);
	return true;
}

/* Prints what is selected, and was not replayed. */
static void
print_records(struct replay *r)
{
	struct item e;

	while (!r->failed && r->job->select.limit > 0 && store_next(r->store, &e)) {
		bool wanted = (r->job->all || !e.replayed) && select_takes(&r->job->select, &e);

		store_pass(r->store, &e, wanted && print_record(r, &e));
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

/* Says how the command has ended.  Returns whether it has done its work. */
static bool
judge_command(const struct job *job, const struct command_end *end)
{
	const char *name = job->command[0];
	int status = WIFEXITED(end->status) ? WEXITSTATUS(end->status) : -1;
	char sig[SIGNAME_SIZE];

	if (WIFSIGNALED(end->status)) {
		signame(WTERMSIG(end->status), sig);
		warnx("%s was killed by %s: nothing counts as replayed", name, sig);
	} else if (!job->ok_status[status])
		warnx("%s exited with status %d: nothing counts as replayed (if that is no "
		      "failure: --ok-status %d)",
		    name, status, status);
	else if (end->unread)
		warnx("%s exited with status %d before it had read all records: nothing counts "
		      "as replayed",
		    name, status);
	else
		return true;
	return false;
}

/*
 * Ends the output.  Returns whether the letters count as replayed.  A signal
 * that has ended the command's work ends us, too.
 */
static bool
end_output(struct replay *r)
{
	struct command_end end;

	if (r->path == NULL) {
		close_output();
		return true;
	}
	if (r->out == NULL)
		return true;
	command_end(r->out, &end);
	if (judge_command(r->job, &end))
		return true;
	if (end.signal != 0) {
		signal(end.signal, SIG_DFL);
		raise(end.signal);
	}
	return false;
}

/*
 * Saves what was replayed of a file; what was not found is told once, and then
 * forgotten.
 */
static void
save_cursor(struct replay *r, size_t file, bool piped)
{
	struct memory **list;
	size_t n = store_memories(r->store, file, &list);

	for (size_t i = 0; i < n; i++)
		list[i]->piped = list[i]->piped || (piped && list[i]->grown);
	if (n > 0 || r->cursor[file].n > 0)
		cursor_save(&r->cursor[file], list, n);
	free(list);
}

/* Saves the cursors, once everything was replayed, and closes them. */
static void
end_cursors(struct replay *r, bool replayed, bool piped)
{
	for (size_t i = 0; i < r->n; i++) {
		if (replayed && r->cursor[i].fd != -1)
			save_cursor(r, i, piped);
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
	struct replay r = {.job = job, .out = job->command == NULL ? stdout : NULL};
	struct store_how how = {.skip_foreign = job->skip_foreign};
	bool piped = job->command == NULL && io_is_pipe(STDOUT_FILENO), replayed;
	int left_out, status;

	if (job->command != NULL)
		r.path = command_find(job->command[0]);

	/* The cursors are locked: so no purge changes the files. */
	open_cursors(&r);
	r.store = store_open(job->files, &how);
	seek_cursors(&r);

	/* A line that is no letter ends it; what came before counts. */
	print_records(&r);
	replayed = end_output(&r);
	end_cursors(&r, replayed, piped);
	left_out = report_left_out(&r);
	status = store_close(r.store);
	free(r.path);
	return status != 0 ? status : left_out != 0 || !replayed;
}
