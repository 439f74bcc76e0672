#include "engine.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/signame.h"
#include "engine/control.h"

#define HELLO "pchan-in 1"
#define HELLO_TIME (10 * CLOCK_S)
#define LINE_SIZE 256

/* Whether the text begins with the word; then *rest is behind it. */
static bool
begins(const char *text, size_t len, const char *word, const char **rest)
{
	size_t n = strlen(word);

	*rest = text + n;
	return len >= n && memcmp(text, word, n) == 0;
}

/* A line for us has come; lines that are not known are of a later version. */
static bool
take_line(void *arg, const char *text, size_t len, uint64_t end)
{
	struct engine *e = arg;
	const char *rest;

	if (begins(text, len, "stat ", &rest))
		e->said_line(e->arg, e, rest, len - (size_t)(rest - text));
	return begins(text, len, "mark ", &rest) &&
	    e->come(e->arg, e, rest, len - (size_t)(rest - text), end);
}

/* What the helper has on stderr goes to ours, before there is a log. */
static void
copy_stderr(struct engine *e)
{
	char text[CHILD_LOG];
	ssize_t n;

	while (e->child.err != -1 && (n = read(e->child.err, text, sizeof(text))) > 0)
		(void)io_write_all(STDERR_FILENO, text, (size_t)n);
}

/* It has ended, or does not answer, before it began. */
static void __attribute__((noreturn)) refuse(struct engine *e, const char *why)
{
	copy_stderr(e);
	child_stop(&e->child);
	errx(2, "%s: %s", e->url, why);
}

/* Waits until its stdout can be read. */
static void
wait_for_hello(struct engine *e, int64_t deadline)
{
	struct pollfd p = {.fd = e->child.out, .events = POLLIN};
	struct timespec left;

	while (ppoll(&p, 1, clock_left(deadline, &left), NULL) != 1)
		if (clock_now() >= deadline)
			refuse(e, "its helper does not begin");
}

/* Reads its first line, byte by byte, as what follows is for the source. */
static void
read_hello(struct engine *e, char line[LINE_SIZE])
{
	int64_t deadline = clock_now() + HELLO_TIME;
	size_t n = 0;

	for (;;) {
		ssize_t got = read(e->child.out, &line[n], 1);

		if (got == -1 && errno == EAGAIN)
			wait_for_hello(e, deadline);
		else if (got == -1 && errno != EINTR)
			refuse(e, strerror(errno));
		else if (got == 0)
			refuse(e, "its helper has ended");
		else if (got == 1 && line[n] == '\n')
			break;
		else if (got == 1 && ++n == LINE_SIZE - 1)
			refuse(e, "its helper begins with something else than \"@KEY " HELLO "\"");
	}
	line[n] = '\0';
}

/* What the first line says: the version, and whether there are marks. */
static void
take_hello(struct engine *e, const char *line)
{
	const char *rest, *word;
	size_t len = strlen(line);

	if (!begins(line, len, e->prefix, &rest) || !begins(rest, strlen(rest), HELLO, &word) ||
	    (*word != '\0' && *word != ' '))
		refuse(e, "its helper begins with something else than \"@KEY " HELLO "\"");
	e->marks = strcmp(word, " marks") == 0;
	if (*word != '\0' && !e->marks)
		refuse(e, "its helper is of a later version of pchan");
	e->control.marks = e->marks;
}

void
engine_start(
    struct engine *e, engine_come *come, engine_said *said, void *arg, const char *url, char *path)
{
	char *argv[] = {path, (char *)(uintptr_t)url, NULL};
	char line[LINE_SIZE], key[CONTROL_KEY_SIZE];

	*e = (struct engine){.come = come, .said_line = said, .arg = arg, .url = url};
	control_key(key, e->prefix);
	e->control = (struct input_control){
	    .prefix = e->prefix, .len = strlen(e->prefix), .line = take_line, .arg = e};
	if (setenv(CONTROL_VARIABLE, key, 1) == -1 ||
	    child_spawn(&e->child, path, argv, NULL) == -1)
		err(2, "%s", path);
	(void)unsetenv(CONTROL_VARIABLE);
	read_hello(e, line);
	take_hello(e, line);
}

/* False: the pipe is full.  A helper that is gone needs nothing. */
static bool
write_done(struct engine *e, const char *token)
{
	char line[TOKEN_SIZE + 8];
	int n = snprintf(line, sizeof(line), "done %s\n", token);

	return e->child.in == -1 || write(e->child.in, line, (size_t)n) != -1 || errno != EAGAIN;
}

void
engine_done(struct engine *e, const char *token)
{
	*e->owed = '\0';
	if (!write_done(e, token))
		memcpy(e->owed, token, TOKEN_SIZE);
}

void
engine_send_owed(struct engine *e)
{
	if (*e->owed != '\0' && write_done(e, e->owed))
		*e->owed = '\0';
}

const char *
engine_reap(struct engine *e)
{
	static char why[LINE_SIZE];
	char name[SIGNAME_SIZE];

	child_reap(&e->child);
	e->gone = true;
	if (WIFEXITED(e->child.status) && WEXITSTATUS(e->child.status) == 0)
		return NULL;
	if (WIFEXITED(e->child.status))
		snprintf(why, sizeof(why), "its helper has ended with status %d",
		    WEXITSTATUS(e->child.status));
	else if (WIFSIGNALED(e->child.status)) {
		signame(WTERMSIG(e->child.status), name);
		snprintf(why, sizeof(why), "its helper was killed by %s", name);
	} else
		snprintf(why, sizeof(why), "its helper has ended, nobody knows how");
	return why;
}
