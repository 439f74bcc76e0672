#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define US_PER_S INT64_C(1000000)

/* 9999-12-31T23:59:59.999999Z, the last time that RFC 3339 can express. */
#define CALENDAR_MAX INT64_C(253402300799999999)

int64_t
clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * CLOCK_S + ts.tv_nsec;
}

void
clock_boot(char id[CLOCK_BOOT_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	memset(id, 0, CLOCK_BOOT_SIZE);
	if (fd == -1)
		return;
	n = read(fd, id, CLOCK_BOOT_SIZE - 1);
	close(fd);
	if (n > 0 && id[n - 1] == '\n')
		id[n - 1] = '\0';
}

int64_t
clock_calendar(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / CLOCK_US;
}

int64_t
clock_offset(void)
{
	int64_t offset = 0, shortest = CLOCK_NEVER;

	/*
	 * The calendar is read between two looks at the other clock, again if
	 * it took long: the thread may have had to wait for a processor.
	 */
	for (int i = 0; i < 8 && shortest > CLOCK_US; i++) {
		int64_t before = clock_now(), after;
		struct timespec ts;

		clock_gettime(CLOCK_REALTIME, &ts);
		after = clock_now();
		if (after - before < shortest) {
			shortest = after - before;
			offset = ts.tv_sec * CLOCK_S + ts.tv_nsec - (before + shortest / 2);
		}
	}
	return offset;
}

int64_t
clock_after(int64_t now, int64_t ns)
{
	if (ns > 0 && now > CLOCK_NEVER - ns)
		return CLOCK_NEVER;
	return now + ns;
}

struct timespec *
clock_left(int64_t deadline, struct timespec *left)
{
	int64_t now, ns;

	if (deadline == CLOCK_NEVER)
		return NULL;
	now = clock_now();
	ns = deadline > now ? deadline - now : 0;
	left->tv_sec = ns / CLOCK_S;
	left->tv_nsec = ns % CLOCK_S;
	return left;
}

void
clock_stamp(int64_t calendar_us, char stamp[CLOCK_STAMP_SIZE])
{
	int64_t us = calendar_us;
	struct tm tm;
	size_t len;
	time_t s;

	if (us < 0)
		us = 0;
	if (us > CALENDAR_MAX)
		us = CALENDAR_MAX;
	s = us / US_PER_S;
	gmtime_r(&s, &tm);
	len = strftime(stamp, CLOCK_STAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp + len, CLOCK_STAMP_SIZE - len, ".%06uZ", (unsigned)(us % US_PER_S));
}

bool
clock_read_stamp(const char *stamp, int64_t *calendar_us)
{
	struct tm tm = {0};
	int64_t us = 0, place = 100000;
	const char *p = strptime(stamp, "%Y-%m-%dT%T", &tm);
	long ahead;

	if (p == NULL)
		return false;
	if (*p == '.')
		for (p++; isdigit((unsigned char)*p); p++, place /= 10)
			us += (*p - '0') * place;
	if ((p = strptime(p, "%z", &tm)) == NULL || *p != '\0')
		return false;
	ahead = tm.tm_gmtoff; /* of UTC; timegm() clears the field */
	*calendar_us = (timegm(&tm) - ahead) * US_PER_S + us;
	return true;
}
