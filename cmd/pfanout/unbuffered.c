#include "unbuffered.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "pfanout.h"
#include "proc/child.h"

#define WORDS 3 /* stdbuf -oL -- */

bool
unbuffered_set_up(struct pfanout *pf)
{
	static char stdbuf[] = "stdbuf", lines[] = "-oL", end[] = "--";
	size_t n = 0;
	char *path, **argv;

	if (setenv("PYTHONUNBUFFERED", "1", 1) == -1)
		err(2, NULL);
	if ((path = child_find(stdbuf)) == NULL)
		return false;
	while (pf->argv[n] != NULL)
		n++;
	if ((argv = calloc(WORDS + n + 1, sizeof(*argv))) == NULL)
		err(2, NULL);
	argv[0] = stdbuf;
	argv[1] = lines;
	argv[2] = end;
	memcpy(argv + WORDS, pf->argv, n * sizeof(*argv));
	pf->start_path = path;
	pf->start_argv = argv;
	return true;
}

void
unbuffered_free(struct pfanout *pf)
{
	if (pf->start_path == pf->path)
		return;
	free(pf->start_path);
	free(pf->start_argv);
}
