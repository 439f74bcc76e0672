/*
 * Measures how long a record takes through a command and back.  Each record is
 * written when the answer to the one before has come.
 *
 *	bench_pingpong records command [arg ...]
 *
 * Prints the median round trip and the one that 99 of 100 do not exceed, in
 * microseconds.  Every answer must be the record itself.
 */

#include <sys/wait.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "peer.h"

/* Records that are not counted, as the command starts in the meantime. */
#define WARM_UP 100
#define RECORD_MAX 256

/* Reads len bytes.  Exits if the command has ended. */
static void
read_all(int fd, char *buf, size_t len)
{
	size_t got;
	ssize_t n;

	for (got = 0; got < len; got += (size_t)n)
		if ((n = read(fd, buf + got, len - got)) <= 0)
			errx(2, "the command stopped answering");
}

/*
 * Makes a record of 245 bytes, as in the other benchmarks.  Returns its length.
 */
static size_t
make_record(char *line, size_t size, unsigned long id)
{
	int len = snprintf(
	    line, size, "{\"id\":%10lu,\"latency_ms\":12.5,\"msg\":\"%0*d\"}\n", id, 200, 0);

	return (size_t)len;
}

static void
round_trip(const struct peer *peer, unsigned long id)
{
	char line[RECORD_MAX], answer[RECORD_MAX];
	size_t len = make_record(line, sizeof(line), id);

	if (write(peer->in, line, len) != (ssize_t)len)
		err(2, "write");
	read_all(peer->out, answer, len);
	if (memcmp(line, answer, len) != 0)
		errx(2, "the answer to record %lu is not the record", id);
}

static int
compare_times(const void *p, const void *q)
{
	const int64_t *a = p, *b = q;

	return (*a > *b) - (*a < *b);
}

int
main(int argc, char *argv[])
{
	unsigned long i, records = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct peer peer;
	int64_t *took;
	int status;

	if (records == 0)
		errx(2, "usage: bench_pingpong records command [arg ...]");
	if ((took = calloc(records, sizeof(*took))) == NULL)
		err(2, NULL);
	peer_start(&peer, argv + 2);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < WARM_UP; i++)
		round_trip(&peer, i);
	for (i = 0; i < records; i++) {
		int64_t began = clock_now();

		round_trip(&peer, i);
		took[i] = clock_now() - began;
	}
	qsort(took, records, sizeof(*took), compare_times);
	printf(
	    "%.2f %.2f\n", (double)took[records / 2] / 1e3, (double)took[records * 99 / 100] / 1e3);
	free(took);
	close(peer.in);
	if (waitpid(peer.pid, &status, 0) == -1 || status != 0)
		errx(2, "%s failed", argv[2]);
	return 0;
}
