#include "engine/helper.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/units.h"
#include "base/version.h"
#include "engine/url.h"

#define LINE_SIZE 2048
#define TELL_AGAIN (60 * CLOCK_S)
#define BACK_OFF_FIRST (100 * CLOCK_MS)
#define BACK_OFF_MOST (10 * CLOCK_S)

/* Where helpers are: $PCHAN_LIBEXEC, or beside our program's folder. */
static int
find_folder(char folder[PATH_MAX])
{
	const char *set = getenv("PCHAN_LIBEXEC");
	char exe[PATH_MAX];
	ssize_t n;
	char *slash;

	if (set != NULL && *set != '\0')
		return snprintf(folder, PATH_MAX, "%s", set) < PATH_MAX ? 0 : -1;
	if ((n = readlink("/proc/self/exe", exe, sizeof(exe) - 1)) == -1)
		return -1;
	exe[n] = '\0';
	for (int i = 0; i < 2; i++) {
		if ((slash = strrchr(exe, '/')) == NULL)
			return -1;
		*slash = '\0';
	}
	return snprintf(folder, PATH_MAX, "%s/libexec/pchan", exe) < PATH_MAX ? 0 : -1;
}

/* Adds the schemes that there are to the line, or how to have some. */
static void
list_schemes(const char *folder, const char *prefix, char *line, size_t size)
{
	struct dirent **entry = NULL;
	int n = scandir(folder, &entry, NULL, alphasort);
	size_t len = strlen(line), found = 0;

	for (int i = 0; i < n; i++) {
		const char *name = entry[i]->d_name;

		if (strncmp(name, prefix, strlen(prefix)) == 0 && len < size)
			len += (size_t)snprintf(line + len, size - len, "%s %s://",
			    found++ == 0 ? "; there are" : "", name + strlen(prefix));
		free(entry[i]);
	}
	free(entry);
	if (found == 0)
		snprintf(line + len, size - len,
		    ": `make deps-engines` gets the libraries with which pchan builds the helpers");
}

char *
helper_find(const char *direction, const char *url, char why[HELPER_WHY_SIZE])
{
	char folder[PATH_MAX], prefix[16], *path;
	int scheme = (int)url_scheme(url);

	if (url_has_password(url)) {
		snprintf(why, HELPER_WHY_SIZE, "%.*s://: " URL_PASSWORD, scheme, url);
		return NULL;
	}
	if (find_folder(folder) == -1) {
		snprintf(why, HELPER_WHY_SIZE, "the folder of the helpers is not known");
		return NULL;
	}
	if (asprintf(&path, "%s/%s-%.*s", folder, direction, scheme, url) == -1) {
		snprintf(why, HELPER_WHY_SIZE, "out of memory");
		return NULL;
	}
	if (access(path, X_OK) == 0)
		return path;
	snprintf(why, HELPER_WHY_SIZE, "%.*s://: there is no helper %.500s (%s)", scheme, url, path,
	    strerror(errno));
	snprintf(prefix, sizeof(prefix), "%s-", direction);
	list_schemes(folder, prefix, why, HELPER_WHY_SIZE);
	free(path);
	return NULL;
}

/* One line, in one write. */
static void __attribute__((format(printf, 1, 0))) say(const char *fmt, va_list ap)
{
	char line[LINE_SIZE];
	int n = snprintf(line, sizeof(line), "%s: ", program_invocation_short_name);
	size_t len;

	vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	for (char *p = line; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	len = strlen(line);
	line[len] = '\n';
	(void)io_write_all(STDERR_FILENO, line, len + 1);
}

void
helper_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
helper_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	_exit(2);
}

const char *
helper_begin(int argc, char **argv, const char *help)
{
	const char *url = NULL;
	bool options = true;

	signal(SIGPIPE, SIG_IGN);
	for (int i = 1; i < argc; i++) {
		if (options && strcmp(argv[i], "--help") == 0) {
			fputs(help, stdout);
			exit(fflush(stdout) == 0 ? 0 : 2);
		}
		if (options && (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)) {
			printf("%s (pchan) %s\n", program_invocation_short_name, PCHAN_VERSION);
			exit(fflush(stdout) == 0 ? 0 : 2);
		}
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && argv[i][0] == '-')
			helper_fail("there is no option %s; --help says what there is", argv[i]);
		else if (url != NULL)
			helper_fail("one URL is enough: '%s' is another one", argv[i]);
		else
			url = argv[i];
	}
	if (url == NULL)
		helper_fail("the URL is missing; --help shows one");
	return url;
}

void
trouble_tell(struct trouble *t, const char *fmt, ...)
{
	int64_t now = clock_now();
	char what[sizeof(t->what)], since[UNITS_TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (!t->now) {
		*t = (struct trouble){.now = true, .since = now, .told = now};
		memcpy(t->what, what, sizeof(what));
		helper_say("%s; trying again", what);
	} else if (now - t->told >= TELL_AGAIN) {
		units_format_duration(now - t->since, since);
		helper_say("%s; for %s now; trying again", what, since);
		t->told = now;
	}
}

void
trouble_over(struct trouble *t)
{
	char since[UNITS_TEXT_SIZE];

	if (!t->now)
		return;
	units_format_duration(clock_now() - t->since, since);
	helper_say("goes on after %s: %s", since, t->what);
	t->now = false;
}

int64_t
helper_back_off(unsigned failures)
{
	int64_t wait = BACK_OFF_FIRST;

	for (unsigned i = 1; i < failures && wait < BACK_OFF_MOST; i++)
		wait *= 2;
	if (wait > BACK_OFF_MOST)
		wait = BACK_OFF_MOST;
	return wait - (int64_t)((double)(wait / 2) * (arc4random() / 4294967296.0));
}
