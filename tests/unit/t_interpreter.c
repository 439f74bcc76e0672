#include "proc/interpreter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t.h"

static char path[] = "/tmp/t_interpreter.XXXXXX";

static void
test_scripts(void)
{
	static const struct {
		const char *text;
		const char *says; /* NULL: nothing is missing */
	} table[] = {
	    {"#!/bin/sh\n", NULL},
	    {"#! /bin/sh -e\n", NULL},
	    {"#!/bin/sh", NULL},
	    {"", NULL},
	    {"#", NULL},
	    {"#!", NULL},
	    {"#!\n", NULL},
	    {"#! \t\n", NULL},
	    {"echo\n#!/no/such\n", NULL},
	    {"\177ELF", NULL},
	    {"#!/no/such/sh\n", "interpreter /no/such/sh is missing"},
	    {"#! /no/such/sh -e\n", "interpreter /no/such/sh is missing"},
	    {"#!/no/such/sh", "interpreter /no/such/sh is missing"},
	    {"#!/bin/sh/x\n", "interpreter /bin/sh/x is missing"},
	    {"#!/bin/sh\r\n", "CR LF"},
	    {"#!/bin/sh\r", "CR LF"},
	    {"#!/no/such/sh -e\r\n", "CR LF"},
	    {"#!/usr/bin/env sh\r\n", "CR LF"},
	    {"#!/usr/bin/env -S sh -e\r\n", "CR LF"},
	    {"#!/usr/bin/env sh\n", NULL},
	    /* what an option makes of a CR, nobody knows */
	    {"#!/bin/sh -e\r\n", NULL},
	};
	char why[INTERPRETER_WHY_SIZE];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		FILE *f = fopen(path, "w");
		bool missing;

		fputs(table[i].text, f);
		fclose(f);
		*why = '\0';
		missing = interpreter_is_missing(path, why);
		CHECK(missing == (table[i].says != NULL), "%s", table[i].text);
		CHECK(!missing || strstr(why, table[i].says) != NULL, "%s: %s", table[i].text, why);
	}
}

static void
test_errors(void)
{
	static const char long_line[] = "#!/";
	char why[INTERPRETER_WHY_SIZE];
	FILE *f = fopen(path, "w");

	fputs(long_line, f);
	for (int i = 0; i < 5000; i++)
		putc('x', f);
	fclose(f);
	CHECK(interpreter_is_missing(path, why) && strstr(why, "xxx is missing") != NULL);
	CHECK(interpreter_error(path, ENOENT, why) == why && strstr(why, "xxx is missing") != NULL);
	CHECK(strcmp(interpreter_error(path, EACCES, why), strerror(EACCES)) == 0);
	CHECK(strcmp(interpreter_error(NULL, ENOENT, why), strerror(ENOENT)) == 0);
	CHECK(strcmp(interpreter_error("/no/such", ENOENT, why), strerror(ENOENT)) == 0);
	f = fopen(path, "w");
	fputs("\177ELF", f);
	fclose(f);
	CHECK(strstr(interpreter_error(path, ENOENT, why), "another system") != NULL);
	CHECK(!interpreter_is_missing("/no/such", why) && !interpreter_is_missing("/", why));
}

int
main(void)
{
	int fd = mkstemp(path);

	CHECK(fd != -1);
	close(fd);
	test_scripts();
	test_errors();
	unlink(path);
	return t_end();
}
