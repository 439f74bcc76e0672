#include "ends.h"

#include <poll.h>
#include <sys/pidfd.h>
#include <unistd.h>

void
ends_clear(struct ends *e)
{
	while (e->n > 0)
		close(e->end[--e->n].fd);
}

static bool
is_alive(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

/* Forgets those that have ended. */
static void
sweep(struct ends *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		if (is_alive(e->end[i].fd))
			e->end[n++] = e->end[i];
		else
			close(e->end[i].fd);
	e->n = n;
}

void
ends_note(struct ends *e, pid_t pid)
{
	int fd;

	for (size_t i = 0; i < e->n; i++)
		if (e->end[i].pid == pid)
			return;
	if (pid <= 0 || (fd = pidfd_open(pid, 0)) == -1)
		return;
	sweep(e);
	if (e->n == ENDS_MOST) {
		close(fd);
		return;
	}
	e->end[e->n].pid = pid;
	e->end[e->n++].fd = fd;
}

bool
ends_any(struct ends *e)
{
	sweep(e);
	return e->n > 0;
}
