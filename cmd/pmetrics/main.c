/* pmetrics: shows what the stages of pipelines do; pmetrics(1). */

#include <signal.h>

#include "commands.h"
#include "stage/cli.h"
#include "usage.h"

/* Without the name of a command it is a tap. */
int
main(int argc, char **argv)
{
	static int (*const run[])(int argc, char **argv) = {
	    [USAGE_PRINT] = print_command,
	    [USAGE_SERVE] = serve_command,
	    [USAGE_SHIP] = ship_command,
	    [USAGE_TEXTFILE] = textfile_command,
	    [USAGE_TOP] = top_command,
	    [USAGE_TRACE] = trace_command,
	};
	const struct options_command *command = cli_command(&argc, &argv, usage_commands);

	/*
	 * Beyond the limit of a file's size a write fails, as on a full disk.
	 */
	signal(SIGXFSZ, SIG_IGN);
	return (command != NULL ? run[command - usage_commands] : tap_command)(argc, argv);
}
