#include "record/envelope.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/signame.h"
#include "base/utf8.h"
#include "json/json.h"
#include "json/members.h"
#include "record/payload.h"

#define LETTER "dead-letter/1"
#define RETRY "retry/1"

/*
 * How much of a text goes into a letter.  Even with every byte escaped (six for
 * one), all but the payload stays below ENVELOPE_ROOM.
 */
#define STAGE_MAX 1024
#define MESSAGE_MAX 1024
#define INPUT_MAX 4096
#define LOG_MAX 4096
#define OUT_MAX 4096

/* The members that readers look for. */
enum { ID, STAGE, REASON, REPLAYS, FIRST_FAILED, VALUE, TEXT, BASE64, PCHAN, MEMBERS };

static const char *const names[MEMBERS] = {
    "id", "stage", "reason", "replays", "first_failed", "value", "text", "base64", "pchan"};

struct members {
	struct json_slice value[MEMBERS]; /* data is NULL where there is none */
	/* All between the last member's colon and the closing brace. */
	struct json_slice last;
};

/*
 * Writing.  A put function adds a member if there is something to say.  It
 * returns -1 if there is no memory.
 */

static int
put_number(json_t *object, const char *name, uint64_t n)
{
	return n == 0 ? 0 : json_object_set_new(object, name, json_integer((json_int_t)n));
}

static int
put_time(json_t *object, const char *name, int64_t calendar_us)
{
	char stamp[CLOCK_STAMP_SIZE];

	if (calendar_us == 0)
		return 0;
	clock_stamp(calendar_us, stamp);
	return json_object_set_new(object, name, json_string(stamp));
}

static int
put_bytes(json_t *object, const char *name, const char *s, size_t len)
{
	json_t *string;
	char *clean;

	if ((clean = utf8_clean(s, len, &len)) == NULL)
		return -1;
	string = json_stringn(clean, len);
	free(clean);
	return json_object_set_new(object, name, string);
}

/* At most the first max bytes of the text. */
static int
put_text(json_t *object, const char *name, const char *text, size_t max)
{
	if (text == NULL || *text == '\0')
		return 0;
	return put_bytes(object, name, text, utf8_head(text, strlen(text), max));
}

static int
put_input(json_t *head, const struct letter *l)
{
	json_t *input;

	if (l->input == NULL)
		return 0;
	input = json_object();
	if (json_object_set_new(head, "input", input) == -1 ||
	    put_text(input, "name", l->input, INPUT_MAX) == -1 ||
	    put_number(input, "line", l->line) == -1 ||
	    json_object_set_new(input, "offset", json_integer((json_int_t)l->offset)) == -1)
		return -1;
	return put_number(input, "length", l->full_len);
}

static int
put_signal(json_t *worker, int signal)
{
	char name[SIGNAME_SIZE];

	if (signal == 0)
		return 0;
	signame(signal, name);
	return json_object_set_new(worker, "signal", json_string(name));
}

/* The end of the stderr. */
static int
put_log(json_t *worker, const char *log, size_t len)
{
	size_t kept = utf8_tail(log, len, LOG_MAX);

	return len == 0 ? 0 : put_bytes(worker, "stderr", log + len - kept, kept);
}

/* Of the stdout, both ends: an error is told at either. */
static int
put_output(json_t *worker, const char *out, size_t len)
{
	char text[OUT_MAX + 64];
	size_t head, tail;
	int gap;

	if (len <= OUT_MAX)
		return len == 0 ? 0 : put_bytes(worker, "stdout", out, len);
	head = utf8_head(out, len, OUT_MAX / 2);
	tail = utf8_tail(out, len, OUT_MAX / 2);
	memcpy(text, out, head);
	gap = snprintf(text + head, 64, "\n[... %zu bytes ...]\n", len - head - tail);
	memcpy(text + head + gap, out + len - tail, tail);
	if (put_bytes(worker, "stdout", text, head + (size_t)gap + tail) == -1)
		return -1;
	return put_number(worker, "stdout_length", len);
}

/* Which records these are about, if they are about others as well. */
static int
put_shared(json_t *worker, const struct letter *l)
{
	json_t *shared;

	if (l->worker.shared <= 1 || l->worker.log_len + l->worker.out_len == 0)
		return 0;
	shared = json_object();
	if ((l->worker.log_len > 0 &&
		json_object_set_new(worker, "stderr_shared", json_true()) == -1) ||
	    json_object_set_new(worker, "shared", shared) == -1 ||
	    put_number(shared, "records", l->worker.shared) == -1 ||
	    put_number(shared, "first_line", l->worker.shared_first) == -1)
		return -1;
	return put_number(shared, "last_line", l->worker.shared_last);
}

static int
put_worker(json_t *head, const struct letter *l)
{
	json_t *worker;

	if (!l->worker.known)
		return 0;
	worker = json_object();
	if (json_object_set_new(head, "worker", worker) == -1 ||
	    put_number(worker, "slot", l->worker.slot) == -1 ||
	    put_number(worker, "pid", (uint64_t)l->worker.pid) == -1)
		return -1;
	if (l->worker.exited) {
		if (json_object_set_new(worker, "exit", json_integer(l->worker.exit)) == -1)
			return -1;
	} else if (put_signal(worker, l->worker.signal) == -1) {
		return -1;
	}
	if (put_output(worker, l->worker.out, l->worker.out_len) == -1 ||
	    put_log(worker, l->worker.log, l->worker.log_len) == -1)
		return -1;
	return put_shared(worker, l);
}

/* A UUID of version 7 (RFC 9562), which sorts by time. */
static void
make_id(char id[ENVELOPE_ID_SIZE])
{
	uint64_t us = (uint64_t)clock_calendar(), ms = us / 1000;
	uint16_t noise[4];

	/*
	 * 48 bits of ms; the version (7), and the part below the ms in 1/4096;
	 * the variant, and random bits.
	 */
	arc4random_buf(noise, sizeof(noise));
	snprintf(id, ENVELOPE_ID_SIZE, "%08x-%04x-7%03x-%04x-%04x%04x%04x",
	    (unsigned)(ms >> 16 & 0xffffffff), (unsigned)(ms & 0xffff),
	    (unsigned)(us % 1000 * 4096 / 1000), (noise[0] & 0x3fff) | 0x8000u, noise[1], noise[2],
	    noise[3]);
}

/* The members that both kinds begin with. */
static int
put_kind(json_t *head, const char *kind, const char *id)
{
	char new_id[ENVELOPE_ID_SIZE];

	if (id == NULL || *id == '\0') {
		make_id(new_id);
		id = new_id;
	}
	if (json_object_set_new(head, "pchan", json_string(kind)) == -1)
		return -1;
	return put_text(head, "id", id, ENVELOPE_ID_SIZE - 1);
}

static int
put_letter(json_t *head, const struct letter *l)
{
	int64_t first_failed = l->first_failed != 0 ? l->first_failed : l->failed;
	size_t stage_len = utf8_head(l->stage, strlen(l->stage), STAGE_MAX);

	if (put_kind(head, LETTER, l->id) == -1 ||
	    put_bytes(head, "stage", l->stage, stage_len) == -1 ||
	    json_object_set_new(head, "reason", json_string(reason_name(l->reason))) == -1 ||
	    put_text(head, "message", l->message, MESSAGE_MAX) == -1 ||
	    put_number(head, "attempts", l->attempts) == -1 ||
	    put_time(head, "first_failed", first_failed) == -1 ||
	    put_time(head, "failed", l->failed) == -1 ||
	    put_number(head, "replays", l->replays) == -1 || put_input(head, l) == -1 ||
	    put_worker(head, l) == -1)
		return -1;
	return !l->truncated ? 0 : json_object_set_new(head, "truncated", json_true());
}

static int
put_retry(json_t *head, const struct envelope_id *id)
{
	if (put_kind(head, RETRY, id->id) == -1 || put_number(head, "replays", id->replays) == -1)
		return -1;
	return put_time(head, "first_failed", id->first_failed);
}

/*
 * Makes the line of an object and its payload, unless put, the result of
 * building the object, is -1.  Frees the object.
 */
static int
seal_line(
    json_t *object, int put, const char *payload, size_t payload_len, char **line, size_t *len)
{
	char *head = put == 0 ? json_dumps(object, JSON_COMPACT) : NULL;
	int rc = -1;

	json_decref(object);
	if (head != NULL) {
		head[strlen(head) - 1] = '\0'; /* cuts the closing brace */
		rc = payload_seal(head, payload, payload_len, line, len);
	}
	free(head);
	if (rc == -1)
		errno = ENOMEM;
	return rc;
}

int
envelope_letter(const struct letter *l, char **line, size_t *len)
{
	json_t *head = json_object();

	return seal_line(head, put_letter(head, l), l->payload, l->payload_len, line, len);
}

int
envelope_retry(
    const struct envelope_id *id, const char *payload, size_t payload_len, char **line, size_t *len)
{
	json_t *head = json_object();

	return seal_line(head, put_retry(head, id), payload, payload_len, line, len);
}

/* Reading. */

static bool
is_string(const struct json_slice *value)
{
	return value->data != NULL && value->len >= 2 && *value->data == '"';
}

/*
 * Decodes to a C string.  False if the value is not a string, or does not fit.
 */
static bool
get_string(const struct json_slice *value, char out[ENVELOPE_ID_SIZE])
{
	char text[ENVELOPE_ID_SIZE * 6];
	size_t n;

	if (!is_string(value) || value->len > sizeof(text))
		return false;
	n = json_unquote(value->data, value->len, text);
	if (n >= ENVELOPE_ID_SIZE || memchr(text, '\0', n) != NULL)
		return false;
	memcpy(out, text, n);
	out[n] = '\0';
	return true;
}

uint64_t
envelope_number(const struct json_slice *value)
{
	uint64_t n = 0;

	for (size_t i = 0; i < value->len && i < 18 && isdigit((unsigned char)value->data[i]); i++)
		n = n * 10 + (uint64_t)(value->data[i] - '0');
	return n;
}

int64_t
envelope_time(const struct json_slice *value)
{
	char stamp[ENVELOPE_ID_SIZE];
	int64_t us;

	return get_string(value, stamp) && clock_read_stamp(stamp, &us) ? us : 0;
}

static bool
has_payload(const struct json_slice *value)
{
	bool json = value[VALUE].data != NULL, text = value[TEXT].data != NULL;
	bool base64 = value[BASE64].data != NULL;

	return json + text + base64 == 1 &&
	    (json || is_string(&value[TEXT]) || is_string(&value[BASE64]));
}

/* What the head of a line says about it. */
enum head {
	HEAD_DATA,
	HEAD_LETTER,
	HEAD_RETRY,
	HEAD_SORTED, /* perhaps an envelope whose members were sorted */
};

/* Whether the text begins with this one; then *text moves behind it. */
static inline bool
skip_text(const char **text, const char *end, const char *want)
{
	size_t n = strlen(want);

	if ((size_t)(end - *text) < n || memcmp(*text, want, n) != 0)
		return false;
	*text += n;
	return true;
}

/*
 * Whether a line that begins with a brace and a quote can be an envelope whose
 * members a filter has sorted: it begins with one of those that sort before
 * `id`, of which our own envelopes always have one; and it has `pchan`
 * somewhere.  Many records begin with an id, and must not pay for this look.
 */
static bool
is_sorted_head(const char *line, size_t len)
{
	const char *p = line + 2, *end = line + len;
	bool sorted = false;

	switch (*p) {
	case 'a':
		sorted = skip_text(&p, end, "attempts\"");
		break;
	case 'b':
		sorted = skip_text(&p, end, "base64\"");
		break;
	case 'f':
		sorted = skip_text(&p, end, "failed\"") || skip_text(&p, end, "first_failed\"");
		break;
	}
	return sorted && memmem(line, len, "\"pchan\"", strlen("\"pchan\"")) != NULL;
}

static enum head
look_at_head(const char *line, size_t len)
{
	/*
	 * Nearly all lines are data, and most of those are seen to be at once.
	 */
	if (envelope_is_unlikely(line, len))
		return HEAD_DATA;
	if (len > 2 && line[0] == '{' && line[1] == '"' && line[2] != 'p')
		return is_sorted_head(line, len) ? HEAD_SORTED : HEAD_DATA;
	if (json_first_member(line, len, "pchan", LETTER))
		return HEAD_LETTER;
	return json_first_member(line, len, "pchan", RETRY) ? HEAD_RETRY : HEAD_DATA;
}

bool
envelope_may_be(const char *head, size_t len)
{
	return look_at_head(head, len) != HEAD_DATA;
}

/* The kind that a value of `pchan` says. */
static enum envelope_kind
kind_of_value(const struct json_slice *value)
{
	if (!is_string(value))
		return ENVELOPE_NONE;
	if (json_string_is(value->data, value->len, LETTER, strlen(LETTER)))
		return ENVELOPE_LETTER;
	return json_string_is(value->data, value->len, RETRY, strlen(RETRY)) ? ENVELOPE_RETRY
									     : ENVELOPE_NONE;
}

/* The kind of a line, whose head has been looked at, by all its members. */
static enum envelope_kind
kind_by_members(const char *line, size_t len, enum head head)
{
	enum envelope_kind kind;
	const struct json_slice *value;
	char id[ENVELOPE_ID_SIZE];
	struct members m;

	if (!json_check(line, len, NULL))
		return ENVELOPE_NONE;
	members_find(line, len, names, MEMBERS, m.value, &m.last);
	value = m.value;
	if (head == HEAD_SORTED)
		kind = kind_of_value(&value[PCHAN]);
	else
		kind = head == HEAD_LETTER ? ENVELOPE_LETTER : ENVELOPE_RETRY;
	if (!get_string(&value[ID], id) || *id == '\0')
		return ENVELOPE_NONE;
	if (kind == ENVELOPE_LETTER && !(is_string(&value[STAGE]) && is_string(&value[REASON])))
		return ENVELOPE_NONE;
	return has_payload(value) ? kind : ENVELOPE_NONE;
}

enum envelope_kind
envelope_kind_of(const char *line, size_t len)
{
	enum head head = look_at_head(line, len);

	return head == HEAD_DATA ? ENVELOPE_NONE : kind_by_members(line, len, head);
}

enum envelope_kind
envelope_kind_anywhere(const char *line, size_t len)
{
	enum head head = look_at_head(line, len);

	return kind_by_members(line, len, head == HEAD_DATA ? HEAD_SORTED : head);
}

void
envelope_identity(const char *line, size_t len, struct envelope_id *id)
{
	struct members m;

	members_find(line, len, names, MEMBERS, m.value, &m.last);
	if (!get_string(&m.value[ID], id->id))
		id->id[0] = '\0';
	id->replays = envelope_number(&m.value[REPLAYS]);
	id->first_failed = envelope_time(&m.value[FIRST_FAILED]);
}

void
envelope_look(const char *line, size_t len, struct envelope_view *view)
{
	static const char *const wanted[] = {"id", "stage", "reason", "message", "attempts",
	    "first_failed", "failed", "replays", "truncated"};
	struct json_slice values[sizeof(wanted) / sizeof(wanted[0])], last;

	members_find(line, len, wanted, sizeof(wanted) / sizeof(wanted[0]), values, &last);
	*view = (struct envelope_view){values[0], values[1], values[2], values[3], values[4],
	    values[5], values[6], values[7], values[8]};
}

/* Whether the line begins as we write it, without a filter's white space. */
static bool
is_as_written(const char *line, size_t len)
{
	static const char letter[] = "{\"pchan\":\"" LETTER "\",\"id\":\"";
	static const char retry[] = "{\"pchan\":\"" RETRY "\",\"id\":\"";

	return (len > strlen(letter) && memcmp(line, letter, strlen(letter)) == 0) ||
	    (len > strlen(retry) && memcmp(line, retry, strlen(retry)) == 0);
}

int
envelope_payload(
    const char *line, size_t len, const char **payload, size_t *payload_len, char **owned)
{
	const struct json_slice *value;
	struct members m;

	members_find(line, len, names, MEMBERS, m.value, &m.last);
	value = m.value;
	if (is_string(&value[TEXT]))
		return payload_text(&value[TEXT], payload, payload_len, owned);
	if (is_string(&value[BASE64]))
		return payload_base64(&value[BASE64], payload, payload_len, owned);
	if (value[VALUE].data == NULL) {
		errno = EINVAL;
		return -1;
	}
	/* White space around it is the record's own, if nobody moved it. */
	if (is_as_written(line, len) && value[VALUE].data >= m.last.data)
		value = &m.last;
	else
		value = &value[VALUE];
	*payload = value->data;
	*payload_len = value->len;
	*owned = NULL;
	return 0;
}
