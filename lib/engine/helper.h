#ifndef PCHAN_HELPER_H
#define PCHAN_HELPER_H

/*
 * The program of an engine's helper, and how it runs: argv, messages, exit
 * status.  A helper has one operand, its URL, and writes messages to stderr as
 * the tools do: "from-kafka: ...".
 *
 * The main thread's, but for the messages, which any thread may print.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The path of the program from-SCHEME or to-SCHEME for a URL, malloc'd: in
 * $PCHAN_LIBEXEC, or where pchan is installed, ../libexec/pchan from our own
 * program.  NULL, and `why` says where the program was looked for, and which
 * schemes there are, or that the URL has a password.
 */
#define HELPER_WHY_SIZE 1024
char *helper_find(const char *direction, const char *url, char why[HELPER_WHY_SIZE]);

/*
 * Begins a helper: --help and --version are answered (the text of --help is
 * `help`), SIGPIPE is ignored.  Returns the operand; ends the process with
 * status 2 if there is not just one.
 */
const char *helper_begin(int argc, char **argv, const char *help);

/* A message, one line. */
void helper_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, and the process ends with status 2. */
void helper_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * Trouble that lasts, such as a server that is away: it is told once when it
 * begins, again each minute, and once when it is over.  {0} at first.
 */
struct trouble {
	bool now;
	int64_t since, told; /* monotonic ns */
	char what[256];      /* of the first message */
};

/* There is trouble: the same line for the same trouble. */
void trouble_tell(struct trouble *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* It is over, if there was any. */
void trouble_over(struct trouble *);

/*
 * How long to wait before the next try, in ns: doubled with each failure from
 * 100 ms to 10 s, less a random part of up to a half.
 */
int64_t helper_back_off(unsigned failures);

#endif
