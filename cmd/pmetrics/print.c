/* Prints the metrics once. */

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "commands.h"
#include "metrics/look.h"
#include "metrics/rundir.h"
#include "scrape.h"
#include "stage/cli.h"
#include "stage/options.h"
#include "usage.h"

static const char *const format_names[] = {
    [EXPOSITION_TEXT] = "prometheus", [EXPOSITION_OPENMETRICS] = "openmetrics", NULL};

/* Nobody has left a number: where we looked. */
static void
say_where(void)
{
	struct rundir_list list;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL || rundir_list(&list) == -1)
		err(2, "print");
	for (size_t i = 0; i < list.n; i++)
		fprintf(out, "%s%s", i > 0 ? ", " : "", list.path[i]);
	if (fclose(out) == EOF)
		err(2, "print");
	if (list.off)
		warnx("print: no stage found: $PCHAN_METRICS is off");
	else
		warnx("print: no stage found in %s", text);
	rundir_list_free(&list);
	free(text);
}

int
print_command(int argc, char **argv)
{
	struct scrape_how how = {.format = EXPOSITION_TEXT, .tame = isatty(STDOUT_FILENO) == 1};
	const struct option_row rows[] = {
	    {0, "format", OPTION_CHOICE, OPTION_FIELD(how.format), .names = format_names},
	    {0},
	};
	struct look look;
	char *text;
	size_t len;
	bool found;

	cli_check_descriptors();
	(void)usage_parse(argc, argv, rows, NULL, 0);
	if (look_take(&look, true) == -1)
		err(2, "print");
	found = look.n > 0 || look.retired.n > 0;
	if (found && (text = scrape(&look, &how, &len)) == NULL)
		err(2, "print");
	look_free(&look);
	if (!found) {
		say_where();
		return 1;
	}
	if (io_write_all(STDOUT_FILENO, text, len) == -1)
		err(2, "standard output");
	free(text);
	return 0;
}
