/*
 * err(3), errx(3), warn(3) and warnx(3) of our own, in place of the C library's
 * (the linker takes the first definition).  A message may hold anything: a file
 * name that a shell's `*` found, a piece of a record.  These functions make all
 * of it harmless to the terminal, and print it as one line through the log.
 *
 * Any thread may warn.  err() and errx() end the process: for the main thread,
 * while no other one is running.
 */

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "sync/log.h"

#define LINE_SIZE 8192 /* bytes; a path has 4096 at most */

/* Prints "program: message", and the error unless it is 0. */
static void __attribute__((format(printf, 2, 0))) say(int error, const char *fmt, va_list ap)
{
	char line[LINE_SIZE], text[LINE_SIZE - 512];

	errno = error; /* for %m */
	vsnprintf(text, sizeof(text), fmt, ap);
	snprintf(line, sizeof(line), "%.200s: %s%s%.200s", program_invocation_short_name, text,
	    error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
	utf8_tame(line, strlen(line), "");
	log_say(line);
}

void
warn(const char *fmt, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, fmt);
	say(error, fmt, ap);
	va_end(ap);
}

void
warnx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(0, fmt, ap);
	va_end(ap);
}

void
err(int status, const char *fmt, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, fmt);
	say(error, fmt, ap);
	va_end(ap);
	exit(status);
}

void
errx(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(0, fmt, ap);
	va_end(ap);
	exit(status);
}
