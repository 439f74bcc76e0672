#include "answer.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "json/json.h"
#include "json/key.h"
#include "record/record.h"
#include "stage/stage.h"

#define QUOTED 60    /* bytes of an answer that a message shows */
#define WORD_SIZE 64 /* for a duration and a NUL */

enum answer
answer_bad(struct failure *f, const char *message)
{
	*f = (struct failure){.reason = REASON_BAD_ANSWER};
	snprintf(f->message, sizeof(f->message), "%s", message);
	return ANSWER_BAD;
}

static enum answer
not_json(struct failure *f, const struct record *line, const struct json_error *e)
{
	*f = (struct failure){.reason = REASON_BAD_ANSWER};
	snprintf(f->message, sizeof(f->message), "the answer is not JSON: %s at byte %zu: %.*s",
	    e->what, e->offset, (int)(line->len < QUOTED ? line->len : QUOTED), line->data);
	return ANSWER_BAD;
}

/* Takes the first word if it is a duration.  What is left is the message. */
static int64_t
take_duration(const char **text, size_t *len)
{
	char word[WORD_SIZE];
	const char *why;
	size_t n = 0;
	int64_t ns;

	while (n < *len && !json_blank(*text + n, 1))
		n++;
	if (n >= sizeof(word))
		return 0;
	memcpy(word, *text, n);
	word[n] = '\0';
	if (units_duration(word, &ns, &why) == -1)
		return 0;
	while (n < *len && json_blank(*text + n, 1))
		n++;
	*text += n;
	*len -= n;
	return ns;
}

enum answer
answer_request(const char *line, size_t len, struct failure *f)
{
	const char *text = line + 1;
	enum answer answer;

	if (len == 0 || (line[0] != '!' && line[0] != '?'))
		return ANSWER_BAD;
	len--;
	if (line[0] == '!') {
		*f = (struct failure){.reason = REASON_REJECTED};
		answer = ANSWER_REJECT;
	} else {
		*f = (struct failure){.reason = REASON_EXHAUSTED};
		f->wait = take_duration(&text, &len);
		answer = ANSWER_RETRY;
	}
	if (len >= sizeof(f->message))
		len = sizeof(f->message) - 1;
	snprintf(f->message, sizeof(f->message), "%.*s", (int)len, text);
	return answer;
}

/* --match: the answer carries the record's own value. */
static enum answer
judge_match(const struct json_path *match, const struct record *input, const struct record *line,
    struct failure *f)
{
	enum answer answer = ANSWER_RESULT;
	struct json_key want, got;

	/* The record was given, so it has a key. */
	if (match == NULL)
		return ANSWER_RESULT;
	if (json_key_find(&want, match, input->data, input->len) == -1)
		return answer_bad(f, "out of memory: the --match value cannot be compared");
	if (json_key_find(&got, match, line->data, line->len) == -1)
		answer = answer_bad(f, "the answer has no value at the --match path");
	else if (!json_key_equal(&want, &got))
		answer = answer_bad(
		    f, "the answer has another value at the --match path: it is another record's");
	json_key_forget(&want);
	json_key_forget(&got);
	return answer;
}

static bool
is_same_line(const struct record *a, const struct record *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

enum answer
answer_judge(const struct answer_rules *rules, const struct record *input,
    const struct record *line, struct failure *f)
{
	struct json_error e;
	enum answer answer;

	if (line->full_len != 0)
		return answer_bad(f, "the answer is longer than --max-record");
	if (rules->raw)
		return judge_match(rules->match, input, line, f);
	if (json_blank(line->data, line->len))
		return ANSWER_DROP;
	if ((answer = answer_request(line->data, line->len, f)) != ANSWER_BAD)
		return answer;
	/* A record that comes back as it was has been checked already. */
	if ((rules->raw_input || !is_same_line(input, line)) &&
	    !json_check(line->data, line->len, &e))
		return not_json(f, line, &e);
	return judge_match(rules->match, input, line, f);
}
