/* Keeps a file up to date for node_exporter's textfile collector. */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "commands.h"
#include "metrics/look.h"
#include "scrape.h"
#include "stage/cli.h"
#include "stage/options.h"
#include "stop.h"
#include "usage.h"

struct textfile {
	char *path;
	char *temporary; /* is not collected, by its name */
	unsigned how;    /* as look_take() is told */
	int error;       /* of the last time; 0: it went well */
};

static void
textfile_init(struct textfile *t, const char *dir)
{
	struct stat st;

	if (stat(dir, &st) == -1)
		err(2, "textfile: %s", dir);
	if (!S_ISDIR(st.st_mode))
		errx(2, "textfile: %s: not a directory", dir);
	*t = (struct textfile){0};
	if (asprintf(&t->path, "%s/pchan.prom", dir) == -1 ||
	    asprintf(&t->temporary, "%s/.pchan.prom.%ld", dir, (long)getpid()) == -1)
		err(2, "textfile");
}

static void
textfile_free(struct textfile *t)
{
	free(t->path);
	free(t->temporary);
}

/* A file that everybody may read, whatever the umask. */
static int
write_file(const char *path, const char *text, size_t len)
{
	int fd, error = 0;

	(void)unlink(path); /* of a process that was killed, and had our pid */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd == -1)
		return -1;
	if (io_write_all(fd, text, len) == -1 || fchmod(fd, 0644) == -1)
		error = errno;
	if (close(fd) == -1 && error == 0)
		error = errno;
	errno = error;
	return error != 0 ? -1 : 0;
}

/* In one step, so that nobody reads half a file.  -1 with errno. */
static int
replace(const struct textfile *t, const char *text, size_t len)
{
	int error;

	if (write_file(t->temporary, text, len) == 0 && rename(t->temporary, t->path) == 0)
		return 0;
	error = errno;
	(void)unlink(t->temporary);
	errno = error;
	return -1;
}

/* Writes the file; what hinders that is told once. */
static void
update(struct textfile *t)
{
	struct look look;
	char *text = NULL;
	size_t len;
	int error = 0;

	if (look_take(&look, t->how) == -1)
		error = errno;
	else {
		if ((text = scrape(&look, &(struct scrape_how){0}, &len)) == NULL ||
		    replace(t, text, len) == -1)
			error = errno;
		look_free(&look);
	}
	free(text);
	if (error != 0 && error != t->error) {
		errno = error;
		warn("textfile: %s", t->path);
	} else if (error == 0 && t->error != 0)
		warnx("textfile: %s: written again", t->path);
	t->error = error;
}

/* Until it is stopped; then the last numbers are written. */
static void
keep_up(struct textfile *t, int64_t interval)
{
	struct pollfd stop = {.fd = stop_open(), .events = POLLIN};
	int64_t next = clock_now();
	struct timespec left;

	if (stop.fd == -1)
		err(2, "textfile: signals");
	do {
		update(t);
		/* The next of those to come, if this one took long. */
		next = clock_after(next, interval);
		if (next < clock_now())
			next = clock_after(clock_now(), interval);
	} while (ppoll(&stop, 1, clock_left(next, &left), NULL) <= 0);
	update(t);
	close(stop.fd);
}

int
textfile_command(int argc, char **argv)
{
	int64_t interval = 15 * CLOCK_S;
	bool once = false, all_users = false;
	const struct option_row rows[] = {
	    {0, "interval", "D", "time between two files (default 15s)", OPTION_DURATION,
		OPTION_FIELD(interval), .min = 1},
	    {0, "once", NULL, "write the file once", OPTION_FLAG, OPTION_FIELD(once)},
	    {0, "all-users", NULL, "the stages of all users (for root)", OPTION_FLAG,
		OPTION_FIELD(all_users)},
	    {0},
	};
	static const struct option_rule rules[] = {
	    {"--once", OPTION_EXCLUDES, "--interval", NULL},
	    {"textfile", OPTION_NEEDS, "an operand", "the directory of the file"},
	    {0},
	};
	struct textfile t;
	int dir;

	cli_check_descriptors();
	dir = usage_parse(argc, argv, rows, rules, OPERAND_FOLDER);
	textfile_init(&t, argv[dir]);
	t.how = usage_look(argv[0], all_users);
	usage_warn_off(argv[0], t.how);
	if (once)
		update(&t);
	else
		keep_up(&t, interval);
	textfile_free(&t);
	return t.error != 0 ? 2 : 0;
}
