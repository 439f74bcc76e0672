#include "usage.h"

#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "files.h"
#include "job.h"
#include "stage/options.h"
#include "base/reason.h"
#include "stage/cli.h"
#include "base/units.h"
#include "base/version.h"

enum {
	OPTION_MAX_SIZE = OPTIONS_TOOL,
	OPTION_KEEP,
	OPTION_SYNC,
	OPTION_REASON,
	OPTION_STAGE,
	OPTION_ID,
	OPTION_SINCE,
	OPTION_UNTIL,
	OPTION_LIMIT,
	OPTION_JSON,
	OPTION_ALL,
	OPTION_WRAP,
	OPTION_MAX_REPLAYS,
	OPTION_FORCE,
};

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

static const struct option job_words[] = {
    {"reason", required_argument, NULL, OPTION_REASON},
    {"stage", required_argument, NULL, OPTION_STAGE},
    {"id", required_argument, NULL, OPTION_ID},
    {"since", required_argument, NULL, OPTION_SINCE},
    {"until", required_argument, NULL, OPTION_UNTIL},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"json", no_argument, NULL, OPTION_JSON},
    {"all", no_argument, NULL, OPTION_ALL},
    {"wrap", no_argument, NULL, OPTION_WRAP},
    {"max-replays", required_argument, NULL, OPTION_MAX_REPLAYS},
    {"force", no_argument, NULL, OPTION_FORCE},
    {0},
};

static const struct command {
	const char *name;
	int (*run)(struct job *);
} commands[] = {{"list", job_list}, {"stats", job_stats}, {"show", job_show},
    {"replay", job_replay}, {"purge", job_purge}};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char help[] =
    "usage: pdeadletter [-d FILE] [--max-size SIZE] [--keep N] [--sync record|batch|none] "
    "[options]\n"
    "       pdeadletter list [conditions] [--json] FILE ...\n"
    "       pdeadletter stats [conditions] [--json] FILE ...\n"
    "       pdeadletter show [conditions] [--json] [ID] FILE ...\n"
    "       pdeadletter replay [conditions] [--all] [--wrap] [--max-replays N] FILE ...\n"
    "       pdeadletter purge [conditions] [--force] FILE ...\n"
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
    "  -V, --version          the version\n"
    "\n"
    "list prints a line for each letter in FILE and its rotated files, oldest first, stats how "
    "many "
    "there\n"
    "are of each stage and reason, show a letter with its payload, replay the records in the "
    "letters,\n"
    "purge letters that were replayed.  "
    "FILE - is standard input.\n"
    "\n"
    "      --reason REASON    letters with this reason; may be given several times, as may\n"
    "      --stage STAGE      letters of this stage\n"
    "      --id ID            the letter with this id\n"
    "      --since TIME       that failed then or later: 2026-11-23T15:04:05Z, 2026-11-23, or 2h "
    "(ago)\n"
    "      --until TIME       that failed before\n"
    "      --limit N          so many letters at most\n"
    "      --json             for programs: the letters as they are; a line for each group\n"
    "      --all              replay what was replayed before, too\n"
    "      --wrap             replay retry envelopes, for pfanout to know the records again\n"
    "      --max-replays N    leave out records that came back N times\n"
    "      --force            purge what was not replayed, too\n";

static int
take_sync(enum deadfile_sync *sync, const char *value, const char **why)
{
	static const char *const names[] = {[DEADFILE_BATCH] = "batch",
	    [DEADFILE_RECORD] = "record",
	    [DEADFILE_NONE] = "none",
	    NULL};
	int choice;

	if (options_choice(&choice, names, value, why) == -1)
		return -1;
	*sync = (enum deadfile_sync)choice;
	return 0;
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
	struct options_tool tool = {.letters = "", .words = words, .take = take, .arg = &given};
	int operands = options_parse(opt, argc, argv, &tool);

	if (operands == -1)
		errx(2, "%s", opt->error);
	if (opt->help)
		cli_print(help);
	if (opt->version)
		cli_print("pdeadletter " PCHAN_VERSION "\n");
	if (operands < argc)
		errx(2, "%s: no operands are taken: the input is standard input", argv[operands]);
	if (opt->no_bypass)
		errx(2, "--no-bypass makes no sense here: dead letters are what it is for");
	if (opt->dead_letter == NULL && given.needs_file != NULL)
		errx(2, "%s needs a file: -d", given.needs_file);
	if (opt->dead_how.keep != 0 && opt->dead_how.max_size == 0)
		errx(2, "--keep needs --max-size: nothing is rotated without it");
}

static int
take_reason(struct names *names, const char *value, const char **why)
{
	static char known[512];

	known[0] = '\0';
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		if (strcmp(value, reason_name(i)) == 0)
			return names_add(names, value);
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
		    i > 0 ? ", " : "one of ", reason_name(i));
	}
	*why = known;
	return -1;
}

static int
take_for_job(void *arg, int option, const char *value, const char **why)
{
	struct job *job = arg;
	struct selection *s = &job->select;
	int64_t n = 0;

	*why = "less: out of memory";
	switch (option) {
	case OPTION_REASON:
		return take_reason(&s->reasons, value, why);
	case OPTION_STAGE:
		return names_add(&s->stages, value);
	case OPTION_ID:
		return names_add(&s->ids, value);
	case OPTION_SINCE:
		return select_time(value, &s->since, why);
	case OPTION_UNTIL:
		return select_time(value, &s->until, why);
	case OPTION_LIMIT:
		if (units_number(value, 1, INT64_MAX, &n, why) == -1)
			return -1;
		s->limit = (uint64_t)n;
		return 0;
	case OPTION_JSON:
		job->json = true;
		return 0;
	case OPTION_ALL:
		job->all = true;
		return 0;
	case OPTION_FORCE:
		job->force = true;
		return 0;
	case OPTION_WRAP:
		job->wrap = true;
		return 0;
	case OPTION_MAX_REPLAYS:
		if (units_number(value, 1, INT64_MAX, &n, why) == -1)
			return -1;
		job->max_replays = (uint64_t)n;
		return 0;
	}
	return 0;
}

/* An option that the command has no use for, or NULL. */
static const char *
alien_option(const struct command *command, const struct job *job)
{
	if (job->force && command->run != job_purge)
		return "--force";
	if (job->json && (command->run == job_purge || command->run == job_replay))
		return "--json";
	if (command->run == job_replay)
		return NULL;
	if (job->all)
		return "--all";
	if (job->wrap)
		return "--wrap";
	return job->max_replays != UINT64_MAX ? "--max-replays" : NULL;
}

bool
usage_is_command(const char *name)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (strcmp(name, commands[i].name) == 0)
			return true;
	return false;
}

int (*usage_parse_job(struct job *job, int argc, char **argv))(struct job *)
{
	struct options_tool tool = {
	    .letters = "", .plain = true, .words = job_words, .take = take_for_job, .arg = job};
	const struct command *command = commands;
	struct options opt;
	const char *alien;
	int operands;

	*job = (struct job){.select = SELECTION_ALL, .max_replays = UINT64_MAX};
	while (strcmp(argv[0], command->name) != 0)
		command++;
	if ((operands = options_parse(&opt, argc, argv, &tool)) == -1)
		errx(2, "%s: %s", command->name, opt.error);
	if (opt.help)
		cli_print(help);
	if (opt.version)
		cli_print("pdeadletter " PCHAN_VERSION "\n");
	if ((alien = alien_option(command, job)) != NULL)
		errx(2, "%s: %s makes no sense here", command->name, alien);
	if (command->run == job_show && job->select.ids.n == 0 && argc - operands > 1 &&
	    names_add(&job->select.ids, argv[operands++]) == -1)
		err(2, "can't go on");
	if (operands == argc)
		errx(2, "%s: which FILE?", command->name);
	job->files = files_of(argv + operands);
	return command->run;
}
