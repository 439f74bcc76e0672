/* pmetrics: shows what the stages of pipelines do; pmetrics(1). */

#include <string.h>

#include "commands.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"tap", tap_command},
    {"print", print_command},
    {"serve", serve_command},
    {"textfile", textfile_command},
    {"top", top_command},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Without the name of a command it is a tap. */
int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return tap_command(argc, argv);
}
