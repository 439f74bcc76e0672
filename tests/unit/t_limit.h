#ifndef T_LIMIT_H
#define T_LIMIT_H

/* A full disk without a disk: no file may grow beyond this size. */

#include <sys/resource.h>

static inline void
limit_files(rlim_t size)
{
	struct rlimit rl;

	getrlimit(RLIMIT_FSIZE, &rl);
	rl.rlim_cur = size < rl.rlim_max ? size : rl.rlim_max;
	setrlimit(RLIMIT_FSIZE, &rl);
}

#endif
