#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "failure.h"
#include "target.h"

/* The names as SQL has them. */
struct names {
	char *table, *column, *key_column; /* malloc'd */
};

static const char lossy[] =
    "SELECT concat_ws(', ', CASE WHEN relpersistence <> 'p' THEN 'the table is unlogged' END,"
    " CASE WHEN current_setting('fsync') = 'off' THEN 'fsync is off at the server' END,"
    " CASE WHEN current_setting('synchronous_commit') = 'off' THEN 'synchronous_commit is off"
    " (in the URL: options=-c%20synchronous_commit=on)' END)"
    " FROM pg_class WHERE oid = $1::regclass";

/*
 * The types of the columns of the record and of the key, and whether the former
 * is one for records.  A length, as in varchar(10), is left out: a cast would
 * cut the value off, where an assignment is refused.
 */
static const char types[] =
    "SELECT format_type(r.atttypid, -1), format_type(k.atttypid, -1),"
    " t.typcategory = 'S' OR coalesce(nullif(t.typbasetype, 0), t.oid) = ANY"
    " ('{json, jsonb}'::regtype[])"
    " FROM (SELECT $1::regclass AS oid) AS c"
    " LEFT JOIN pg_attribute AS r"
    " ON r.attrelid = c.oid AND r.attname = $2 AND r.attnum > 0 AND NOT r.attisdropped"
    " LEFT JOIN pg_attribute AS k"
    " ON k.attrelid = c.oid AND k.attname = $3 AND k.attnum > 0 AND NOT k.attisdropped"
    " LEFT JOIN pg_type AS t ON t.oid = r.atttypid";

/*
 * All columns that can be filled, what fills each (a member that is not there:
 * the default of the column), and those of the primary key.
 */
static const char columns[] =
    "WITH c AS (SELECT a.attnum AS n, a.attname AS name,"
    " a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) AS key,"
    " CASE a.attidentity WHEN 'd' THEN"
    " format('nextval(%L)', pg_get_serial_sequence($1, a.attname))"
    " ELSE pg_get_expr(d.adbin, d.adrelid) END AS instead,"
    " a.attidentity = 'a' OR a.attgenerated <> '' AS refuses"
    " FROM pg_attribute AS a"
    " LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " LEFT JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary"
    " WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped)"
    " SELECT string_agg(quote_ident(name), ', ' ORDER BY n) FILTER (WHERE NOT refuses),"
    " string_agg(CASE WHEN instead IS NULL THEN format('p.%I', name) ELSE"
    " format('CASE WHEN (t.r -> %L) IS NULL THEN %s ELSE p.%I END', name, instead, name) END,"
    " ', ' ORDER BY n) FILTER (WHERE NOT refuses),"
    " string_agg(quote_ident(name), ', ' ORDER BY n) FILTER (WHERE key)"
    " FROM c";

/* A statement with texts as parameters.  NULL: it failed. */
static PGresult *
ask(PGconn *conn, const char *sql, int n, const char *const *params, struct failure *f)
{
	PGresult *result = PQexecParams(conn, sql, n, NULL, params, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return result;
	failure_of_result(f, conn, result);
	PQclear(result);
	return NULL;
}

/* NULL: no memory. */
static char *
quote(PGconn *conn, const char *name)
{
	char *quoted = PQescapeIdentifier(conn, name, strlen(name)), *copy;

	copy = quoted != NULL ? strdup(quoted) : NULL;
	PQfreemem(quoted);
	return copy;
}

static int
quote_names(struct names *q, PGconn *conn, const struct target *t, struct failure *f)
{
	char *table = quote(conn, t->table), *schema = NULL;

	if (t->schema == NULL)
		q->table = table != NULL ? strdup(table) : NULL;
	else if ((schema = quote(conn, t->schema)) != NULL && table != NULL &&
	    asprintf(&q->table, "%s.%s", schema, table) == -1)
		q->table = NULL;
	free(schema);
	free(table);
	if (t->column != NULL)
		q->column = quote(conn, t->column);
	if (t->key_column != NULL)
		q->key_column = quote(conn, t->key_column);
	if (q->table != NULL && (q->column != NULL) == (t->column != NULL) &&
	    (q->key_column != NULL) == (t->key_column != NULL))
		return 0;
	failure_set(
	    f, FAULT_CONFIG, "a name that is no UTF-8, or no memory: %s", PQerrorMessage(conn));
	return -1;
}

static int
create(PGconn *conn, const struct names *q, struct failure *f)
{
	bool key = q->key_column != NULL;
	char *sql;
	PGresult *result;

	if (asprintf(&sql, "CREATE TABLE IF NOT EXISTS %s (%s%s%s jsonb NOT NULL)", q->table,
		key ? q->key_column : "", key ? " text PRIMARY KEY, " : "", q->column) == -1) {
		failure_set(f, FAULT_PASSES, "out of memory");
		return -1;
	}
	result = ask(conn, sql, 0, NULL, f);
	free(sql);
	PQclear(result);
	if (result != NULL)
		return 0;
	/* Somebody else has just made it. */
	if (strcmp(f->sqlstate, "23505") == 0 || strcmp(f->sqlstate, "42P07") == 0)
		f->fault = FAULT_PASSES;
	return -1;
}

static int
see_table(struct plan *plan, PGconn *conn, const struct target *t, const struct names *q,
    struct failure *f)
{
	const char *params[] = {q->table};
	PGresult *result = ask(conn, lossy, 1, params, f);

	if (result == NULL && t->create && strcmp(f->sqlstate, "42P01") == 0) {
		if (create(conn, q, f) == -1)
			return -1;
		result = ask(conn, lossy, 1, params, f);
	}
	if (result == NULL)
		return -1;
	plan->lossy = strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return 0;
}

/* A record goes to a column. */
static void
state_record(struct plan *plan, const struct target *t, const struct names *q, PGresult *is,
    struct failure *f)
{
	const char *record = PQgetvalue(is, 0, 0), *key = PQgetvalue(is, 0, 1);
	int n = -1;

	if (PQgetisnull(is, 0, 0))
		failure_set(f, FAULT_CONFIG,
		    "no column %.60s: column= names the one for records, columns=1 gives each "
		    "member of a record the column of its name",
		    t->column);
	else if (*PQgetvalue(is, 0, 2) != 't')
		failure_set(f, FAULT_CONFIG,
		    "column %.60s is of type %.60s: a record needs jsonb, json or text", t->column,
		    record);
	else if (t->key == NULL)
		n = asprintf(&plan->statement,
		    "INSERT INTO %s (%s) SELECT t.r::%s FROM unnest($1::text[]) AS t(r)", q->table,
		    q->column, record);
	else if (PQgetisnull(is, 0, 1))
		failure_set(f, FAULT_CONFIG,
		    "no column %.60s: key-column= names the one for the value of key=",
		    t->key_column);
	else
		n = asprintf(&plan->statement,
		    "INSERT INTO %s (%s, %s) SELECT t.k::%s, t.r::%s"
		    " FROM (SELECT unnest($1::text[]) AS r, unnest($2::text[]) AS k) AS t"
		    " ON CONFLICT (%s) DO NOTHING",
		    q->table, q->key_column, q->column, key, record, q->key_column);
	if (n == -1)
		plan->statement = NULL;
}

/* Each member of a record goes to the column of its name. */
static void
state_columns(struct plan *plan, const struct names *q, PGresult *are, struct failure *f)
{
	const char *key = q->key_column != NULL ? q->key_column : PQgetvalue(are, 0, 2);
	bool has_key = *key != '\0';

	if (PQgetisnull(are, 0, 0))
		failure_set(f, FAULT_CONFIG, "no column that can be filled");
	else if (asprintf(&plan->statement,
		     "INSERT INTO %s (%s) SELECT %s"
		     " FROM (SELECT u.r::json AS r FROM unnest($1::text[]) AS u(r) OFFSET 0) AS t,"
		     " json_populate_record(NULL::%s, t.r) AS p%s%s%s",
		     q->table, PQgetvalue(are, 0, 0), PQgetvalue(are, 0, 1), q->table,
		     has_key ? " ON CONFLICT (" : "", key, has_key ? ") DO NOTHING" : "") == -1)
		plan->statement = NULL;
}

static int
make_statement(struct plan *plan, PGconn *conn, const struct target *t, const struct names *q,
    struct failure *f)
{
	const char *params[] = {q->table, t->column, t->key_column};
	PGresult *result =
	    t->columns ? ask(conn, columns, 1, params, f) : ask(conn, types, 3, params, f);

	if (result == NULL)
		return -1;
	failure_set(f, FAULT_PASSES, "out of memory");
	if (t->columns)
		state_columns(plan, q, result, f);
	else
		state_record(plan, t, q, result, f);
	PQclear(result);
	return plan->statement != NULL ? 0 : -1;
}

/* To explain the statement needs the same rights, and stores nothing. */
static int
try_statement(const struct plan *plan, PGconn *conn, const struct target *t, struct failure *f)
{
	const char *const params[] = {NULL, NULL};
	PGresult *result;
	char *sql;

	if (asprintf(&sql, "EXPLAIN %s", plan->statement) == -1) {
		failure_set(f, FAULT_PASSES, "out of memory");
		return -1;
	}
	result = ask(conn, sql, t->key != NULL ? 2 : 1, params, f);
	free(sql);
	PQclear(result);
	return result != NULL ? 0 : -1;
}

int
plan_make(struct plan *plan, PGconn *conn, const struct target *t, struct failure *f)
{
	struct names q = {0};
	int status = -1;

	if (quote_names(&q, conn, t, f) == 0 && see_table(plan, conn, t, &q, f) == 0 &&
	    make_statement(plan, conn, t, &q, f) == 0)
		status = try_statement(plan, conn, t, f);
	free(q.table);
	free(q.column);
	free(q.key_column);
	return status;
}

void
plan_free(struct plan *plan)
{
	free(plan->statement);
	free(plan->lossy);
	*plan = (struct plan){0};
}
