#include "misnamed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_script(const char *path)
{
	char head[2];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd == -1)
		return false;
	n = read(fd, head, sizeof(head));
	close(fd);
	return n == sizeof(head) && memcmp(head, "#!", sizeof(head)) == 0;
}

const char *
misnamed_input(char *const argv[])
{
	struct stat sb;

	for (size_t i = 1; argv[i] != NULL; i++)
		if (stat(argv[i], &sb) == 0 && S_ISREG(sb.st_mode))
			return argv[i];
	return NULL;
}

bool
misnamed_explain(const char *command, char *line, size_t size)
{
	bool is_path = strchr(command, '/') != NULL;
	struct stat sb;

	if (stat(command, &sb) == -1) {
		if (is_path || strchr(command, ' ') == NULL)
			return false;
		snprintf(line, size,
		    "%s: %s: the command and its arguments are words of their own: -- %s", command,
		    strerror(ENOENT), command);
		return true;
	}
	if (!S_ISREG(sb.st_mode))
		return false;
	if (access(command, X_OK) == 0 && is_path)
		return false;
	if (access(command, X_OK) == 0)
		snprintf(line, size, "%s: is not in PATH: to run the file here, use ./%s", command,
		    command);
	else if (is_script(command))
		snprintf(line, size, "%s: is a script, but not executable: chmod +x %s", command,
		    command);
	else
		snprintf(line, size, "%s: is a file, not a command: to read it, use < %s", command,
		    command);
	return true;
}
