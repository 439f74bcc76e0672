#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "target.h"

#define PASSWORDS "passwords come from ~/.pgpass or PGPASSWORD, never from the URL"

void
failure_set(struct failure *f, enum fault fault, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*f = (struct failure){.fault = fault};
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

void
failure_of_result(struct failure *f, const PGconn *conn, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);

	if (sqlstate == NULL) {
		text = result != NULL ? PQresultErrorMessage(result) : PQerrorMessage(conn);
		failure_set(f, FAULT_LOST, "%.*s", (int)strcspn(text, "\n"), text);
		return;
	}
	/* Other details repeat the whole row. */
	if (strncmp(sqlstate, "22", 2) != 0)
		detail = NULL;
	failure_set(f, fault_judge(sqlstate, PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION)),
	    "%.900s%s%.400s (%s)", text, detail != NULL ? ": " : "", detail != NULL ? detail : "",
	    sqlstate);
	snprintf(f->sqlstate, sizeof(f->sqlstate), "%s", sqlstate);
}

void
failure_of_connecting(struct failure *f, const PGconn *conn)
{
	char text[FAULT_TEXT_SIZE], sqlstate[6];
	enum fault fault = fault_of_connecting(PQerrorMessage(conn), sqlstate, text);
	bool password = PQconnectionNeedsPassword(conn);

	if (password || strncmp(sqlstate, "28", 2) == 0)
		failure_set(f, FAULT_CONFIG, "user %s: %s%s", PQuser(conn), text,
		    password || strcmp(sqlstate, "28P01") == 0 ? "; " PASSWORDS : "");
	else if (fault == FAULT_CONFIG && *sqlstate != '\0')
		failure_set(f, fault, "database %s: %s", PQdb(conn), text);
	else
		failure_set(f, fault, "%s", text);
	memcpy(f->sqlstate, sqlstate, sizeof(sqlstate));
}

void
failure_of_table(struct failure *f, const struct target *t)
{
	static const char *const remedies[][2] = {
	    {"42P01", "; create=1 makes it"},
	    {"42501", "; the user needs INSERT, and SELECT of the key"},
	    {"42P10", "; the column of the key needs a unique index: CREATE UNIQUE INDEX"},
	};
	const char *remedy = "";
	char text[sizeof(f->text)];

	if (f->fault != FAULT_CONFIG)
		return;
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (strcmp(f->sqlstate, remedies[i][0]) == 0 && !(i == 0 && t->columns))
			remedy = remedies[i][1];
	memcpy(text, f->text, sizeof(text));
	snprintf(f->text, sizeof(f->text), "table %.60s%s%.60s: %.1200s%s",
	    t->schema != NULL ? t->schema : "", t->schema != NULL ? "." : "", t->table, text,
	    remedy);
}
