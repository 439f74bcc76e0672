#include "machine.h"

#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

void
machine_sample(struct machine *m, int64_t now, int64_t window)
{
	/* user nice system idle iowait irq softirq steal */
	unsigned long long t[8];
	char text[512];
	ssize_t n;
	int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3],
		&t[4], &t[5], &t[6], &t[7]) != 8)
		return;
	trend_sample(&m->idle, (double)(t[3] + t[4]), now, window);
	trend_sample(
	    &m->all, (double)(t[0] + t[1] + t[2] + t[3] + t[4] + t[5] + t[6] + t[7]), now, window);
}

double
machine_idle(const struct machine *m, int64_t window)
{
	double all = trend_rate(&m->all, window);

	return all > 0 ? fmin(1, fmax(0, trend_rate(&m->idle, window) / all)) : NAN;
}

double
machine_cpus(void)
{
	cpu_set_t set;
	long online;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return CPU_COUNT(&set);
	online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (double)online : 1;
}
