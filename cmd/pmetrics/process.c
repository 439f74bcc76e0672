#include "process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

#define NAME_BYTES 40 /* of a command line; more tells nobody more */

/* The start of a file of /proc/PID, as a string.  Its length, or -1. */
static ssize_t
read_start(pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n;
}

bool
process_stat(pid_t pid, struct process_stat *s)
{
	unsigned long long user, sys, children_user, children_sys, begun;
	char text[1024];
	const char *name, *rest;
	int parent;

	/* The name may have parentheses in it: the last one ends it. */
	if (read_start(pid, "stat", text, sizeof(text)) <= 0 ||
	    (name = strchr(text, '(')) == NULL || (rest = strrchr(name, ')')) == NULL)
		return false;
	if (sscanf(rest,
		") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %*d "
		"%*d %llu",
		&parent, &user, &sys, &children_user, &children_sys, &begun) != 6)
		return false;
	snprintf(s->command, sizeof(s->command), "%.*s", (int)(rest - name - 1), name + 1);
	s->parent = parent;
	s->begun = begun;
	s->cpu = (double)(user + sys + children_user + children_sys) / (double)sysconf(_SC_CLK_TCK);
	return true;
}

static void
put_name(const char *text, size_t len, char *name, size_t size)
{
	len = utf8_head(text, len, size - 1);
	memcpy(name, text, len);
	name[len] = '\0';
	utf8_tame(name, len, "");
}

/* The arguments, that end with a NUL each, without the folders of paths. */
static size_t
join_arguments(char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0, next; i < len; i = next) {
		const char *argument = text + i, *base = strrchr(argument, '/');

		next = i + strlen(argument) + 1;
		if (base != NULL && base[1] != '\0' && (argument[0] == '/' || i == 0) &&
		    strncmp(argument, "/dev/", 5) != 0)
			argument = base + 1;
		if (n > 0)
			text[n++] = ' ';
		memmove(text + n, argument, strlen(argument));
		n += (size_t)(text + next - 1 - argument);
	}
	return n;
}

void
process_name(pid_t pid, char *name, size_t size)
{
	char text[1024];
	ssize_t n = read_start(pid, "cmdline", text, sizeof(text));

	name[0] = '\0';
	if (n > 0)
		put_name(text, join_arguments(text, (size_t)n), name,
		    size < NAME_BYTES + 1 ? size : NAME_BYTES + 1);
	else if ((n = read_start(pid, "comm", text, sizeof(text))) > 1)
		put_name(text, (size_t)n - 1, name, size);
}

void
process_file(pid_t pid, int fd, char *name, size_t size)
{
	char link[64], path[4096];
	const char *base;
	ssize_t n;

	name[0] = '\0';
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
	if ((n = readlink(link, path, sizeof(path) - 1)) <= 0 || path[0] != '/')
		return;
	path[n] = '\0';
	base = strrchr(path, '/') + 1;
	put_name(base, strlen(base), name, size);
}
