#ifndef PCHAN_BENCH_PEER_H
#define PCHAN_BENCH_PEER_H

/*
 * A command that a benchmark feeds and reads.
 */

#include <err.h>
#include <sys/types.h>
#include <unistd.h>

struct peer {
	pid_t pid;
	int in;  /* writes to the command's stdin */
	int out; /* reads from the command's stdout */
};

/*
 * Starts argv[0], or exits with a message.  The descriptors are the caller's.
 */
static inline void
peer_start(struct peer *peer, char *argv[])
{
	int in[2], out[2];

	if (pipe(in) == -1 || pipe(out) == -1 || (peer->pid = fork()) == -1)
		err(2, "%s", argv[0]);
	if (peer->pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		closefrom(STDERR_FILENO + 1);
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	close(in[0]);
	close(out[1]);
	peer->in = in[1];
	peer->out = out[0];
}

#endif
