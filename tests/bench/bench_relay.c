/*
 * The barest relay: passes what comes in to a command, and what the command
 * answers out, in one thread that polls.  It keeps no record, counts nothing
 * and retries nothing: a round trip through another process costs this much at
 * least.
 *
 *	bench_relay command [arg ...]
 */

#include <sys/wait.h>

#include <err.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "peer.h"

/* Passes on what is there; false at the end. */
static bool
pass(int from, int to)
{
	char buf[65536];
	ssize_t n = read(from, buf, sizeof(buf)), did = 0, k;

	if (n == -1)
		err(2, "read");
	for (; did < n; did += k)
		if ((k = write(to, buf + did, (size_t)(n - did))) == -1)
			err(2, "write");
	return n > 0;
}

int
main(int argc, char *argv[])
{
	struct peer peer;
	int status;

	if (argc < 2)
		errx(2, "usage: bench_relay command [arg ...]");
	peer_start(&peer, argv + 1);

	struct pollfd fd[] = {{STDIN_FILENO, POLLIN, 0}, {peer.out, POLLIN, 0}};

	for (;;) {
		if (poll(fd, 2, -1) == -1)
			err(2, "poll");
		if (fd[0].revents != 0 && !pass(STDIN_FILENO, peer.in)) {
			close(peer.in);
			fd[0].fd = -1;
		}
		if (fd[1].revents != 0 && !pass(peer.out, STDOUT_FILENO))
			break;
	}
	return waitpid(peer.pid, &status, 0) == -1 || status != 0 ? 2 : 0;
}
