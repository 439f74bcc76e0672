#include "postgres/fault.h"

#include <stddef.h>
#include <string.h>

#include "t.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *sqlstate, *function;
	enum fault fault;
} errors[] = {
    {"", NULL, FAULT_LOST},
    {"08006", NULL, FAULT_LOST},
    {"57P01", NULL, FAULT_LOST},
    {"57P03", NULL, FAULT_LOST},
    {"25006", NULL, FAULT_LOST},
    {"57014", NULL, FAULT_SIZE},
    {"53200", NULL, FAULT_SIZE},
    {"53100", NULL, FAULT_PASSES},
    {"53300", NULL, FAULT_PASSES},
    {"40001", NULL, FAULT_PASSES},
    {"40P01", NULL, FAULT_PASSES},
    {"55P03", NULL, FAULT_PASSES},
    {"58030", NULL, FAULT_PASSES},
    {"28P01", NULL, FAULT_CONFIG},
    {"3D000", NULL, FAULT_CONFIG},
    {"3F000", NULL, FAULT_CONFIG},
    {"42P01", NULL, FAULT_CONFIG},
    {"42P10", NULL, FAULT_CONFIG},
    {"42501", NULL, FAULT_CONFIG},
    {"42501", "aclcheck_error", FAULT_CONFIG},
    {"42501", "ExecWithCheckOptions", FAULT_RECORD},
    {"42703", NULL, FAULT_CONFIG},
    {"22P02", NULL, FAULT_RECORD},
    {"22P05", NULL, FAULT_RECORD},
    {"23502", NULL, FAULT_RECORD},
    {"23505", NULL, FAULT_RECORD},
    {"23514", NULL, FAULT_RECORD},
    {"54000", NULL, FAULT_RECORD},
    {"P0001", NULL, FAULT_RECORD},
    {"XX000", NULL, FAULT_RECORD},
};

#define TO "connection to server at \"db\", port 5432 failed: "

static const struct {
	const char *message, *sqlstate, *text;
	enum fault fault;
} attempts[] = {
    {TO "Connection refused\n\tIs the server running on that host?\n", "", TO "Connection refused",
	FAULT_LOST},
    {TO "FATAL:  28P01: password authentication failed for user \"u\"\nLOCATION:  auth_failed, "
	"auth.c:335\n",
	"28P01", TO "FATAL: password authentication failed for user \"u\"", FAULT_CONFIG},
    /* The severity is in the language of the server. */
    {TO "FATALE:  3D000: ...\n", "3D000", TO "FATALE: ...", FAULT_CONFIG},
    {TO "FATAL:  57P03: the database system is starting up\n", "57P03",
	TO "FATAL: the database system is starting up", FAULT_LOST},
    {TO "FATAL:  53300: sorry, too many clients already\n", "53300",
	TO "FATAL: sorry, too many clients already", FAULT_LOST},
    {TO "Connection refused\n\tIs it?\n" TO "FATAL:  42501: no\nDETAIL:  x\n", "42501",
	TO "Connection refused; " TO "FATAL: no", FAULT_CONFIG},
    {TO "SSL error: certificate verify failed\n", "", TO "SSL error: certificate verify failed",
	FAULT_CONFIG},
    {TO "server does not support SSL, but SSL was required\n", "",
	TO "server does not support SSL, but SSL was required", FAULT_CONFIG},
    {"invalid port number: \"x\"\n", "", "invalid port number: \"x\"", FAULT_LOST},
    {"", "", "", FAULT_LOST},
};

static void
test_errors(void)
{
	for (size_t i = 0; i < LEN(errors); i++) {
		enum fault fault = fault_judge(errors[i].sqlstate, errors[i].function);

		CHECK(fault == errors[i].fault, "%s: %d", errors[i].sqlstate, fault);
	}
}

static void
test_attempts(void)
{
	for (size_t i = 0; i < LEN(attempts); i++) {
		char sqlstate[6], text[FAULT_TEXT_SIZE];
		enum fault fault = fault_of_connecting(attempts[i].message, sqlstate, text);

		CHECK(fault == attempts[i].fault, "%zu: %d", i, fault);
		CHECK(strcmp(sqlstate, attempts[i].sqlstate) == 0, "%zu: %s", i, sqlstate);
		CHECK(strcmp(text, attempts[i].text) == 0, "%zu: %s", i, text);
	}
}

/* A message of any length fits, wherever it is cut. */
static void
test_long(void)
{
	char message[3 * FAULT_TEXT_SIZE], sqlstate[6], text[FAULT_TEXT_SIZE];

	for (size_t n = FAULT_TEXT_SIZE - 40; n < FAULT_TEXT_SIZE + 10; n++) {
		memset(message, 'x', n);
		strcpy(message + n, "\nconnection to\nconnection to x:  28P01: y");
		(void)fault_of_connecting(message, sqlstate, text);
		CHECK(strnlen(text, sizeof(text)) < sizeof(text), "%zu", n);
		CHECK(strncmp(text, message, n < 1000 ? n : 1000) == 0, "%zu", n);
	}
}

int
main(void)
{
	test_errors();
	test_attempts();
	test_long();
	return t_end();
}
