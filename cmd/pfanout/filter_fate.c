#include "filter_fate.h"

#include <string.h>
#include <sys/wait.h>

enum filter_fate
filter_fate_of(const struct filter_facts *f)
{
	bool no_match = f->greps && !f->complained;

	if (f->stopped)
		return FILTER_STOPPED;
	if (!WIFEXITED(f->status))
		return WIFSIGNALED(f->status) ? FILTER_DIED : FILTER_UNKNOWN;
	if (!f->listed && !(no_match && WEXITSTATUS(f->status) == 1))
		return FILTER_FAILED;
	return f->unread > 0 || f->waiting > 0 || f->hasty ? FILTER_LEFT : FILTER_DONE;
}

bool
filter_is_grep(const char *command)
{
	const char *slash = strrchr(command, '/'), *name = slash != NULL ? slash + 1 : command;
	size_t len = strlen(name);

	return (len >= 4 && strcmp(name + len - 4, "grep") == 0) || strcmp(name, "rg") == 0 ||
	    strcmp(name, "ag") == 0 || strcmp(name, "ack") == 0;
}
