#include "usage.h"

#include <err.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/reason.h"
#include "files.h"
#include "job.h"
#include "stage/cli.h"
#include "stage/options.h"

static const struct command {
	const char *name;
	int (*run)(struct job *);
} commands[] = {
    {"list", job_list},
    {"stats", job_stats},
    {"show", job_show},
    {"replay", job_replay},
    {"purge", job_purge},
    {0},
};

static const char help[] =
    "usage: pdeadletter [-d FILE] [--max-size SIZE] [--keep N]\n"
    "                   [--sync record|batch|none] [options]\n"
    "       pdeadletter list [conditions] [--json] FILE ...\n"
    "       pdeadletter stats [conditions] [--json] FILE ...\n"
    "       pdeadletter show [conditions] [--json] [ID] FILE ...\n"
    "       pdeadletter replay [conditions] [--all] [--wrap] [--max-replays N]\n"
    "                   [--ok-status LIST] FILE ... [-- command [arg ...]]\n"
    "       pdeadletter purge [conditions] [--force] FILE ...\n"
    "\n"
    "Splits its input: good records go on to the output, dead letters into FILE.\n"
    "\n"
    "The commands read the letters in FILE and its rotated files, oldest first;\n"
    "FILE - is standard input.  list prints a line for each letter, stats counts\n"
    "letters by stage and reason, show prints a letter with its payload, replay\n"
    "prints the records in the letters, or gives them to a command; purge removes\n"
    "letters that were replayed.\n"
    "\n"
    "Options of the commands:\n"
    "\n"
    "      --reason REASON    letters with this reason; --reason, --stage and --id\n"
    "                         may be given several times\n"
    "      --stage STAGE      letters of this stage\n"
    "      --id ID            the letter with this id\n"
    "      --since TIME       letters of records that failed at TIME or later:\n"
    "                         2026-11-23T15:04:05Z, 2026-11-23 or 2h (ago)\n"
    "      --until TIME       letters of records that failed before TIME\n"
    "      --limit N          at most N letters\n"
    "      --skip-foreign     skip lines that are not dead letters; without it such a\n"
    "                         line ends the command\n"
    "      --json             print JSON: the letters as they are, a line per group\n"
    "      --all              replay even what was replayed before\n"
    "      --wrap             replay retry envelopes, by which pfanout recognizes the\n"
    "                         records\n"
    "      --max-replays N    leave out records that came back N times\n"
    "      --ok-status LIST   exit statuses of the replay's command by which its\n"
    "                         letters count as replayed, besides 0: 1 or 1,3\n"
    "      --force            purge even what was not replayed\n"
    "\n"
    "Options without a command:\n"
    "\n"
    "  -d, --dead-letter FILE append dead letters to FILE (default: standard error)\n"
    "      --max-size SIZE    rotate FILE to FILE.1, FILE.2, ... before it is larger\n"
    "      --keep N           number of rotated files to keep (default: all)\n"
    "      --sync WHEN        wait for the disk: record (after each letter), batch\n"
    "                         (the default: after the letters that came together),\n"
    "                         none\n"
    "  -n, --name STAGE       name of the stage (default: pdeadletter)\n"
    "  -b, --buffer N         records between reader and writer (default 1024)\n"
    "  -R, --raw              records are plain lines (changes nothing here)\n";

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
	bool *ok_status = field;
	char *end;

	*why = "exit statuses from 0 to 255, such as 1 or 0,1";
	for (const char *at = value;; at = end + 1) {
		unsigned long status;

		if (*at < '0' || *at > '9')
			return -1;
		status = strtoul(at, &end, 10);
		if (status > 255)
			return -1;
		ok_status[status] = true;
		if (*end == '\0')
			return 0;
		if (*end != ',')
			return -1;
	}
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
	    {0, "max-size", OPTION_SIZE, OPTION_FIELD(how->max_size)},
	    {0, "keep", OPTION_NUMBER, OPTION_FIELD(how->keep), 1, INT_MAX},
	    {0, "sync", OPTION_CHOICE, OPTION_FIELD(how->sync), .names = sync_names},
	    {0},
	};
	const struct options_tool tool = {
	    .name = "pdeadletter", .help = help, .rows = rows, .rules = rules};

	(void)cli_parse(opt, argc, argv, &tool);
}

static const struct command *
find_command(const char *name)
{
	const struct command *c = commands;

	while (c->name != NULL && strcmp(c->name, name) != 0)
		c++;
	return c;
}

bool
usage_is_command(const char *name)
{
	return find_command(name)->name != NULL;
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

int (*usage_parse_job(struct job *job, int argc, char **argv))(struct job *)
{
	struct selection *s = &job->select;
	const char *reasons[REASON_COUNT + 1] = {NULL};
	const struct option_row rows[] = {
	    {0, "reason", OPTION_FUNCTION, OPTION_FIELD(s->reasons), .names = reasons,
		.parse = parse_name},
	    {0, "stage", OPTION_FUNCTION, OPTION_FIELD(s->stages), .parse = parse_name},
	    {0, "id", OPTION_FUNCTION, OPTION_FIELD(s->ids), .parse = parse_name},
	    {0, "since", OPTION_FUNCTION, OPTION_FIELD(s->since), .parse = parse_time},
	    {0, "until", OPTION_FUNCTION, OPTION_FIELD(s->until), .parse = parse_time},
	    {0, "limit", OPTION_NUMBER, OPTION_FIELD(s->limit), 1, INT64_MAX},
	    {0, "skip-foreign", OPTION_FLAG, OPTION_FIELD(job->skip_foreign)},
	    {0, "json", OPTION_FLAG, OPTION_FIELD(job->json)},
	    {0, "all", OPTION_FLAG, OPTION_FIELD(job->all)},
	    {0, "wrap", OPTION_FLAG, OPTION_FIELD(job->wrap)},
	    {0, "max-replays", OPTION_NUMBER, OPTION_FIELD(job->max_replays), 1, INT64_MAX},
	    {0, "ok-status", OPTION_FUNCTION, OPTION_FIELD(job->ok_status),
		.parse = parse_ok_status},
	    {0, "force", OPTION_FLAG, OPTION_FIELD(job->force)},
	    {0},
	};
	const struct command *command = find_command(argv[0]);
	const struct options_tool tool = {.name = "pdeadletter",
	    .help = help,
	    .rows = rows,
	    .rules = job_rules,
	    .command = command->name,
	    .operands = "FILE"};
	struct options opt;
	int operands;

	*job = (struct job){.select = SELECTION_ALL, .max_replays = UINT64_MAX};
	if (command->run == job_replay)
		job->command = split_command(&argc, argv);
	for (unsigned i = 0; i < REASON_COUNT; i++)
		reasons[i] = reason_name(i);
	operands = cli_parse(&opt, argc, argv, &tool);
	if (command->run == job_show && s->ids.n == 0 && argc - operands > 1 &&
	    names_add(&s->ids, argv[operands++]) == -1)
		errx(2, "out of memory");
	if (operands == argc)
		errx(2, "%s: a FILE is needed", command->name);
	if (job->command == NULL && memchr(job->ok_status, true, sizeof(job->ok_status)) != NULL)
		errx(2, "%s: --ok-status needs a command: replay FILE -- command", command->name);
	job->ok_status[0] = true;
	job->files = files_of(argv + operands);
	return command->run;
}
