/* The processes that acknowledge. */

#include "pfanin/ends.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"

static pid_t
start(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int
main(void)
{
	struct ends e = {0};
	pid_t first = start(), second = start();

	CHECK(!ends_any(&e));
	ends_note(&e, 0);
	CHECK(!ends_any(&e));
	ends_note(&e, first);
	ends_note(&e, second);
	ends_note(&e, first);
	CHECK(e.n == 2);
	CHECK(ends_any(&e));
	/* The last one is gone, and the other one is still there. */
	end(first);
	CHECK(ends_any(&e) && e.n == 1);
	/* It can't be found any more. */
	ends_note(&e, first);
	CHECK(e.n == 1);
	end(second);
	CHECK(!ends_any(&e));
	ends_note(&e, getpid());
	CHECK(ends_any(&e));
	ends_clear(&e);
	CHECK(!ends_any(&e));
	return t_end();
}
