#include <string.h>

#include "http/outcome.h"
#include "t.h"

/* 2025-11-26T12:00:00Z */
#define NOW INT64_C(1764158400)
#define S INT64_C(1000000000)

static const struct {
	long status;
	const char *retry_after, *location, *body;
	enum outcome_kind kind;
	int64_t wait;
	const char *text;
} answers[] = {
    {200, "", "", "ok", OUTCOME_TAKEN, -1, "200: ok"},
    {204, "", "", "", OUTCOME_TAKEN, -1, "204"},
    {301, "", "http://b/", "", OUTCOME_REFUSED, -1,
	"301: a redirect, which is not followed, to http://b/"},
    {304, "", "", "", OUTCOME_REFUSED, -1, "304"},
    {400, "", "", " {\"a\":\n1}\r\n", OUTCOME_UNFIT, -1, "400: {\"a\": 1}"},
    {401, "", "", "who?", OUTCOME_REFUSED, -1, "401: who?"},
    {403, "", "", "", OUTCOME_REFUSED, -1, "403"},
    {404, "", "", "<html>", OUTCOME_REFUSED, -1, "404"},
    {405, "", "", "", OUTCOME_REFUSED, -1, "405"},
    {407, "", "", "", OUTCOME_REFUSED, -1, "407"},
    {408, "", "", "", OUTCOME_AGAIN, -1, "408"},
    {409, "", "", "there", OUTCOME_REJECTED, -1, "409: there"},
    {410, "5", "", "", OUTCOME_REJECTED, -1, "410"},
    {413, "", "", "", OUTCOME_UNFIT, -1, "413"},
    {422, "", "", "", OUTCOME_UNFIT, -1, "422"},
    {425, "", "", "", OUTCOME_AGAIN, -1, "425"},
    {429, "5", "", "slow\x1b[1m", OUTCOME_AGAIN, 5 * S, "429: slow?[1m"},
    {429, "Wed, 26 Nov 2025 12:00:07 GMT", "", "", OUTCOME_AGAIN, 7 * S, "429"},
    {503, "soon", "", "", OUTCOME_AGAIN, -1, "503"},
    {500, "", "", "", OUTCOME_AGAIN, -1, "500"},
    {501, "", "", "", OUTCOME_AGAIN, -1, "501"},
    {999, "", "", "", OUTCOME_AGAIN, -1, "999"},
};

static void
check_answers(void)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct outcome_answer a = {.code = CURLE_OK, .status = answers[i].status};
		struct outcome o;

		strcpy(a.retry_after, answers[i].retry_after);
		strcpy(a.location, answers[i].location);
		a.len = strlen(answers[i].body);
		memcpy(a.body, answers[i].body, a.len);
		outcome_judge(&a, NOW, &o);
		CHECK(o.kind == answers[i].kind, "%zu: %d", i, (int)o.kind);
		CHECK(o.wait == answers[i].wait, "%zu: %lld", i, (long long)o.wait);
		CHECK(strcmp(o.text, answers[i].text) == 0, "%zu: %s", i, o.text);
	}
}

static const struct {
	CURLcode code;
	bool connected;
	enum outcome_kind kind;
} ends[] = {
    {CURLE_COULDNT_CONNECT, false, OUTCOME_AWAY},
    {CURLE_COULDNT_RESOLVE_HOST, false, OUTCOME_AWAY},
    {CURLE_SSL_CONNECT_ERROR, false, OUTCOME_AWAY},
    {CURLE_OPERATION_TIMEDOUT, false, OUTCOME_AWAY},
    {CURLE_OPERATION_TIMEDOUT, true, OUTCOME_AGAIN},
    {CURLE_GOT_NOTHING, true, OUTCOME_AGAIN},
    {CURLE_RECV_ERROR, true, OUTCOME_AGAIN},
    {CURLE_PARTIAL_FILE, true, OUTCOME_AGAIN},
    {CURLE_PEER_FAILED_VERIFICATION, false, OUTCOME_REFUSED},
    {CURLE_SSL_CACERT_BADFILE, false, OUTCOME_REFUSED},
};

static void
check_ends(void)
{
	struct outcome o;

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct outcome_answer a = {.code = ends[i].code, .connected = ends[i].connected};

		/* Part of an answer counts for nothing. */
		a.status = 200;
		outcome_judge(&a, NOW, &o);
		CHECK(o.kind == ends[i].kind, "%zu: %d", i, (int)o.kind);
		CHECK(*o.text != '\0');
		strcpy(a.error, "as\x07 told");
		outcome_judge(&a, NOW, &o);
		CHECK(strcmp(o.text, "as? told") == 0, "%s", o.text);
	}
}

static void
check_long_body(void)
{
	struct outcome_answer a = {.code = CURLE_OK, .status = 409, .len = OUTCOME_BODY};
	struct outcome o;

	for (size_t i = 0; i + 1 < OUTCOME_BODY; i += 2)
		memcpy(a.body + i, "\xc3\xa9", 2); /* e with an accent */
	outcome_judge(&a, NOW, &o);
	CHECK(strlen(o.text) == strlen("409: ") + 200 + strlen("..."), "%zu", strlen(o.text));
	CHECK(strchr(o.text, '?') == NULL);
}

int
main(void)
{
	check_answers();
	check_ends();
	check_long_body();
	return t_end();
}
