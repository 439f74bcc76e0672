#include "delivery.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "array.h"
#include "backlog.h"
#include "base/clock.h"
#include "engine/helper.h"
#include "engine/taker.h"
#include "failure.h"
#include "json/key.h"
#include "session.h"
#include "stride.h"
#include "target.h"

/*
 * The server takes no message of 1 GiB, and ends the connection when it gets
 * one.
 */
#define LONGEST (((size_t)1 << 30) - ((size_t)64 << 10))

struct delivery {
	const struct target *target;
	struct taker *taker;
	struct session *session;
	struct backlog backlog;
	struct stride stride;
	size_t sent;               /* how many are on their way */
	struct text records, keys; /* their arrays */
	struct trouble trouble;
	uint64_t connections;
	unsigned failures;  /* in a row */
	int64_t not_before; /* of the next try */
};

/* Why the key is no key; NULL: it is one. */
static const char *
find_key(const struct delivery *d, const struct taker_record *r, struct json_key *key)
{
	const char *nul;

	errno = 0;
	if (json_key_find(key, d->target->key, r->data, r->len) == -1) {
		if (errno == ENOMEM)
			helper_fail("out of memory");
		return "there is no value at the path of key=";
	}
	if (key->len == 4 && memcmp(key->data, "null", 4) == 0)
		return "the value at the path of key= is null";
	nul = memchr(key->data, '\0', key->len);
	return nul != NULL ? "the value at the path of key= has \\u0000" : NULL;
}

static void
collect(struct delivery *d)
{
	struct backlog_item item = {0};

	while (taker_next(d->taker, &item.record)) {
		const char *why = NULL;

		item.key = (struct json_key){0};
		if (d->target->key != NULL)
			why = find_key(d, &item.record, &item.key);
		if (why == NULL && item.record.len + item.key.len > LONGEST)
			why = "too long: PostgreSQL takes values of less than 1 GiB";
		if (why != NULL) {
			taker_reject(d->taker, item.record.n, "%s", why);
			json_key_forget(&item.key);
		} else if (backlog_add(&d->backlog, &item) == -1)
			helper_fail("out of memory");
	}
}

static void
send_run(struct delivery *d)
{
	bool keyed = d->target->key != NULL;

	d->sent = backlog_run(&d->backlog, d->stride.most);
	array_begin(&d->records, d->sent);
	array_begin(&d->keys, d->sent);
	for (size_t i = 0; i < d->sent; i++) {
		const struct backlog_item *item = backlog_at(&d->backlog, i);
		bool string = item->key.len > 0 && *item->key.data == '"';

		array_add(&d->records, item->record.data, item->record.len);
		/* The quote of a string is not a part of its value. */
		if (keyed)
			array_add(&d->keys, item->key.data + string, item->key.len - string);
	}
	if (d->records.failed || d->keys.failed)
		helper_fail("out of memory");
	session_send(d->session, &d->records, keyed ? &d->keys : NULL);
}

static void
all_is_well(struct delivery *d)
{
	d->failures = 0;
	d->not_before = 0;
	trouble_over(&d->trouble);
}

static void
stored(struct delivery *d)
{
	for (size_t i = 0; i < d->sent; i++) {
		taker_done(d->taker, backlog_at(&d->backlog, 0)->record.n);
		backlog_drop(&d->backlog);
	}
	stride_stored(&d->stride, d->sent);
	all_is_well(d);
}

static void
wait_and_retry(struct delivery *d, const struct failure *f)
{
	trouble_tell(&d->trouble, "%s", f->text);
	d->not_before = clock_after(clock_now(), helper_back_off(++d->failures));
}

static void
failed(struct delivery *d, const struct failure *f)
{
	switch (f->fault) {
	case FAULT_CONFIG:
		helper_fail("%s", f->text);
	case FAULT_RECORD:
		if (!stride_failed(&d->stride, d->sent))
			return;
		taker_reject(d->taker, backlog_at(&d->backlog, 0)->record.n, "%s", f->text);
		backlog_drop(&d->backlog);
		return;
	case FAULT_SIZE:
		if (stride_failed(&d->stride, d->sent))
			wait_and_retry(d, f);
		return;
	case FAULT_PASSES:
	case FAULT_LOST:
		wait_and_retry(d, f);
	}
}

static void
act(struct delivery *d, short revents)
{
	struct failure f;

	switch (session_look(d->session, revents, &f)) {
	case SESSION_NOTHING:
		break;
	case SESSION_READY:
		d->connections++;
		/* If there is something to store, that will tell. */
		if (d->backlog.n == 0)
			all_is_well(d);
		break;
	case SESSION_STORED:
		stored(d);
		break;
	case SESSION_FAILED:
		failed(d, &f);
		break;
	}
}

/* Begins what can be done now.  Returns when there is more to do. */
static int64_t
begin(struct delivery *d)
{
	bool down = session_is_down(d->session);

	if (!down && (!session_is_idle(d->session) || d->backlog.n == 0))
		return CLOCK_NEVER;
	if (clock_now() < d->not_before)
		return d->not_before;
	if (down)
		session_connect(d->session);
	else
		send_run(d);
	return CLOCK_NEVER;
}

static int
timeout_of(int64_t until)
{
	int64_t left;

	if (until == CLOCK_NEVER)
		return -1;
	left = (until - clock_now() + CLOCK_MS - 1) / CLOCK_MS;
	return left < 0 ? 0 : (int)(left < INT32_MAX ? left : INT32_MAX);
}

void
delivery_run(const struct target *t)
{
	struct delivery d = {.target = t, .stride = {STRIDE_MOST}};
	enum taker_state state = TAKER_GOES_ON;

	d.taker = taker_new();
	if ((d.session = session_new(t)) == NULL)
		helper_fail("out of memory");
	while (state == TAKER_GOES_ON) {
		struct pollfd socket = {.fd = -1};
		int64_t until, limit;
		bool awaits;

		collect(&d);
		until = begin(&d);
		awaits = session_awaits(d.session, &socket, &limit);
		until = clock_earlier(until, limit);
		taker_stat(d.taker, "reconnects", d.connections > 0 ? d.connections - 1 : 0);
		state = taker_step(d.taker, &socket, awaits ? 1 : 0, timeout_of(until));
		act(&d, socket.revents);
	}
	session_free(d.session);
	backlog_free(&d.backlog);
	text_free(&d.records);
	text_free(&d.keys);
	taker_free(d.taker);
}
