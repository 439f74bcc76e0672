#include "self.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "exposition.h"

/* Of /proc/self/stat. */
struct facts {
	unsigned long user, system; /* ticks */
	unsigned long long start;   /* ticks since the boot */
	unsigned long virtual;      /* bytes */
	long resident;              /* pages */
};

static bool
read_facts(struct facts *f)
{
	char text[1024], *end;
	FILE *in = fopen("/proc/self/stat", "re");
	size_t n = in != NULL ? fread(text, 1, sizeof(text) - 1, in) : 0;

	if (in != NULL)
		fclose(in);
	text[n] = '\0';
	/* The name of the program, in parentheses, may have any characters. */
	if ((end = strrchr(text, ')')) == NULL)
		return false;
	return sscanf(end + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d"
		   " %llu %lu %ld",
		   &f->user, &f->system, &f->start, &f->virtual, &f->resident) == 5;
}

/* When the machine was booted, in calendar s; 0 if that is not known. */
static double
boot_time(void)
{
	FILE *in = fopen("/proc/stat", "re");
	char line[256];
	unsigned long long at = 0;

	if (in == NULL)
		return 0;
	while (at == 0 && fgets(line, sizeof(line), in) != NULL)
		(void)sscanf(line, "btime %llu", &at);
	fclose(in);
	return (double)at;
}

/* How many descriptors are open; 0 if that is not known. */
static uint64_t
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *d;
	uint64_t n = 0;

	if (dir == NULL)
		return 0;
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n > 0 ? n - 1 : 0; /* without the one that reads this */
}

static void
write_gauge(struct exposition *e, const char *name, const char *help, uint64_t value)
{
	exposition_family(e, name, EXPOSITION_GAUGE, help);
	exposition_count(e, "", NULL, NULL, value);
}

static void
write_facts(struct exposition *e)
{
	double ticks = (double)sysconf(_SC_CLK_TCK), boot = boot_time();
	struct facts f;

	if (!read_facts(&f))
		return;
	exposition_family(e, "process_cpu_seconds", EXPOSITION_COUNTER,
	    "Total user and system CPU time spent in seconds.");
	exposition_number(e, "", NULL, NULL, (double)(f.user + f.system) / ticks);
	write_gauge(e, "process_virtual_memory_bytes", "Virtual memory size in bytes.", f.virtual);
	write_gauge(e, "process_resident_memory_bytes", "Resident memory size in bytes.",
	    (uint64_t)f.resident * (uint64_t)sysconf(_SC_PAGESIZE));
	if (boot <= 0)
		return;
	exposition_family(e, "process_start_time_seconds", EXPOSITION_GAUGE,
	    "Start time of the process since unix epoch in seconds.");
	exposition_number(e, "", NULL, NULL, boot + (double)f.start / ticks);
}

void
self_write(struct exposition *e)
{
	uint64_t descriptors = open_descriptors();
	struct rlimit limit;

	write_facts(e);
	if (descriptors > 0)
		write_gauge(e, "process_open_fds", "Number of open file descriptors.", descriptors);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		write_gauge(e, "process_max_fds", "Maximum number of open file descriptors.",
		    limit.rlim_cur);
}
