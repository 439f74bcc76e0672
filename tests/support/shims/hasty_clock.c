/*
 * Preloaded into a tool, makes its threads seem to be preempted now and then
 * when they look at the clock: one reading of the monotonic clock in eight is
 * later than the one before by another 100 ms.  $HASTY_CLOCK, a number, says
 * which ones.
 */

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define JUMP 100000000LL /* ns */
#define NS 1000000000LL

int
clock_gettime(clockid_t id, struct timespec *t)
{
	static atomic_ullong readings = 0;
	static atomic_llong ahead = 0;
	const char *seed = getenv("HASTY_CLOCK");
	int error = (int)syscall(SYS_clock_gettime, id, t);
	uint64_t noise;
	long long ns;

	if (error != 0 || id != CLOCK_MONOTONIC || seed == NULL)
		return error;
	noise = (atomic_fetch_add(&readings, 1) + strtoull(seed, NULL, 10) * 1000003) *
	    0x9e3779b97f4a7c15;
	noise = (noise ^ noise >> 32) * 0xd6e8feb86659fd93;
	if (noise >> 61 == 0)
		atomic_fetch_add(&ahead, JUMP);
	ns = t->tv_nsec + atomic_load(&ahead);
	t->tv_sec += ns / NS;
	t->tv_nsec = ns % NS;
	return 0;
}
