#ifndef SPANINPUTS_H
#define SPANINPUTS_H

/*
 * Where spans are read from: the span files of the run directories, or files of
 * OTLP/JSON lines that the user names.  They can be read more than once: what
 * was open stays open, though a stage may go on to another file; and what can
 * be read once only is copied into a temporary file.
 *
 * One thread's; reading blocks.  What is wrong with an input is told on
 * standard error, and the others are read all the same.
 */

#include <stdbool.h>
#include <stddef.h>

#include "spanlines.h"

struct spaninputs;

/*
 * Opens these files, of which "-" is standard input; with `again` they can be
 * read twice.  NULL with errno ENOMEM, or where no temporary file can be made.
 */
struct spaninputs *spaninputs_open(char **files, size_t n, bool again);

/* Opens the files of the run directories.  NULL with errno. */
struct spaninputs *spaninputs_open_runs(void);
void spaninputs_free(struct spaninputs *);

/*
 * Calls fn with each span.  A line that is no OTLP is told, once for each
 * input, unless it is the last one and has no end: somebody is writing it.
 * -1 with errno if memory was short or fn returned -1.
 */
int spaninputs_read(struct spaninputs *s, spanview_fn *fn, void *arg);

/*
 * The same again, without the lines that `skips` picks (NULL: none): what was
 * told is not told again.
 */
int spaninputs_read_again(struct spaninputs *s, spanlines_skips *skips, spanview_fn *fn, void *arg);

/*
 * An exit status: 0; 1: a line was not OTLP; 2: a file could not be opened or
 * read.
 */
int spaninputs_status(const struct spaninputs *);

#endif
