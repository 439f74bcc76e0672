#include "script.h"

#include <string.h>

/*
 * An interpreter: its name without a version, the letters of the options whose
 * value is a program text, and of those that have another value; for the rest
 * see struct script.
 */
struct interpreter {
	const char *name, *text, *other, *argument, *before;
};

static const struct interpreter interpreters[] = {
    {"sh", "c", "oO", "\"$1\"", " sh"},
    {"bash", "c", "oO", "\"$1\"", " bash"},
    {"dash", "c", "o", "\"$1\"", " dash"},
    {"ash", "c", "o", "\"$1\"", " ash"},
    {"ksh", "c", "o", "\"$1\"", " ksh"},
    {"mksh", "c", "o", "\"$1\"", " mksh"},
    {"zsh", "c", "o", "\"$1\"", " zsh"},
    {"fish", "cC", "", "$argv[1]", ""},
    {"python", "c", "WX", "sys.argv[1]", ""},
    {"pypy", "c", "WX", "sys.argv[1]", ""},
    {"perl", "eE", "I", "$ARGV[0]", " --"},
    {"ruby", "e", "IrCE", "ARGV[0]", " --"},
    {"node", "ep", "rC", "process.argv[1]", " --"},
    {"php", "rRBE", "cd", "$argv[1]", " --"},
    {"Rscript", "e", "", "commandArgs(TRUE)[1]", ""},
};

/*
 * A command that runs another one: the letters of its options whose value may
 * be the next word, and how many words come before the command it runs, besides
 * options and NAME=value.
 */
struct wrapper {
	const char *name, *values;
	size_t operands;
};

static const struct wrapper wrappers[] = {
    {"env", "uC", 0},
    {"sudo", "ugpCDRTU", 0},
    {"doas", "uC", 0},
    {"nice", "n", 0},
    {"ionice", "cn", 0},
    {"nohup", "", 0},
    {"setsid", "", 0},
    {"stdbuf", "ioe", 0},
    {"time", "fo", 0},
    {"timeout", "ks", 1},
    {"xargs", "aEdILnPs", 0},
    {"busybox", "", 0},
};

static const char *
base_name(const char *word)
{
	const char *slash = strrchr(word, '/');

	return slash != NULL ? slash + 1 : word;
}

static const struct interpreter *
find_interpreter(const char *word)
{
	const char *name = base_name(word);
	size_t len = strlen(name);

	/* python3.11 is python. */
	while (len > 0 && strchr("0123456789.-", name[len - 1]) != NULL)
		len--;
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]); i++)
		if (strlen(interpreters[i].name) == len &&
		    strncmp(interpreters[i].name, name, len) == 0)
			return &interpreters[i];
	return NULL;
}

/*
 * Whether the value of the last letter in a group of options such as -lc is the
 * next word, and the letter is one of these.
 */
static bool
ends_in(const char *option, const char *letters)
{
	size_t len = strspn(option + 1, "abcdefghijklmnopqrstuvwxyz");

	/* A single letter may be a capital one. */
	if (option[1] != '\0' && option[2] == '\0')
		len = 1;
	return len > 0 && option[1 + len] == '\0' && strchr(letters, option[len]) != NULL;
}

static const struct wrapper *
find_wrapper(const char *word)
{
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
		if (strcmp(wrappers[i].name, base_name(word)) == 0)
			return &wrappers[i];
	return NULL;
}

/* The index of the command that argv runs in the end, if it is before end. */
static size_t
find_command(char *const argv[], size_t end)
{
	const struct wrapper *w;
	size_t at = 0, operands;

	while (at < end && (w = find_wrapper(argv[at])) != NULL) {
		operands = w->operands;
		for (at++; at < end; at++)
			if (argv[at][0] == '-')
				at += ends_in(argv[at], w->values);
			else if (strchr(argv[at], '=') == NULL && operands-- == 0)
				break;
	}
	return at;
}

bool
script_is_text(char *const argv[], size_t i, struct script *script)
{
	size_t at = find_command(argv, i);
	const struct interpreter *in = at < i ? find_interpreter(argv[at]) : NULL;

	if (in == NULL)
		return false;
	script->interpreter = argv[at];
	script->argument = in->argument;
	script->before = in->before;
	/* Only options lead to the text: the first other word is a script. */
	for (at++; at < i && argv[at][0] == '-'; at++)
		if (ends_in(argv[at], in->text)) {
			script->option = argv[at];
			if (++at == i)
				return true;
		} else if (ends_in(argv[at], in->other))
			at++;
	return false;
}
