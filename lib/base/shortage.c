#include "base/shortage.h"

#include <errno.h>
#include <string.h>

const char *
shortage_text(int error)
{
	/* As limits of memory do that, too, it is not the only remedy. */
	if (error == EAGAIN)
		return "Resource temporarily unavailable: there may be too many processes and "
		       "threads (ulimit -u)";
	return strerror(error);
}
