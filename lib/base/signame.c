#include "base/signame.h"

#include <stdio.h>
#include <string.h>

void
signame(int sig, char name[SIGNAME_SIZE])
{
	const char *known = sigabbrev_np(sig);

	if (known != NULL)
		snprintf(name, SIGNAME_SIZE, "SIG%s", known);
	else
		snprintf(name, SIGNAME_SIZE, "SIG%d", sig);
}
