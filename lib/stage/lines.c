#include "stage/lines.h"

#include "json/json.h"
#include "record/mark.h"
#include "record/record.h"
#include "stage/options.h"
#include "stage/source.h"
#include "stage/stage.h"
#include "stage/tracing.h"

/*
 * The limit of letters, as a multiple of --max-record, and at least.  A letter
 * may come from a stage that reads longer records, so it has far more room than
 * a record; but any line can begin like a letter, so it has a limit.
 */
#define LETTER_FACTOR 16
#define LETTER_MIN ((size_t)256 << 20)

static size_t
letter_limit(size_t max_record)
{
	size_t limit =
	    max_record < SIZE_MAX / LETTER_FACTOR ? max_record * LETTER_FACTOR : SIZE_MAX;

	limit = limit > LETTER_MIN ? limit : LETTER_MIN;
	return limit < READER_NO_LIMIT ? limit : READER_NO_LIMIT;
}

/*
 * What may be longer than a record: an envelope, or a mark with more members.
 */
static bool
may_be_long(const char *head, size_t len)
{
	return envelope_may_be(head, len) || mark_may_be(head, len);
}

/* Whether the head of a line tells that it is a record, and no blank line. */
static inline bool
is_data(const struct options *opt, const char *line, size_t len)
{
	if (envelope_is_unlikely(line, len))
		return true;
	if (!opt->raw && json_blank(line, len))
		return false;
	return opt->no_bypass || (!mark_may_be(line, len) && !envelope_may_be(line, len));
}

/* Whether a line is a record like others. */
static inline bool
is_usual(const struct source *src, const char *line, size_t len)
{
	const struct stage *st = src->stage;

	/* Among the records of a helper are lines for us: engine/control.h. */
	if (len > 0 && *line == '@')
		return false;
	return is_data(st->opt, line, len) && (!src->checks || stage_is_sound(st, line, len));
}

static bool
is_plain(const void *arg, const char *line, size_t len)
{
	return is_usual(arg, line, len);
}

/* Of traced records those are drawn that can carry a context. */
static bool
is_plain_object(const void *arg, const char *line, size_t len)
{
	const struct source *src = arg;

	return len > 0 && *line == '{' && !src->stage->opt->plain && is_usual(src, line, len);
}

struct reader_limits
lines_limits(const struct source *src)
{
	const struct options *opt = src->stage->opt;
	bool traces = tracing_records(src->stage->tracing);
	struct reader_limits limits = {.max = opt->max_record,
	    .plain = traces ? is_plain_object : is_plain,
	    .plain_arg = src,
	    .strip_bom = true};

	if (!opt->no_bypass) {
		limits.special = may_be_long;
		limits.max_special = letter_limit(opt->max_record);
	}
	return limits;
}

bool
lines_is_long_data(const struct source *src, const struct record *r, enum envelope_kind kind)
{
	if (r->full_len != 0 || r->len <= src->stage->opt->max_record || record_is_retry(r))
		return false;
	return kind == ENVELOPE_NONE || (kind == ENVELOPE_RETRY && !src->keeps_retries);
}
