/*
 * A worker for pfanout --key.  A record says how long it takes, in us, and
 * whether its first attempt fails:
 *
 *	{"id":1,"k":"a","us":500,"again":1}
 *
 * The answer is the record, or "?again".  At the end of its input the worker
 * adds a line to FILE: how long it has worked, in all and on the key "hot", in
 * ms.  That is the ideal which a run is compared with.
 *
 *	bench_keyed FILE
 */

#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define IDS 1000000

static bool failed[IDS];

static long
member(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at != NULL ? atol(at + strlen(name)) : 0;
}

/* False: the record needs another attempt. */
static bool
work_on(const char *line)
{
	long id = member(line, "\"id\":"), us = member(line, "\"us\":");
	struct timespec t = {.tv_nsec = us * 1000};

	nanosleep(&t, NULL);
	if (id < 0 || id >= IDS)
		errx(2, "id %ld", id);
	if (member(line, "\"again\":") == 0 || failed[id])
		return true;
	failed[id] = true;
	return false;
}

static void
report(const char *file, int64_t all, int64_t hot)
{
	char line[64];
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0666);
	int n = snprintf(line, sizeof(line), "%lld %lld\n", (long long)(all / CLOCK_MS),
	    (long long)(hot / CLOCK_MS));

	if (fd == -1 || write(fd, line, (size_t)n) != n)
		err(2, "%s", file);
	close(fd);
}

int
main(int argc, char **argv)
{
	char line[512];
	int64_t all = 0, hot = 0;

	if (argc != 2)
		errx(2, "usage: bench_keyed FILE");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		int64_t begun = clock_now(), took;
		bool ok = work_on(line);

		took = clock_now() - begun;
		all += took;
		if (strstr(line, "\"hot\"") != NULL)
			hot += took;
		fputs(ok ? line : "?again\n", stdout);
		fflush(stdout);
	}
	report(argv[1], all, hot);
	return 0;
}
