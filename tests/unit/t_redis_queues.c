/* What from-redis and to-redis have outstanding. */

#include "redis/expected.h"
#include "redis/flight.h"
#include "redis/pending.h"
#include "t.h"

#include <string.h>

#define MANY 5000 /* more than there is room for at first */

static void
test_pending(void)
{
	struct pending p = {0};

	CHECK(!pending_finish(&p, 0) && !pending_finish(&p, 1));
	for (uint64_t i = 1; i <= MANY; i++)
		CHECK(pending_give(&p, (struct entry_id){i, i * 2}, (int64_t)i) == 0);
	CHECK(pending_count(&p) == MANY);
	CHECK(pending_at(&p, 1)->id.ms == 1 && pending_at(&p, MANY)->id.seq == 2 * MANY);

	/* A token stands for all before it; an older one changes nothing. */
	CHECK(pending_finish(&p, 30) && p.finished == 30);
	CHECK(pending_finish(&p, 20) && p.finished == 30);
	CHECK(!pending_finish(&p, MANY + 1) && p.finished == 30);

	/* What is sent counts as ours until the reply is there. */
	pending_send(&p, 20);
	pending_confirm(&p, 15);
	CHECK(p.sent == 20 && pending_count(&p) == MANY - 15);

	/* After a loss it is sent again. */
	pending_lose(&p);
	CHECK(p.sent == 15 && p.finished == 30 && pending_at(&p, 16)->id.ms == 16);
	pending_free(&p);
}

static void
test_pending_ring(void)
{
	struct pending p = {0};

	for (uint64_t i = 1; i <= 3 * MANY; i++) {
		CHECK(pending_give(&p, (struct entry_id){i, 0}, 0) == 0);
		if (i % 3 == 0) {
			pending_finish(&p, i / 3);
			pending_send(&p, 1);
			pending_confirm(&p, 1);
		}
	}
	CHECK(pending_count(&p) == 2 * MANY);
	for (uint64_t n = p.acked + 1; n <= p.given; n++)
		CHECK(pending_at(&p, n)->id.ms == n);
	pending_free(&p);
}

static const struct {
	const char *text;
	bool fine;
	uint64_t ms, seq;
} ids[] = {
    {"0-0", true, 0, 0},
    {"1700000000000-17", true, 1700000000000, 17},
    {"18446744073709551615-1", true, UINT64_MAX, 1},
    {"18446744073709551616-1", false, 0, 0},
    {"1", false, 0, 0},
    {"1-", false, 0, 0},
    {"-1-1", false, 0, 0},
    {"1-1x", false, 0, 0},
    {"", false, 0, 0},
    {"$", false, 0, 0},
};

static void
test_ids(void)
{
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char text[ENTRY_ID_SIZE];
		struct entry_id id;

		CHECK(entry_id_read(&id, ids[i].text) == ids[i].fine, "%s", ids[i].text);
		if (!ids[i].fine)
			continue;
		CHECK(id.ms == ids[i].ms && id.seq == ids[i].seq, "%s", ids[i].text);
		entry_id_write(id, text);
		CHECK(strcmp(text, ids[i].text) == 0, "%s", text);
	}
}

static void
test_flight(void)
{
	struct flight f = {0};
	struct taker_record r = {0};

	CHECK(flight_unsent(&f, 0) == NULL && !flight_reply(&f, &r));
	for (uint64_t i = 0; i < MANY; i++) {
		r.n = i;
		CHECK(flight_add(&f, &r) == 0);
	}
	CHECK(flight_unsent(&f, 0)->n == 0 && flight_unsent(&f, MANY - 1)->n == MANY - 1);
	CHECK(flight_unsent(&f, MANY) == NULL);

	/* Replies are for what was sent, in that order. */
	CHECK(!flight_reply(&f, &r));
	flight_send(&f, 3);
	CHECK(flight_unsent(&f, 0)->n == 3);
	CHECK(flight_reply(&f, &r) && r.n == 0);

	/* After a loss, all without a reply are sent again. */
	flight_lose(&f);
	CHECK(flight_unsent(&f, 0)->n == 1 && !flight_reply(&f, &r));
	flight_send(&f, MANY - 1);
	CHECK(flight_unsent(&f, 0) == NULL);
	for (uint64_t i = 1; i < MANY; i++)
		CHECK(flight_reply(&f, &r) && r.n == i);
	CHECK(!flight_reply(&f, &r));
	flight_free(&f);
}

static void
test_expected(void)
{
	struct expected e = {0};
	struct expected_reply r;

	CHECK(!expected_take(&e, &r) && expected_count(&e) == 0);
	for (int i = 0; i < MANY; i++) {
		CHECK(expected_add(&e, i, (uint64_t)i * 3) == 0);
		if (i % 2 == 1)
			CHECK(expected_take(&e, &r) && r.what == i / 2 &&
			    r.n == (uint64_t)(i / 2) * 3);
	}
	CHECK(expected_count(&e) == MANY / 2);
	expected_forget(&e);
	CHECK(!expected_take(&e, &r) && expected_count(&e) == 0);
	CHECK(expected_add(&e, 7, 0) == 0 && expected_take(&e, &r) && r.what == 7);
	expected_free(&e);
}

int
main(void)
{
	test_pending();
	test_pending_ring();
	test_ids();
	test_flight();
	test_expected();
	return t_end();
}
