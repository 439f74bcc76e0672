#include "session.h"

#include <stdlib.h>

#include <libpq-fe.h>

#include "array.h"
#include "base/clock.h"
#include "base/units.h"
#include "engine/helper.h"
#include "failure.h"
#include "plan.h"
#include "target.h"

enum state { DOWN, BROKEN, CONNECTING, IDLE, BUSY };

struct session {
	const struct target *target;
	PGconn *conn;
	enum state state;
	struct plan plan;
	bool was_up;   /* some time */
	bool warned;   /* that what is stored can be lost */
	short events;  /* that are awaited */
	int64_t until; /* CONNECTING: when it is given up */
	/* Of BUSY: what the results so far say. */
	bool failed;
	struct failure failure;
};

struct session *
session_new(const struct target *t)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->target = t;
	return s;
}

static void
close_connection(struct session *s)
{
	plan_free(&s->plan);
	PQfinish(s->conn);
	s->conn = NULL;
	s->state = DOWN;
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	close_connection(s);
	free(s);
}

bool
session_is_down(const struct session *s)
{
	return s->state == DOWN;
}

bool
session_is_idle(const struct session *s)
{
	return s->state == IDLE;
}

/* Notices are for people who type. */
static void
ignore(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

/*
 * The connection is bad from the start: libpq has found an error in a
 * parameter, or could not reach the server.
 */
static void
begin_failed(struct session *s)
{
	s->state = BROKEN;
	if (s->conn == NULL) {
		failure_set(&s->failure, FAULT_LOST, "out of memory");
		return;
	}
	failure_of_connecting(&s->failure, s->conn);
	if (!s->was_up && PQpingParams(s->target->names, s->target->values, 0) == PQPING_NO_ATTEMPT)
		s->failure.fault = FAULT_CONFIG;
}

void
session_connect(struct session *s)
{
	s->conn = PQconnectStartParams(s->target->names, s->target->values, 0);
	if (s->conn == NULL || PQstatus(s->conn) == CONNECTION_BAD) {
		begin_failed(s);
		return;
	}
	PQsetErrorVerbosity(s->conn, PQERRORS_VERBOSE);
	PQsetNoticeProcessor(s->conn, ignore, NULL);
	s->state = CONNECTING;
	s->events = POLLOUT;
	s->until = clock_after(clock_now(), s->target->patience);
}

void
session_send(struct session *s, const struct text *records, const struct text *keys)
{
	const Oid types[] = {ARRAY_TYPE, ARRAY_TYPE};
	const char *const values[] = {records->data, keys != NULL ? keys->data : NULL};
	const int lens[] = {(int)records->len, keys != NULL ? (int)keys->len : 0};
	const int binary[] = {1, 1};

	s->failed = false;
	s->state = BUSY;
	s->events = POLLIN | POLLOUT;
	if (PQsendQueryParams(s->conn, s->plan.statement, keys != NULL ? 2 : 1, types, values, lens,
		binary, 0) == 0) {
		failure_of_result(&s->failure, s->conn, NULL);
		s->state = BROKEN;
	}
}

bool
session_awaits(const struct session *s, struct pollfd *pfd, int64_t *until)
{
	*until = s->state == CONNECTING ? s->until : s->state == BROKEN ? 0 : CLOCK_NEVER;
	if (s->state == DOWN || s->state == BROKEN)
		return false;
	*pfd = (struct pollfd){.fd = PQsocket(s->conn), .events = s->events};
	return true;
}

static enum session_event
fail(struct session *s, struct failure *f)
{
	*f = s->failure;
	if (f->fault == FAULT_LOST || s->state != BUSY)
		close_connection(s);
	else {
		s->state = IDLE;
		s->events = POLLIN;
	}
	return SESSION_FAILED;
}

static enum session_event
set_up(struct session *s, struct failure *f)
{
	PQsetErrorVerbosity(s->conn, PQERRORS_DEFAULT);
	if (plan_make(&s->plan, s->conn, s->target, &s->failure) == -1) {
		failure_of_table(&s->failure, s->target);
		return fail(s, f);
	}
	(void)PQsetnonblocking(s->conn, 1);
	if (*s->plan.lossy != '\0' && !s->warned) {
		helper_say(
		    "a crash of the server can lose rows that are stored: %s", s->plan.lossy);
		s->warned = true;
	}
	s->was_up = true;
	s->state = IDLE;
	s->events = POLLIN;
	return SESSION_READY;
}

static enum session_event
go_on_connecting(struct session *s, struct failure *f)
{
	char limit[UNITS_TEXT_SIZE];

	if (clock_now() >= s->until) {
		units_format_duration(s->target->patience, limit);
		failure_set(
		    &s->failure, FAULT_LOST, "no connection after %s (connect_timeout)", limit);
		return fail(s, f);
	}
	switch (PQconnectPoll(s->conn)) {
	case PGRES_POLLING_OK:
		return set_up(s, f);
	case PGRES_POLLING_FAILED:
		failure_of_connecting(&s->failure, s->conn);
		return fail(s, f);
	case PGRES_POLLING_READING:
		s->events = POLLIN;
		return SESSION_NOTHING;
	default:
		s->events = POLLOUT;
		return SESSION_NOTHING;
	}
}

/* The first error counts: what follows from it says less. */
static void
take_result(struct session *s, const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (s->failed || status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return;
	failure_of_result(&s->failure, s->conn, result);
	failure_of_table(&s->failure, s->target);
	s->failed = true;
}

/*
 * The transaction is durable when there are no more results: an error can come
 * after that of the INSERT, from a constraint that is checked at the end.
 */
static enum session_event
take_results(struct session *s, struct failure *f)
{
	PGresult *result;

	while (PQisBusy(s->conn) == 0) {
		if ((result = PQgetResult(s->conn)) == NULL) {
			if (s->failed)
				return fail(s, f);
			s->state = IDLE;
			return SESSION_STORED;
		}
		take_result(s, result);
		PQclear(result);
	}
	return SESSION_NOTHING;
}

/* The connection has broken while there was no transaction. */
static enum session_event
break_off(struct session *s, struct failure *f)
{
	failure_of_result(&s->failure, s->conn, NULL);
	s->failure.fault = FAULT_LOST;
	return fail(s, f);
}

enum session_event
session_look(struct session *s, short revents, struct failure *f)
{
	bool broken;

	switch (s->state) {
	case DOWN:
		return SESSION_NOTHING;
	case BROKEN:
		return fail(s, f);
	case CONNECTING:
		return revents != 0 || clock_now() >= s->until ? go_on_connecting(s, f)
							       : SESSION_NOTHING;
	case IDLE:
	case BUSY:
		break;
	}
	if (revents == 0)
		return SESSION_NOTHING;
	broken = PQconsumeInput(s->conn) == 0;
	/* Results that came before the connection broke are still there. */
	if (s->state == BUSY) {
		s->events = (short)(PQflush(s->conn) == 1 ? POLLIN | POLLOUT : POLLIN);
		return take_results(s, f);
	}
	return broken ? break_off(s, f) : SESSION_NOTHING;
}
