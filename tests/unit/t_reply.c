#include "base/retryafter.h"
#include "pmetrics/reply.h"

#include <string.h>

#include "pmetrics/post.h"
#include "t.h"

/* 2025-11-26T12:00:00Z */
#define NOW INT64_C(1764158400)
#define S INT64_C(1000000000)

static const struct {
	long status;
	const char *error, *after, *body;
	enum reply_kind kind;
	uint64_t rejected;
	int64_t wait;
	const char *text;
} table[] = {
    {200, "", "", "{}", REPLY_TAKEN, 0, -1, ""},
    {200, "", "", "", REPLY_TAKEN, 0, -1, ""},
    {202, "", "9", "{\"ok\":1}", REPLY_TAKEN, 0, -1, ""},
    {200, "", "", "<html>", REPLY_TAKEN, 0, -1, ""},
    {200, "", "", "[1]", REPLY_TAKEN, 0, -1, ""},
    {200, "", "", "{\"partialSuccess\":{}}", REPLY_TAKEN, 0, -1, ""},
    {200, "", "", "{\"partialSuccess\":7}", REPLY_TAKEN, 0, -1, ""},
    {200, "", "", "{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"bad\"}}",
	REPLY_TAKEN, 3, -1, "bad"},
    {200, "", "", "{\"partialSuccess\":{\"rejectedDataPoints\":4}}", REPLY_TAKEN, 4, -1, ""},
    {200, "", "", "{\"partialSuccess\":{\"rejectedSpans\":-3,\"errorMessage\":\"a\\nb\"}}",
	REPLY_TAKEN, 0, -1, "a?b"},
    {200, "", "", "{\"partialSuccess\":{\"rejectedSpans\":\"many\",\"errorMessage\":1}}",
	REPLY_TAKEN, 0, -1, ""},
    {0, "Connection refused", "", "", REPLY_AGAIN, 0, -1, "Connection refused"},
    {400, "", "5", "{\"code\":3,\"message\":\"no traces\"}", REPLY_REJECTED, 0, -1,
	"400 Bad Request: no traces"},
    {404, "", "", "404 page not found\n", REPLY_REJECTED, 0, -1,
	"404 Not Found: 404 page not found"},
    {405, "", "", "<html>a page</html>", REPLY_REJECTED, 0, -1, "405 Method Not Allowed"},
    {500, "", "", "", REPLY_REJECTED, 0, -1, "500 Internal Server Error"},
    {301, "", "", "", REPLY_REJECTED, 0, -1, "301"},
    {418, "", "", "tea\x1b[2J", REPLY_REJECTED, 0, -1, "418: tea?[2J"},
    {429, "", "", "", REPLY_AGAIN, 0, -1, "429 Too Many Requests"},
    {429, "", "0", "", REPLY_AGAIN, 0, 0, "429 Too Many Requests"},
    {502, "", "7", "", REPLY_AGAIN, 0, 7 * S, "502 Bad Gateway"},
    {503, "", "120", "", REPLY_AGAIN, 0, 120 * S, "503 Service Unavailable"},
    {504, "", "99999999999999999999", "", REPLY_AGAIN, 0, RETRYAFTER_MOST, "504 Gateway Timeout"},
    {503, "", "Wed, 26 Nov 2025 12:00:30 GMT", "", REPLY_AGAIN, 0, 30 * S,
	"503 Service Unavailable"},
    {503, "", "Wed, 26 Nov 2025 11:00:00 GMT", "", REPLY_AGAIN, 0, 0, "503 Service Unavailable"},
    {503, "", "Wed, 26 Nov 2025 12:00:30 GMT!", "", REPLY_AGAIN, 0, -1, "503 Service Unavailable"},
    {503, "", "-5", "", REPLY_AGAIN, 0, -1, "503 Service Unavailable"},
    {503, "", "5s", "", REPLY_AGAIN, 0, -1, "503 Service Unavailable"},
    {503, "", "soon", "", REPLY_AGAIN, 0, -1, "503 Service Unavailable"},
};

static struct post_answer
make(long status, const char *error, const char *after, const char *body)
{
	static char bytes[POST_BODY + 1];
	struct post_answer a = {.status = status, .body = bytes, .len = strlen(body)};

	strcpy(bytes, body);
	strcpy(a.error, error);
	strcpy(a.retry_after, after);
	return a;
}

int
main(void)
{
	char longer[POST_BODY + 1] = "";
	struct post_answer a;
	struct reply r;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		a = make(table[i].status, table[i].error, table[i].after, table[i].body);
		reply_judge(&a, NOW, &r);
		CHECK(r.kind == table[i].kind && r.rejected == table[i].rejected &&
			r.after == table[i].wait,
		    "%zu: %d %d %lld", i, (int)r.kind, (int)r.rejected, (long long)r.after);
		CHECK(strcmp(r.text, table[i].text) == 0, "%zu: %s", i, r.text);
	}
	/* A long message is cut, between two characters. */
	for (size_t n = 0; n + 2 < sizeof(longer); n += 2)
		memcpy(longer + n, "\xc3\xbc", 2);
	a = make(400, "", "", longer);
	reply_judge(&a, NOW, &r);
	CHECK(strlen(r.text) == strlen("400 Bad Request: ") + 200 + 3 &&
		strcmp(r.text + strlen(r.text) - 5, "\xc3\xbc...") == 0,
	    "%zu %s", strlen(r.text), r.text);
	return t_end();
}
