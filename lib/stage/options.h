#ifndef PCHAN_OPTIONS_H
#define PCHAN_OPTIONS_H

/*
 * The command line.  The options that all five tools share are parsed here; a tool adds
 * its own with the same words for what is wrong.
 */

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/deadfile.h"

struct json_path;

#define OPTIONS_ERROR_SIZE 512

struct options {
	const char *name;        /* -n; NULL if not given */
	size_t buffer;           /* -b, records; 0: hand-off */
	const char *dead_letter; /* -d; NULL: in band */
	struct deadfile_how dead_how;
	bool raw;          /* -R */
	size_t max_record; /* --max-record, bytes */
	bool no_bypass;
	int64_t grace;                  /* --grace, ns */
	bool progress;                  /* -P */
	bool quiet;                     /* -q */
	bool verbose;                   /* -v */
	bool help;                      /* -h: print the usage and leave */
	bool version;                   /* -V: print the version and leave */
	char error[OPTIONS_ERROR_SIZE]; /* one line that says what is wrong */
};

/* Values of long options without a letter; a tool's own begin at OPTIONS_TOOL. */
enum { OPTIONS_MAX_RECORD = 256, OPTIONS_NO_BYPASS, OPTIONS_GRACE, OPTIONS_TOOL = 512 };

/* What --help says of the options that mean the same everywhere; -n and -b come before it. */
#define OPTIONS_HELP                                                                   \
	"  -d, --dead-letter FILE append dead letters to FILE instead of the output\n" \
	"  -R, --raw              records are plain lines, not JSON\n"                 \
	"      --max-record SIZE  longest record (default 16M)\n"                      \
	"      --no-bypass        treat dead letters in the input as data\n"           \
	"      --grace D          time to finish after a signal (default 5s)\n"        \
	"  -P, --progress         show progress on the terminal\n"                     \
	"  -q, --quiet            no summary of failures\n"                            \
	"  -v, --verbose          end with a line of numbers\n"                        \
	"  -h, --help             this text\n"                                         \
	"  -V, --version          the version\n"

/* A tool's own options. */
struct options_tool {
	const char *letters; /* as for getopt(3): "j:k" */
	bool plain; /* no common options but -h and -V; operands may stand among the options */
	const struct option *words; /* as for getopt_long(3), ended by zeroes */

	/* Takes one of them.  -1 and *why: what would be allowed. */
	int (*take)(void *arg, int option, const char *value, const char **why);
	void *arg;
};

/*
 * Parses argv up to the first operand (what follows belongs to a command) or `--`.  Returns the index
 * of the first operand, or -1 and o->error, without the program's name.  Sets the defaults first.
 */
int options_parse(struct options *o, int argc, char **argv, const struct options_tool *);

/*
 * For take(): a key path (json.h), in place of the one that was there, which is freed; the number of one of the
 * names, which end with NULL.  -1 and *why, which lives until the next call.  One thread's.
 */
int options_path(struct json_path **, const char *value, const char **why);
int options_choice(int *choice, const char *const *names, const char *value, const char **why);

#endif
