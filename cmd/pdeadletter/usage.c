#include "usage.h"

#include <err.h>
#include <limits.h>
#include <string.h>

#include "options.h"
#include "tool.h"
#include "units.h"
#include "version.h"

enum { OPTION_MAX_SIZE = OPTIONS_TOOL, OPTION_KEEP, OPTION_SYNC };

/* Which of the options that need a file was given, for a message. */
struct given {
	struct options *opt;
	const char *needs_file;
};

static const struct option words[] = {
    {"max-size", required_argument, NULL, OPTION_MAX_SIZE},
    {"keep", required_argument, NULL, OPTION_KEEP},
    {"sync", required_argument, NULL, OPTION_SYNC},
    {0},
};

static const char help[] =
    "usage: pdeadletter [-d FILE] [--max-size SIZE] [--keep N] [--sync record|batch|none] "
    "[options]\n"
    "\n"
    "Splits its input: good records go on to the output, dead letters into FILE.\n"
    "\n"
    "  -d, --dead-letter FILE append dead letters to FILE (default: standard error)\n"
    "      --max-size SIZE    rotate FILE to FILE.1, FILE.2, ... before it is larger\n"
    "      --keep N           rotated files to keep (default: all)\n"
    "      --sync WHEN        wait for the disk: record (after each letter), batch (after those "
    "that\n"
    "                         came together; the default), none\n"
    "  -n, --name STAGE       the stage's name (default: pdeadletter)\n"
    "  -b, --buffer N         records between the reader and the writer (default 1024)\n"
    "  -R, --raw              records are plain lines (they are never looked into here)\n"
    "      --max-record SIZE  longest record (default 16M)\n"
    "      --grace D          time to finish after a signal (default 5s)\n"
    "  -P, --progress         show progress on the terminal\n"
    "  -q, --quiet            no word about dead letters at the end\n"
    "  -v, --verbose          end with a line of numbers\n"
    "  -h, --help             this text\n"
    "  -V, --version          the version\n";

static int
take_sync(enum deadfile_sync *sync, const char *value, const char **why)
{
	static const char *const names[] = {
	    [DEADFILE_BATCH] = "batch", [DEADFILE_RECORD] = "record", [DEADFILE_NONE] = "none"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(value, names[i]) == 0) {
			*sync = (enum deadfile_sync)i;
			return 0;
		}
	*why = "record, batch or none";
	return -1;
}

static int
take(void *arg, int option, const char *value, const char **why)
{
	struct given *given = arg;
	struct deadfile_how *how = &given->opt->dead_how;
	int64_t n = 0;
	int error = 0;

	switch (option) {
	case OPTION_MAX_SIZE:
		given->needs_file = "--max-size";
		return units_size(value, &how->max_size, why);
	case OPTION_KEEP:
		given->needs_file = "--keep";
		error = units_number(value, 1, INT_MAX, &n, why);
		how->keep = (unsigned)n;
		return error;
	case OPTION_SYNC:
		given->needs_file = "--sync";
		return take_sync(&how->sync, value, why);
	}
	return 0;
}

void
usage_parse(struct options *opt, int argc, char **argv)
{
	struct given given = {opt, NULL};
	struct options_tool tool = {"", words, take, &given};
	int operands = options_parse(opt, argc, argv, &tool);

	if (operands == -1)
		errx(2, "%s", opt->error);
	if (opt->help)
		tool_print(help);
	if (opt->version)
		tool_print("pdeadletter " PCHAN_VERSION "\n");
	if (operands < argc)
		errx(2, "%s: no operands are taken: the input is standard input", argv[operands]);
	if (opt->no_bypass)
		errx(2, "--no-bypass makes no sense here: dead letters are what it is for");
	if (opt->dead_letter == NULL && given.needs_file != NULL)
		errx(2, "%s needs a file: -d", given.needs_file);
	if (opt->dead_how.keep != 0 && opt->dead_how.max_size == 0)
		errx(2, "--keep needs --max-size: nothing is rotated without it");
}
