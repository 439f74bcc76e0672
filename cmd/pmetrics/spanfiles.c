#include "spanfiles.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bundle.h"

#define PATIENCE CLOCK_S /* for counting what is left */

void
spanfiles_begin(struct spanfiles *f, char *const *names)
{
	*f = (struct spanfiles){.name = names};
}

/* The next file. */
static void
close_file(struct spanfiles *f)
{
	if (f->lines.fd != STDIN_FILENO)
		close(f->lines.fd);
	shiplines_end(&f->lines);
	f->is_open = false;
	f->name++;
}

void
spanfiles_end(struct spanfiles *f)
{
	if (f->is_open)
		close_file(f);
}

static bool
is_stdin(const char *name)
{
	return strcmp(name, "-") == 0;
}

static const char *
shown(const char *name)
{
	return is_stdin(name) ? "standard input" : name;
}

static void
tell_error(struct spanfiles *f)
{
	warn("ship: %s", shown(*f->name));
	f->failed = true;
}

/* Opens the file that is next, unless one is open.  False: none is left. */
static bool
open_next(struct spanfiles *f)
{
	while (!f->is_open && *f->name != NULL) {
		int fd = is_stdin(*f->name) ? STDIN_FILENO : open(*f->name, O_RDONLY | O_CLOEXEC);

		if (fd == -1) {
			tell_error(f);
			f->name++;
			continue;
		}
		shiplines_begin(&f->lines, fd, 0);
		f->is_open = true;
	}
	return f->is_open;
}

static void
tell_broken(struct spanfiles *f)
{
	if (f->broken++ == 0)
		warnx("ship: %s: a line is no export request: such lines are left out",
		    shown(*f->name));
}

/* Adds the next line.  False: the bundle is full. */
static bool
add_line(struct spanfiles *f, struct bundle *b)
{
	enum bundle_added added = BUNDLE_BROKEN;
	const char *line;
	size_t len;

	switch (shiplines_next(&f->lines, &line, &len)) {
	case SHIPLINES_LINE:
	case SHIPLINES_TAIL:
		added = bundle_add(b, line, len, 0, "");
		break;
	case SHIPLINES_LONG:
		break;
	case SHIPLINES_ERROR:
		tell_error(f);
		close_file(f);
		return true;
	case SHIPLINES_END:
		close_file(f);
		return true;
	}
	if (added == BUNDLE_ERROR)
		err(2, "ship");
	if (added == BUNDLE_BROKEN)
		tell_broken(f);
	if (added == BUNDLE_FULL)
		shiplines_back(&f->lines);
	return added != BUNDLE_FULL;
}

void
spanfiles_fill(struct spanfiles *f, struct bundle *b)
{
	while (open_next(f) && add_line(f, b))
		continue;
}

uint64_t
spanfiles_left(struct spanfiles *f, bool *more)
{
	const int64_t until = clock_after(clock_now(), PATIENCE);
	uint64_t spans = 0;
	const char *line;
	size_t len;

	while (clock_now() < until && open_next(f)) {
		enum shiplines_kind kind = shiplines_next(&f->lines, &line, &len);

		if (kind == SHIPLINES_LINE || kind == SHIPLINES_TAIL)
			spans += bundle_count(line, len);
		else if (kind != SHIPLINES_LONG)
			close_file(f);
	}
	*more = open_next(f);
	return spans;
}
