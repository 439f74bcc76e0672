#include "usage.h"

#include <err.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/reason.h"
#include "base/units.h"
#include "files.h"
#include "job.h"
#include "stage/cli.h"
#include "stage/options.h"

enum { LIST, STATS, SHOW, REPLAY, PURGE, COMMANDS };

static const char usage[] =
    "[-d FILE] [--max-size SIZE] [--keep N] [--sync record|batch|none] [options]";

static const char about[] =
    "Splits its input: good records go on to the output, dead letters into FILE.\n"
    "The commands read the letters in FILE and its rotated files, oldest first; a "
    "FILE that is - is standard input.";

static const struct options_command commands[] = {
    [LIST] = {"list", "[conditions] [--json] FILE ...", "print a line for each letter"},
    [STATS] = {"stats", "[conditions] [--json] FILE ...", "count the letters by stage and reason"},
    [SHOW] = {"show", "[conditions] [--json] [ID] FILE ...", "print each letter with its payload"},
    [REPLAY] = {"replay",
	"[conditions] [--all] [--wrap] [--max-replays N] [--ok-status LIST] FILE ... "
	"[-- command [arg ...]]",
	"print the records in the letters, or give them to a command"},
    [PURGE] = {"purge", "[conditions] [--force] FILE ...", "remove the letters that were replayed"},
    [COMMANDS] = {0},
};

static int (*const jobs[COMMANDS])(struct job *) = {
    [LIST] = job_list,
    [STATS] = job_stats,
    [SHOW] = job_show,
    [REPLAY] = job_replay,
    [PURGE] = job_purge,
};

/* Of ls(1), git(1), message brokers and logrotate(8). */
static const struct option_habit habits[] = {
    {"ls", "list"},
    {"stat", "stats"},
    {"count", "stats"},
    {"summary", "stats"},
    {"cat", "show"},
    {"print", "show"},
    {"retry", "replay"},
    {"redrive", "replay"},
    {"requeue", "replay"},
    {"rm", "purge"},
    {"delete", "purge"},
    {"clean", "purge"},
    {"-o", "-d"},
    {"--output", "-d"},
    {"--rotate", "--keep"},
    {"--size", "--max-size"},
    {"-f", "--force"},
    {"-n", "--limit"},
    {"--after", "--since"},
    {"--before", "--until"},
    {0},
};

static const struct option_rule rules[] = {
    {"--no-bypass", OPTION_EXCLUDES, "pdeadletter", "dead letters are what it is for"},
    {"--max-size", OPTION_NEEDS, "-d", "standard error is not rotated"},
    {"--keep", OPTION_NEEDS, "-d", "standard error is not rotated"},
    {"--keep", OPTION_NEEDS, "--max-size", "nothing is rotated without it"},
    {"--sync", OPTION_NEEDS, "-d", "standard error is not synced"},
    {0},
};

static const struct option_rule job_rules[] = {
    {"--force", OPTION_NEEDS, "purge", "no other command removes letters"},
    {"--json", OPTION_EXCLUDES, "purge", "it prints no letters"},
    {"--json", OPTION_EXCLUDES, "replay", "it prints the records"},
    {"--all", OPTION_NEEDS, "replay", "no other command replays letters"},
    {"--wrap", OPTION_NEEDS, "replay", "no other command replays letters"},
    {"--max-replays", OPTION_NEEDS, "replay", "no other command replays letters"},
    {"--ok-status", OPTION_NEEDS, "replay", "no other command replays letters"},
    {0},
};

static const char *const sync_names[] = {
    [DEADFILE_BATCH] = "batch",
    [DEADFILE_RECORD] = "record",
    [DEADFILE_NONE] = "none",
    NULL,
};

static int
parse_name(void *names, const char *value, const char **why)
{
	(void)why;
	return names_add(names, value);
}

/* N[,N]...: the exit statuses that are no failure, besides 0. */
static int
parse_ok_status(void *field, const char *value, const char **why)
{
	*why = "exit statuses from 0 to 255, such as 1 or 0,1";
	return units_statuses(value, 0, field);
}

static int
parse_time(void *calendar_us, const char *value, const char **why)
{
	return select_time(value, calendar_us, why);
}

void
usage_parse(struct options *opt, int argc, char **argv)
{
	struct deadfile_how *how = &opt->dead_how;
	const struct option_row rows[] = {
	    {0, "max-size", "SIZE", "rotate FILE to FILE.1, FILE.2, ... before it is larger",
		OPTION_SIZE, OPTION_FIELD(how->max_size)},
	    {0, "keep", "N", "number of rotated files to keep (default: all)", OPTION_NUMBER,
		OPTION_FIELD(how->keep), 1, INT_MAX},
	    {0, "sync", "WHEN",
		"wait for the disk: record (after each letter), batch (the default: after the "
		"letters that came together), none",
		OPTION_CHOICE, OPTION_FIELD(how->sync), .names = sync_names},
	    OPTION_HELP("dead-letter", "append dead letters to FILE (default: standard error)"),
	    OPTION_HELP("buffer", "records between reader and writer (default 1024)"),
	    OPTION_HELP("raw", "records are plain lines (changes nothing here)"),
	    {0},
	};
	const struct options_tool tool = {.name = "pdeadletter",
	    .usage = usage,
	    .about = about,
	    .rows = rows,
	    .rules = rules,
	    .habits = habits,
	    .commands = commands};

	(void)cli_parse(opt, argc, argv, &tool);
}

const struct options_command *
usage_command(int *argc, char ***argv)
{
	return cli_command(argc, argv, commands);
}

/*
 * Takes the command behind "--" off the arguments.  NULL: there is none.  (Not
 * getopt_long(3)'s task, which would put the files behind the "--", too.)
 */
static char **
split_command(int *argc, char **argv)
{
	int i = 1;

	while (i < *argc && strcmp(argv[i], "--") != 0)
		i++;
	if (i == *argc)
		return NULL;
	if (i + 1 == *argc)
		errx(2, "replay: a command is needed behind --");
	argv[i] = NULL;
	*argc = i;
	return &argv[i + 1];
}

int (*usage_parse_job(
    struct job *job, const struct options_command *command, int argc, char **argv))(struct job *)
{
	struct selection *s = &job->select;
	const char *reasons[REASON_COUNT + 1] = {NULL};
	const struct option_row rows[] = {
	    {0, "reason", "REASON",
		"letters with this reason; --reason, --stage and --id may be given several times",
		OPTION_FUNCTION, OPTION_FIELD(s->reasons), .names = reasons, .parse = parse_name},
	    {0, "stage", "STAGE", "letters of this stage", OPTION_FUNCTION, OPTION_FIELD(s->stages),
		.parse = parse_name},
	    {0, "id", "ID", "the letter with this id", OPTION_FUNCTION, OPTION_FIELD(s->ids),
		.parse = parse_name},
	    {0, "since", "TIME",
		"letters of records that failed at TIME or later: 2026-11-23T15:04:05Z, 2026-11-23 "
		"or 2h (ago)",
		OPTION_FUNCTION, OPTION_FIELD(s->since), .parse = parse_time},
	    {0, "until", "TIME", "letters of records that failed before TIME", OPTION_FUNCTION,
		OPTION_FIELD(s->until), .parse = parse_time},
	    {0, "limit", "N", "at most N letters", OPTION_NUMBER, OPTION_FIELD(s->limit), 1,
		INT64_MAX},
	    {0, "skip-foreign", NULL,
		"skip lines that are not dead letters; without it such a line ends the command",
		OPTION_FLAG, OPTION_FIELD(job->skip_foreign)},
	    {0, "json", NULL, "print JSON: the letters as they are, a line per group", OPTION_FLAG,
		OPTION_FIELD(job->json)},
	    {0, "all", NULL, "replay even what was replayed before", OPTION_FLAG,
		OPTION_FIELD(job->all)},
	    {0, "wrap", NULL, "replay retry envelopes, by which pfanout recognizes the records",
		OPTION_FLAG, OPTION_FIELD(job->wrap)},
	    {0, "max-replays", "N", "leave out records that came back N times", OPTION_NUMBER,
		OPTION_FIELD(job->max_replays), 1, INT64_MAX},
	    {0, "ok-status", "LIST",
		"exit statuses of the replay's command by which its letters count as replayed, "
		"besides 0: 1 or 1,3",
		OPTION_FUNCTION, OPTION_FIELD(job->ok_status), .parse = parse_ok_status},
	    {0, "force", NULL, "purge even what was not replayed", OPTION_FLAG,
		OPTION_FIELD(job->force)},
	    {0},
	};
	const struct options_tool tool = {.name = "pdeadletter",
	    .rows = rows,
	    .rules = job_rules,
	    .habits = habits,
	    .commands = commands,
	    .command = command,
	    .operands = "FILE",
	    .operand = command == &commands[REPLAY] ? OPERAND_FILE_COMMAND : OPERAND_FILE};
	int (*run)(struct job *) = jobs[command - commands];
	struct options opt;
	int operands;

	*job = (struct job){.select = SELECTION_ALL, .max_replays = UINT64_MAX};
	if (run == job_replay && !options_complete(argc, argv))
		job->command = split_command(&argc, argv);
	for (unsigned i = 0; i < REASON_COUNT; i++)
		reasons[i] = reason_name(i);
	operands = cli_parse(&opt, argc, argv, &tool);
	if (run == job_show && s->ids.n == 0 && argc - operands > 1 &&
	    names_add(&s->ids, argv[operands++]) == -1)
		errx(2, "out of memory");
	if (operands == argc)
		errx(2, "%s: a FILE is needed", command->name);
	if (job->command == NULL && memchr(job->ok_status, 1, sizeof(job->ok_status)) != NULL)
		errx(2, "replay: --ok-status needs a command: replay FILE -- command");
	job->ok_status[0] = true;
	job->files = files_of(argv + operands);
	return run;
}
