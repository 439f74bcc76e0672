#include "pfanout/arrival.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/park.h"
#include "t.h"

static char path[] = "/tmp/t_arrival.XXXXXX/fifo";

static void
test_reader_comes(int fifo, struct parker *parker, bool stays)
{
	struct arrival *a = arrival_begin(fifo, parker);
	struct pollfd woken = {.fd = parker->fd, .events = POLLIN};
	int reader, fd;

	CHECK(a != NULL);
	CHECK((reader = open(path, O_RDONLY)) != -1, "waits for us");
	if (!stays)
		close(reader);
	CHECK(poll(&woken, 1, 10000) == 1);
	park_clear(parker);
	CHECK(arrival_is_over(a));
	CHECK((fd = arrival_end(a)) != -1);
	CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	if (stays)
		close(reader);
	close(fd);
}

static void
test_nobody_comes(int fifo, struct parker *parker)
{
	struct arrival *a = arrival_begin(fifo, parker);

	CHECK(a != NULL && !arrival_is_over(a));
	CHECK(arrival_end(a) == -1 && errno == ECANCELED);
	park_clear(parker);
}

/*
 * Waits that are given up, before or in the open(2), look like a reader to
 * nobody.
 */
static void
test_another_waits(int fifo, struct parker *parker, struct parker *other)
{
	struct arrival *a = arrival_begin(fifo, other);
	struct pollfd woken = {.fd = other->fd, .events = POLLIN};
	int reader, fd;

	for (int i = 0; i < 100; i++)
		test_nobody_comes(fifo, parker);
	CHECK(poll(&woken, 1, 0) == 0 && !arrival_is_over(a));
	/* The threads left behind end now, and wake nobody. */
	CHECK((reader = open(path, O_RDONLY)) != -1);
	CHECK(poll(&woken, 1, 10000) == 1);
	CHECK((fd = arrival_end(a)) != -1);
	close(reader);
	close(fd);
}

int
main(void)
{
	struct parker parker, other;
	int fifo;

	*strrchr(path, '/') = '\0';
	if (mkdtemp(path) == NULL)
		return 1;
	path[strlen(path)] = '/';
	if (mkfifo(path, 0600) == -1 || park_init_fd(&parker) == -1 || park_init_fd(&other) == -1)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	fifo = open(path, O_PATH | O_CLOEXEC);
	test_reader_comes(fifo, &parker, true);
	test_reader_comes(fifo, &parker, false);
	/* The last one: threads that it leaves would meet a reader, too. */
	test_another_waits(fifo, &parker, &other);
	close(fifo);
	park_close(&parker);
	park_close(&other);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return t_end();
}
