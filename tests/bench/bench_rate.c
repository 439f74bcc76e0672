/*
 * Measures how exactly a command paces a stream: feeds the command as fast as
 * it reads, and counts the records that come out.
 *
 *	bench_rate seconds rate burst command [arg ...]
 *
 * rate is in records/s.  Prints four numbers:
 *
 *	how far the long-run rate is above the one asked for, in parts per
 *	million (negative: below);
 *	how many records more than rate x 0.1 + burst came in the worst 100 ms;
 *	the same in ms at this rate;
 *	the command's CPU time in percent of one processor.
 */

#include <sys/resource.h>
#include <sys/wait.h>

#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "peer.h"

#define RECORD 16 /* bytes */
#define WINDOW (100 * CLOCK_MS)
#define EVENTS_MAX (1 << 22)

/* A read(2), and how many records it brought. */
struct event {
	int64_t time;
	size_t records;
};

static struct event events[EVENTS_MAX];

static void *
feed_records(void *arg)
{
	static char block[4096];
	int fd = *(int *)arg;

	for (size_t i = 0; i < sizeof(block); i += RECORD)
		memcpy(block + i, "{\"id\":12345678}\n", RECORD);
	while (write(fd, block, sizeof(block)) > 0)
		continue;
	return NULL;
}

/* Reads for ns from the first record on.  Returns the number of events. */
static size_t
watch_output(int fd, int64_t ns)
{
	static char buf[1 << 16];
	size_t n = 0, bytes = 0;
	ssize_t got;

	while (n < EVENTS_MAX && (n == 0 || events[n - 1].time < events[0].time + ns)) {
		if ((got = read(fd, buf, sizeof(buf))) <= 0)
			errx(2, "the command has ended early");
		bytes += (size_t)got;
		events[n].time = clock_now();
		events[n++].records = bytes / RECORD;
		bytes %= RECORD;
	}
	return n;
}

/* Returns the most records that came within a window. */
static size_t
worst_window(size_t n)
{
	size_t worst = 0, sum = 0, first = 0;

	for (size_t i = 0; i < n; i++) {
		sum += events[i].records;
		while (events[i].time - events[first].time > WINDOW)
			sum -= events[first++].records;
		if (sum > worst)
			worst = sum;
	}
	return worst;
}

static double
seconds_of(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

int
main(int argc, char *argv[])
{
	double seconds, rate, burst, elapsed, excess, total = 0;
	struct rusage usage;
	pthread_t feeder;
	struct peer peer;
	size_t n;

	if (argc < 5)
		errx(2, "usage: bench_rate seconds rate burst command [arg ...]");
	seconds = atof(argv[1]);
	rate = atof(argv[2]);
	burst = atof(argv[3]);
	signal(SIGPIPE, SIG_IGN);
	peer_start(&peer, argv + 4);
	if (pthread_create(&feeder, NULL, feed_records, &peer.in) != 0)
		errx(2, "cannot create a thread");
	n = watch_output(peer.out, (int64_t)(seconds * 1e9));
	kill(peer.pid, SIGKILL);
	if (wait4(peer.pid, NULL, 0, &usage) == -1)
		err(2, "wait4");
	for (size_t i = 0; i < n; i++)
		total += (double)events[i].records;
	elapsed = (double)(events[n - 1].time - events[0].time) / 1e9;
	excess = (double)worst_window(n) - rate * 0.1 - burst;
	printf("%.0f %.0f %.3f %.1f\n", ((total - burst) / elapsed / rate - 1) * 1e6, excess,
	    excess / rate * 1e3,
	    (seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime)) / elapsed * 100);
	fflush(stdout);
	_exit(0); /* the feeder may never end */
}
