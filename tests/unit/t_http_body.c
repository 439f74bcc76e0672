#include <stdlib.h>
#include <string.h>

#include "base/gzip.h"
#include "http/body.h"
#include "http/lines.h"
#include "t.h"

#define MARK                 \
	"{\"pchan\":\"mark/" \
	"1\",\"to\":\"000102030405060708090a0b0c0d0e0f\",\"n\":1,\"w\":281474976710656}"

static struct body_memory memory = {.most = 1 << 20};

/* Feeds the bytes in pieces, up to an error. */
static enum body_state
feed(struct body *b, const char *data, size_t len, size_t piece)
{
	enum body_state state = BODY_GOOD;

	for (size_t at = 0; at < len && state == BODY_GOOD; at += piece)
		state = body_add(b, data + at, len - at < piece ? len - at : piece);
	return state == BODY_GOOD ? body_end(b) : state;
}

static enum body_state
try(const char *data, size_t len, size_t piece, bool packed, size_t most, size_t want)
{
	struct body b;
	enum body_state state;
	size_t same = 0;

	CHECK(body_begin(&b, &memory, most, packed) == BODY_GOOD);
	state = feed(&b, data, len, piece);
	CHECK(memory.used == b.room);
	if (state == BODY_GOOD) {
		CHECK(b.len == want, "%zu instead of %zu", b.len, want);
		for (size_t i = 0; i < b.len; i++)
			same += b.data[i] == 'x';
		CHECK(same == want, "%zu bytes", same);
	}
	body_free(&b);
	CHECK(memory.used == 0);
	return state;
}

static void
check_bodies(void)
{
	static const size_t pieces[] = {1, 7, 4096, 100000};
	size_t len = 100000, packed_len;
	char *data = malloc(len), *packed, *twice;

	CHECK(data != NULL);
	if (data == NULL)
		return;
	memset(data, 'x', len);
	packed = gzip(data, len, &packed_len);
	twice = malloc(2 * packed_len);
	CHECK(packed != NULL && twice != NULL);
	if (packed == NULL || twice == NULL)
		return;
	memcpy(twice, packed, packed_len);
	memcpy(twice + packed_len, packed, packed_len);
	for (size_t i = 0; i < 4; i++) {
		size_t n = pieces[i];

		CHECK(try(data, len, n, false, len, len) == BODY_GOOD);
		CHECK(try(data, len, n, false, len - 1, 0) == BODY_TOO_LONG);
		CHECK(try(packed, packed_len, n, true, len, len) == BODY_GOOD);
		CHECK(try(packed, packed_len, n, true, len - 1, 0) == BODY_TOO_LONG);
		CHECK(try(packed, packed_len - 1, n, true, len, 0) == BODY_BAD_GZIP);
		CHECK(try(data, len, n, true, len, 0) == BODY_BAD_GZIP);
		CHECK(try(twice, 2 * packed_len, n, true, 2 * len, 2 * len) == BODY_GOOD);
	}
	CHECK(try("", 0, 1, false, 1, 0) == BODY_GOOD);
	CHECK(try("", 0, 1, true, 1, 0) == BODY_BAD_GZIP);
	memory.most = 50000;
	CHECK(try(data, len, 4096, false, len, 0) == BODY_NO_MEMORY);
	CHECK(try(packed, packed_len, 4096, true, len, 0) == BODY_NO_MEMORY);
	free(data);
	free(packed);
	free(twice);
}

static const struct {
	const char *body;
	size_t records, bad, first_bad;
	bool single;
} rows[] = {
    {"", 0, 0, 0, false},
    {"\n \r\n", 0, 0, 0, false},
    {"{}", 1, 0, 0, true},
    {"{\n\"a\":1\n}\n", 1, 0, 0, true},
    {"[1,2]", 1, 0, 0, true},
    {"{}\n{}", 2, 0, 0, false},
    {"{}\r\n\n{}\n", 2, 0, 0, false},
    {"{}\nx\n{}\n{", 4, 2, 2, false},
    {"x", 1, 1, 1, false},
    {"\"\xff\"", 1, 1, 1, false},
    {MARK, 1, 1, 1, false},
    {"{}\n" MARK "\n{}\n", 3, 1, 2, false},
};

static void
check_lines(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t len = strlen(rows[i].body), at = 0, n = 0;
		struct json_slice record;
		struct lines l;

		lines_check(rows[i].body, len, &l);
		CHECK(l.records == rows[i].records, "%zu: %zu", i, l.records);
		CHECK(l.single == rows[i].single, "%zu", i);
		CHECK(l.bad == rows[i].bad, "%zu: %zu", i, l.bad);
		CHECK(l.bad == 0 || (l.shown[0] == rows[i].first_bad && l.why != NULL), "%zu", i);
		while (lines_next(&l, rows[i].body, len, &at, &record)) {
			CHECK(record.len > 0);
			n++;
		}
		CHECK(n == rows[i].records, "%zu: %zu", i, n);
	}
}

static void
check_many_bad(void)
{
	char body[200];
	struct lines l;

	for (size_t i = 0; i < sizeof(body); i += 2)
		memcpy(body + i, "x\n", 2);
	lines_check(body, sizeof(body), &l);
	CHECK(l.bad == 100 && l.records == 100);
	CHECK(l.shown[LINES_SHOWN - 1] == LINES_SHOWN);
}

int
main(void)
{
	check_bodies();
	check_lines();
	check_many_bad();
	return t_end();
}
