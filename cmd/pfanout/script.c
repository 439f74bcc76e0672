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

bool
script_is_text(char *const argv[], size_t i, struct script *script)
{
	const struct interpreter *in = NULL;

	for (size_t at = 0; at < i; at++) {
		const char *word = argv[at];

		if (in != NULL && word[0] == '-' && ends_in(word, in->text)) {
			script->option = word;
			if (++at == i)
				return true;
		} else if (in != NULL && word[0] == '-' && ends_in(word, in->other))
			at++;
		else if (in != NULL && word[0] == '-')
			continue;
		/* `env sh -c`: the interpreter need not be the command. */
		else if ((in = find_interpreter(word)) != NULL) {
			script->interpreter = word;
			script->argument = in->argument;
			script->before = in->before;
		}
	}
	return false;
}
