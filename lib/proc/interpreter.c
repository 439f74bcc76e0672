#include "proc/interpreter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/shortage.h"

#define LINE_SIZE 256 /* what the kernel looks at */

/* Reads the start of the file into a string.  The length; -1: unreadable. */
static ssize_t
read_head(const char *path, char head[LINE_SIZE + 1])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	if (fd == -1)
		return -1;
	while ((n = read(fd, head, LINE_SIZE)) == -1 && errno == EINTR)
		continue;
	close(fd);
	head[n > 0 ? n : 0] = '\0';
	return n;
}

/*
 * Cuts the line #! in head down to the name of the interpreter.  NULL: there is
 * none.  *cr: the line ends with CR LF.
 */
static const char *
take_name(char *head, bool *cr)
{
	char *name;
	size_t len;

	if (strncmp(head, "#!", 2) != 0)
		return NULL;
	head[len = strcspn(head, "\n")] = '\0';
	*cr = head[len - 1] == '\r';
	name = head + 2 + strspn(head + 2, " \t");
	name[strcspn(name, " \t")] = '\0';
	return *name != '\0' ? name : NULL;
}

/* env(1) looks for a program whose name ends with the CR. */
static bool
is_env(const char *name)
{
	const char *slash = strrchr(name, '/');

	return strcmp(slash != NULL ? slash + 1 : name, "env") == 0;
}

bool
interpreter_is_missing(const char *path, char why[INTERPRETER_WHY_SIZE])
{
	char head[LINE_SIZE + 1];
	const char *name;
	bool cr, missing;

	if (read_head(path, head) == -1 || (name = take_name(head, &cr)) == NULL)
		return false;
	missing = access(name, F_OK) == -1 && (errno == ENOENT || errno == ENOTDIR);
	if (cr && (missing || is_env(name)))
		snprintf(why, INTERPRETER_WHY_SIZE,
		    "its interpreter line ends with CR LF: convert the script with dos2unix or "
		    "sed -i 's/\\r$//'");
	else if (missing)
		snprintf(why, INTERPRETER_WHY_SIZE, "its interpreter %.150s is missing", name);
	return missing || (cr && is_env(name));
}

const char *
interpreter_error(const char *path, int error, char why[INTERPRETER_WHY_SIZE])
{
	if (error != ENOENT || path == NULL || access(path, F_OK) == -1)
		return shortage_text(error);
	if (!interpreter_is_missing(path, why))
		snprintf(why, INTERPRETER_WHY_SIZE,
		    "its interpreter or loader is missing: it was made for another system");
	return why;
}
