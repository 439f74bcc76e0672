#include "trace/span.h"

#include <stdlib.h>
#include <string.h>

#include "t.h"

/* A record with two attempts: its events, in order, with what they say. */
static void
test_phases(void)
{
	struct span *s = span_new();

	span_enter(s, PHASE_RATE, 10);
	span_attempt(s, 1, 3, 20);
	span_back_off(s, REASON_TIMEOUT, "no answer within 2s", 30);
	span_attempt(s, 2, 4, 40);
	span_enter(s, PHASE_ORDER, 50);
	span_enter(s, PHASE_OUTPUT, 60);
	CHECK(s->n == 6 && s->dropped == 0, "%zu", s->n);
	for (size_t i = 0; i < s->n; i++)
		CHECK(s->event[i].at == 10 * (int64_t)(i + 1), "%zu", i);
	CHECK(s->event[0].phase == PHASE_RATE && s->event[4].phase == PHASE_ORDER &&
	    s->event[5].phase == PHASE_OUTPUT);
	CHECK(s->event[1].phase == PHASE_ATTEMPT && s->event[1].attempt == 1);
	CHECK(s->event[2].phase == PHASE_BACKOFF && s->event[2].reason == REASON_TIMEOUT &&
	    strcmp(s->event[2].message, "no answer within 2s") == 0);
	CHECK(s->event[3].attempt == 2 && s->event[3].message == NULL);
	CHECK(s->attempts == 2 && s->slot == 4);
	CHECK(s->result == SPAN_OK && s->message == NULL);
	span_free(s);
}

static void
test_failure(void)
{
	struct span *s = span_new();

	span_fail(s, REASON_REJECTED, "no such user");
	CHECK(s->result == SPAN_FAILED && s->reason == REASON_REJECTED);
	CHECK(strcmp(s->message, "no such user") == 0);
	span_fail(s, REASON_CANCELLED, NULL);
	CHECK(s->reason == REASON_CANCELLED && s->message == NULL);
	span_fail(s, REASON_EXIT, "");
	CHECK(s->reason == REASON_EXIT && s->message == NULL, "an empty message is none");
	span_free(s);
	span_free(NULL);
}

/* Events beyond the limit are counted; the attempts go on. */
static void
test_limit(void)
{
	struct span *s = span_new();

	for (uint32_t i = 1; i <= SPAN_EVENTS; i++) {
		span_attempt(s, i, 1, i);
		span_back_off(s, REASON_TIMEOUT, "slow", i);
	}
	CHECK(s->n == SPAN_EVENTS && s->dropped == SPAN_EVENTS, "%zu", s->n);
	CHECK(s->attempts == SPAN_EVENTS);
	CHECK(s->event[SPAN_EVENTS - 1].phase == PHASE_BACKOFF);
	span_free(s);
}

/* A long message is cut behind a whole character. */
static void
test_message(void)
{
	static char text[3 * SPAN_MESSAGE_MAX];
	struct span *s = span_new();
	size_t most = SPAN_MESSAGE_MAX / 3 * 3;

	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	span_fail(s, REASON_EXIT, text);
	span_back_off(s, REASON_EXIT, text, 1);
	CHECK(strlen(s->message) == most && memcmp(s->message, text, most) == 0, "%zu",
	    strlen(s->message));
	CHECK(strcmp(s->message, s->event[0].message) == 0);
	span_free(s);
}

static void
test_names(void)
{
	CHECK(strcmp(span_phase_name(PHASE_RATE), "rate") == 0);
	CHECK(strcmp(span_phase_name(PHASE_ATTEMPT), "attempt") == 0);
	CHECK(strcmp(span_phase_name(PHASE_BACKOFF), "back-off") == 0);
	CHECK(strcmp(span_phase_name(PHASE_ORDER), "order") == 0);
	CHECK(strcmp(span_phase_name(PHASE_OUTPUT), "output") == 0);
	CHECK(strcmp(span_result_name(SPAN_OK), "processed") == 0);
	CHECK(strcmp(span_result_name(SPAN_FILTERED), "filtered") == 0);
	CHECK(strcmp(span_result_name(SPAN_FAILED), "failed") == 0);
	CHECK(strcmp(span_result_name(SPAN_UNWRITTEN), "unwritten") == 0);
}

int
main(void)
{
	test_phases();
	test_failure();
	test_limit();
	test_message();
	test_names();
	return t_end();
}
