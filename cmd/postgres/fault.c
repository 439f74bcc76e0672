#include "fault.h"

#include <ctype.h>
#include <string.h>

/* The first one that the SQLSTATE begins with. */
static const struct {
	const char *begin;
	enum fault fault;
} classes[] = {
    {"08", FAULT_LOST},    /* of the connection */
    {"25006", FAULT_LOST}, /* read only: the server has become a standby */
    {"57P", FAULT_LOST},   /* it is shut down, or starting */
    {"57014", FAULT_SIZE}, /* statement_timeout */
    {"53200", FAULT_SIZE}, /* out of memory */
    {"53400", FAULT_SIZE}, /* a limit of the configuration */
    {"53", FAULT_PASSES},  /* the disk is full, too many connections */
    {"40", FAULT_PASSES},  /* serialization, deadlock */
    {"55", FAULT_PASSES},  /* locks; a database that takes no connections */
    {"58", FAULT_PASSES},  /* errors of its files */
    {"0A", FAULT_CONFIG},  /* not supported */
    {"25", FAULT_CONFIG},  /* the state of the transaction */
    {"28", FAULT_CONFIG},  /* user, password, pg_hba.conf */
    {"3D", FAULT_CONFIG},  /* no such database */
    {"3F", FAULT_CONFIG},  /* no such schema */
    {"42", FAULT_CONFIG},  /* no such table, no rights, ... */
    {"F0", FAULT_CONFIG},  /* its configuration file */
};

enum fault
fault_judge(const char *sqlstate, const char *function)
{
	if (*sqlstate == '\0')
		return FAULT_LOST;
	/* A policy for rows has the SQLSTATE of missing rights. */
	if (strcmp(sqlstate, "42501") == 0 && function != NULL &&
	    strcmp(function, "ExecWithCheckOptions") == 0)
		return FAULT_RECORD;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(classes[i].begin, sqlstate, strlen(classes[i].begin)) == 0)
			return classes[i].fault;
	return FAULT_RECORD;
}

/* Whether "28P01: " is here; a severity ("FATAL: ") has no digit. */
static bool
is_sqlstate(const char *s)
{
	bool digit = false;

	for (int i = 0; i < 5; i++) {
		if (!isdigit((unsigned char)s[i]) && !isupper((unsigned char)s[i]))
			return false;
		digit |= isdigit((unsigned char)s[i]) != 0;
	}
	return digit && s[5] == ':' && s[6] == ' ';
}

/* Adds a line of the message, but takes the SQLSTATE out. */
static size_t
keep_line(const char *line, size_t len, char sqlstate[6], char text[FAULT_TEXT_SIZE], size_t n)
{
	if (n > 0 && n + 2 < FAULT_TEXT_SIZE)
		n = (size_t)(stpcpy(text + n, "; ") - text);
	for (size_t i = 0; i < len && n + 1 < FAULT_TEXT_SIZE; i++) {
		if (i > 1 && line[i - 2] == ' ' && is_sqlstate(line + i)) {
			memcpy(sqlstate, line + i, 5);
			i += 6; /* ": ", of which one is skipped here */
			n--;    /* two blanks are before it */
		} else
			text[n++] = line[i];
	}
	return n;
}

/*
 * Keeps the lines that say what failed; those that begin with a tab, or with
 * LOCATION: and the like, only explain it.
 */
static void
keep(const char *message, char sqlstate[6], char text[FAULT_TEXT_SIZE])
{
	size_t n = 0;

	for (const char *line = message; *line != '\0'; line += strspn(line, "\n")) {
		size_t len = strcspn(line, "\n");

		if (line == message || strncmp(line, "connection to", 13) == 0)
			n = keep_line(line, len, sqlstate, text, n);
		line += len;
	}
	text[n] = '\0';
}

/* What libpq says by itself of TLS, in English, as no locale is set. */
static bool
is_tls(const char *message)
{
	static const char *const words[] = {
	    "certificate", "does not support SSL", "alert unknown ca", "private key file"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(message, words[i]) != NULL)
			return true;
	return false;
}

enum fault
fault_of_connecting(const char *message, char sqlstate[6], char text[FAULT_TEXT_SIZE])
{
	enum fault fault;

	memset(sqlstate, '\0', 6);
	keep(message, sqlstate, text);
	fault = fault_judge(sqlstate, NULL);
	if (*sqlstate == '\0' && is_tls(message))
		return FAULT_CONFIG;
	return fault == FAULT_CONFIG ? fault : FAULT_LOST;
}
