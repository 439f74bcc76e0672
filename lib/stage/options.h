#ifndef PCHAN_OPTIONS_H
#define PCHAN_OPTIONS_H

/*
 * The command line.  A tool describes its options in a table with a row for
 * each: how the option is called, what --help says about it, what kind of value
 * it takes, and where the value goes.  A second table lists the options that
 * depend on each other.  The options that all tools share are in a table in
 * options.c.  The tables are all that --help (help.h) is made of.
 *
 * A new option of a tool is a row in the table of its usage.c, and an entry in
 * its man page; a new option of all tools is the same in options.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/deadfile.h"
#include "trace/settings.h"

#define OPTIONS_ERROR_SIZE 512

/* The values of the common options, and what became of the command line. */
struct options {
	const char *name;        /* -n; NULL if not given */
	size_t buffer;           /* -b, records; 0: hand-off */
	const char *dead_letter; /* -d; NULL: in band */
	struct deadfile_how dead_how;
	bool raw;          /* -R, or the tool does not look into lines */
	bool plain;        /* -R */
	size_t max_record; /* --max-record, bytes */
	bool no_bypass;
	bool ack;               /* --ack */
	int64_t grace;          /* --grace, ns */
	bool progress;          /* -P */
	bool quiet;             /* -q */
	bool verbose;           /* -v */
	enum trace_level trace; /* --trace */
	const char *trace_file; /* --trace-file; NULL: not given */

	char **argv; /* the whole command line */

	/*
	 * The text that --help, --version or --complete (complete.h) prints.
	 * NULL: none of them was given.
	 */
	char *answer;

	/* What is wrong: one line, without the tool's name. */
	char error[OPTIONS_ERROR_SIZE];
};

/* What kind of value an option takes, and the type of the field for it. */
enum option_kind {
	OPTION_FLAG,     /* none; a bool that becomes true */
	OPTION_NUMBER,   /* from min to max; an integer of 4 or 8 bytes */
	OPTION_SIZE,     /* such as 64K, up to max (0: any); uint64_t, size_t */
	OPTION_DURATION, /* ns, such as 250ms, from min; int64_t */
	OPTION_TEXT,     /* not empty; const char * into argv */
	OPTION_PATH,     /* a key path (json.h); struct json_path *, owned */
	OPTION_CHOICE,   /* one of names; an enum, the index of the name */
	OPTION_FUNCTION, /* what parse() takes, or those of names it takes */
	OPTION_COMMON,   /* none; the row is an OPTION_HELP */
};

/*
 * An option.  A table ends with a row of zeroes.
 *
 * help is a text of any length without a line feed; --help folds it.
 */
struct option_row {
	char letter; /* 0: none */
	const char *name;
	const char *arg; /* the value in --help, such as N; NULL: a flag */
	const char *help;
	enum option_kind kind;
	void *field;
	size_t size; /* of the field */
	int64_t min, max;
	const char *const *names; /* ends with NULL */
	/*
	 * What the option means without a value, which can then only follow a
	 * `=`; NULL: it needs one.
	 */
	const char *alone;

	/* Returns 0, or -1 and *why: what is expected; NULL: out of memory. */
	int (*parse)(void *field, const char *value, const char **why);
};

/* The members field and size of a row. */
#define OPTION_FIELD(variable) .field = &(variable), .size = sizeof(variable)

/* A row for an option that all tools share: what it means in this one. */
#define OPTION_HELP(option, text)                                       \
	{                                                               \
		.name = (option), .help = (text), .kind = OPTION_COMMON \
	}

/*
 * Two options that depend on each other, as messages call them: "-k", or
 * "--window" if there is no letter.  The name of the tool and its `command` and
 * `operands` may stand for an option.  A table ends with a rule of zeroes.
 */
struct option_rule {
	const char *option;
	enum { OPTION_NEEDS, OPTION_EXCLUDES } relation;
	const char *other;
	const char *why; /* ends the message; NULL: obvious */
};

/*
 * A command of a tool's own, such as "list".  A table ends with a command of
 * zeroes.
 */
struct options_command {
	const char *name;
	const char *usage; /* what follows the name */
	const char *about; /* what it does: "print the records" */
};

/*
 * A word that users of other programs try, and what it is called here: an
 * option, as in a rule, or a command; where the tool does not have that, the
 * habit does not count.  A flag of ours that takes a number elsewhere is such a
 * word, too ("-P", which is the "-j" of xargs).  A table ends with a habit of
 * zeroes.
 */
struct option_habit {
	const char *word;
	const char *option;
};

/* What operands are. */
enum operand_kind {
	OPERAND_NONE,
	OPERAND_COMMAND, /* what follows belongs to the command */
	OPERAND_FOLDER,
	OPERAND_FILE,         /* options may follow */
	OPERAND_FILE_COMMAND, /* the same, and behind -- a command may follow */
};

/* The command line of a tool, or of a command of its own. */
struct options_tool {
	const char *name;  /* "pfanout" */
	const char *usage; /* what follows the name; a line for each form */
	const char *about; /* what it does; a line for each paragraph */
	const struct option_row *rows;
	const struct option_rule *rules;
	const struct options_command *commands; /* NULL: none */
	const struct option_habit *habits;      /* NULL: none */

	/*
	 * The command that is meant: it has no common options but -h and -V,
	 * and its operands may stand among the options.  NULL: none.
	 */
	const struct options_command *command;
	const char *operands; /* in rules: "a command"; NULL: none */
	enum operand_kind operand;
};

/* Whether a shell asks what may follow these words (complete.h). */
bool options_complete(int argc, char **argv);

/*
 * Parses argv up to the first operand (what follows belongs to a command) or
 * `--`, checks the rules, and stores the values.  *o is set to the defaults
 * first; the fields of the tool's own options must have theirs.  A value that
 * is given again replaces the one before.
 *
 * Returns the index of the first operand.  With --help or --version, or with
 * --complete as argv[1], it returns at once, with o->answer for the caller to
 * print and free.  Returns -1 and
 * o->error if something is wrong; fields may then have been set.  Uses
 * getopt_long(3): one thread at a time.
 */
int options_parse(struct options *o, int argc, char **argv, const struct options_tool *tool);

#endif
