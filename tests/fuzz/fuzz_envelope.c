/*
 * Envelopes.  What is taken out of a dead letter or a retry envelope made of
 * any bytes is those bytes.  Any text is either no envelope, or one that can be
 * read; nothing outside the text is read, and what is found lies inside it.
 */

#include "fuzz.h"
#include "json/json.h"
#include "json/members.h"
#include "record/envelope.h"
#include "record/record.h"
#include "record/unwrap.h"

static bool
is_inside(const char *data, size_t data_len, const char *text, size_t len)
{
	return data >= text && data + data_len <= text + len;
}

static bool
has_payload(const char *line, size_t len, const char *payload, size_t payload_len)
{
	const char *found;
	size_t found_len;
	char *owned;
	bool same;

	require(envelope_payload(line, len, &found, &found_len, &owned) == 0);
	require(owned != NULL || is_inside(found, found_len, line, len));
	same = found_len == payload_len && memcmp(found, payload, payload_len) == 0;
	free(owned);
	return same;
}

/* A letter with these bytes as its payload and as all of its texts. */
static void
seal_letter(const char *payload, size_t len, const char *text)
{
	struct letter l = {.stage = text,
	    .reason = REASON_INVALID,
	    .message = text,
	    .failed = 1,
	    .input = text,
	    .worker = {.known = true, .slot = 1, .log = payload, .log_len = len},
	    .payload = payload,
	    .payload_len = len};
	char *line;
	size_t line_len;

	require(envelope_letter(&l, &line, &line_len) == 0);
	require(line[line_len - 1] == '\n');
	require(memchr(line, '\n', line_len - 1) == NULL);
	require(line_len <= len / 3 * 4 + 4 + 64 * 1024);
	require(envelope_kind(line, line_len) == ENVELOPE_LETTER);
	require(envelope_may_be(line, line_len));
	require(has_payload(line, line_len, payload, len));
	free(line);
}

/*
 * A retry envelope goes through unwrap(), which leaves a payload of several
 * lines alone.
 */
static void
seal_retry(const char *payload, size_t len)
{
	struct envelope_id id = {.id = "an-id", .replays = 3, .first_failed = 1000000};
	struct record r;
	char *line;
	size_t line_len;

	require(envelope_retry(&id, payload, len, &line, &line_len) == 0);
	require(envelope_kind(line, line_len) == ENVELOPE_RETRY);
	require(has_payload(line, line_len, payload, len));
	require(record_copy(&r, line, line_len - 1) == 0);
	unwrap(&r);
	require(r.data[r.len] == '\n');
	if (memchr(payload, '\n', len) == NULL) {
		require(r.len == len && memcmp(r.data, payload, len) == 0);
		require(strcmp(r.origin->id, id.id) == 0);
		require(r.origin->replays == 3 && r.origin->first_failed == 1000000);
	} else
		require(r.len == line_len - 1 && memcmp(r.data, line, r.len) == 0);
	record_free(&r);
	free(line);
}

/* The members of an object are what a path finds. */
static void
compare_members(const char *text, size_t len)
{
	static const char *const names[] = {"id", "value", "text", "a"};
	static const char *const paths[] = {".id", ".value", ".text", ".a"};
	struct json_slice members[4], last, value = {NULL, 0};
	bool good = json_check(text, len, NULL);
	const char *why;

	members_find(text, len, names, 4, members, &last);
	require(last.data == NULL || is_inside(last.data, last.len, text, len));
	for (size_t i = 0; i < 4; i++) {
		struct json_path *path = json_path_new(paths[i], &why);
		bool found = json_path_get(path, text, len, &value);

		if (members[i].data != NULL)
			require(is_inside(members[i].data, members[i].len, text, len));
		require(found == (members[i].data != NULL));
		if (found)
			require(members[i].data == value.data && members[i].len == value.len);
		if (found && good)
			require(json_check(value.data, value.len, NULL));
		json_path_free(path);
	}
}

/* The text as an envelope, which it may be or not. */
static void
open_text(const char *text, size_t len)
{
	enum envelope_kind kind = envelope_kind(text, len);
	struct envelope_id id;
	struct envelope_view view;
	const char *payload;
	size_t payload_len;
	char *owned;

	require(kind == ENVELOPE_NONE || json_check(text, len, NULL));
	envelope_identity(text, len, &id);
	require(strlen(id.id) < ENVELOPE_ID_SIZE);
	require(kind == ENVELOPE_NONE || id.id[0] != '\0');
	envelope_look(text, len, &view);
	if (kind == ENVELOPE_LETTER)
		require(view.stage.data != NULL && view.reason.data != NULL);
	(void)envelope_number(&view.attempts);
	(void)envelope_time(&view.failed);
	if (envelope_payload(text, len, &payload, &payload_len, &owned) == 0) {
		require(owned != NULL || is_inside(payload, payload_len, text, len));
		free(owned);
	}
}

/* unwrap() puts an LF behind the payload, so it gets a copy. */
static void
unwrap_text(const char *text, size_t len)
{
	struct record r;

	if (envelope_kind(text, len) != ENVELOPE_RETRY || memchr(text, '\n', len) != NULL)
		return;
	require(record_copy(&r, text, len) == 0);
	unwrap(&r);
	require(r.data[r.len] == '\n');
	require(memchr(r.data, '\n', r.len) == NULL);
	record_free(&r);
}

/*
 * The text as the other members of an envelope, since chance hardly finds the
 * first.
 */
static void
open_members(const char *text, size_t len)
{
	static const char *const heads[] = {"{\"pchan\":\"retry/1\",\"id\":\"a\",",
	    "{\"pchan\":\"dead-letter/1\",\"id\":\"a\",\"stage\":\"b\",\"reason\":\"c\","};

	for (size_t i = 0; i < 2; i++) {
		size_t head_len = strlen(heads[i]), whole = head_len + len + 1;
		char *line = malloc(whole);

		require(line != NULL);
		memcpy(line, heads[i], head_len);
		memcpy(line + head_len, text, len);
		line[whole - 1] = '}';
		open_text(line, whole);
		unwrap_text(line, whole);
		free(line);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	char *string = to_string(data, size);

	seal_letter(bytes, size, string);
	seal_retry(bytes, size);
	compare_members(bytes, size);
	open_text(bytes, size);
	unwrap_text(bytes, size);
	open_members(bytes, size);
	free(string);
	return 0;
}
