#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/site.h"
#include "http/target.h"
#include "t.h"

/* URLs that are wrong, and what is said of them. */
static const char *const wrong_targets[][2] = {
    {"ftp://h/", "the scheme"},
    {"httpx://h/", "the scheme"},
    {"http:///path", "the host"},
    {"http://h:99999/", "Port number"},
    {"http://h h/", "hostname"},
    {"http://u@h/", "user and password"},
    {"http://u:secret@h/", "user and password"},
    {"http://:secret@h/", "user and password"},
    {"http://h/#bach=3", "'batch'?"},
    {"http://h/#batch=0", "option batch=0"},
    {"http://h/#batch-bytes=0", "option batch-bytes"},
    {"http://h/#parallel=257", "option parallel"},
    {"http://h/#batch=1&batch=2", "twice"},
    {"http://h/#timeout=5", "option timeout"},
    {"http://h/#timeout=0", "option timeout"},
    {"http://h/#method=GET", "option method"},
    {"http://h/#id=x", "option id"},
    {"http://h/#id=.x&batch=2", "Idempotency-Key"},
    {"http://h/#cacert=f", "only https://"},
    {"https://h/#key=f", "cert="},
    {"http://h/#header-file=", "option header-file"},
    {"http://h/#gzip=2", "option gzip"},
};

static void
check_targets(void)
{
	struct target t;
	char why[URL_WHY_SIZE];

	for (size_t i = 0; i < sizeof(wrong_targets) / sizeof(*wrong_targets); i++) {
		CHECK(target_read(&t, wrong_targets[i][0], why) == -1, "%zu", i);
		CHECK(strstr(why, wrong_targets[i][1]) != NULL, "%zu: %s", i, why);
		CHECK(strstr(why, "secret") == NULL, "%s", why);
	}
	CHECK(target_read(&t, "http://h:80/a%20b?batch=x&key=secret", why) == 0);
	CHECK(strcmp(t.url, "http://h:80/a%20b?batch=x&key=secret") == 0, "%s", t.url);
	CHECK(strcmp(t.shown, "http://h:80/a%20b") == 0, "%s", t.shown);
	CHECK(t.batch == 1 && t.parallel == 8 && t.timeout == 30 * CLOCK_S && !t.gzip && !t.tls);
	CHECK(strcmp(t.method, "POST") == 0 && t.header_file == NULL && t.id == NULL);
	target_free(&t);
	CHECK(target_read(&t,
		  "https://[::1]:8443/p#batch=50&batch-bytes=2K&parallel=3&timeout=1m30s&gzip&"
		  "method=PUT&header-file=/a%26b&cacert=c&cert=d&key=e",
		  why) == 0);
	CHECK(strcmp(t.url, "https://[::1]:8443/p") == 0, "%s", t.url);
	CHECK(t.batch == 50 && t.batch_bytes == 2048 && t.parallel == 3);
	CHECK(t.timeout == 90 * CLOCK_S && t.gzip && t.tls);
	CHECK(strcmp(t.method, "PUT") == 0 && strcmp(t.header_file, "/a&b") == 0);
	CHECK(strcmp(t.cacert, "c") == 0 && strcmp(t.cert, "d") == 0 && strcmp(t.key, "e") == 0);
	target_free(&t);
	CHECK(target_read(&t, "http://h#id=.a.b", why) == 0);
	CHECK(t.id != NULL);
	target_free(&t);
}

static const char *const wrong_sites[][2] = {
    {"http-server://u@h/", "user u"},
    {"http-server://u:secret@h/", "password"},
    {"http-server://a:1,b:2/", "host b"},
    {"http-server://h:x/", "port x"},
    {"http-server://h/?max-bod=1", "'max-body'?"},
    {"http-server://h/?max-body=0", "option max-body"},
    {"http-server://h/?memory=1M", "option memory"},
    {"http-server://h/?connections=0", "option connections"},
    {"http-server://h/?timeout=10ms", "option timeout"},
    {"http-server://h/?token-file=/nowhere/at/all", "token-file /nowhere/at/all"},
    {"http-server://h/?token-file=/dev/null", "at least 16"},
};

static void
check_sites(void)
{
	struct site s;
	char why[URL_WHY_SIZE];

	for (size_t i = 0; i < sizeof(wrong_sites) / sizeof(*wrong_sites); i++) {
		CHECK(site_read(&s, wrong_sites[i][0], why) == -1, "%zu", i);
		CHECK(strstr(why, wrong_sites[i][1]) != NULL, "%zu: %s", i, why);
		CHECK(strstr(why, "secret") == NULL, "%s", why);
	}
	CHECK(site_read(&s, "http-server:///in/here", why) == 0);
	CHECK(strcmp(s.address.host, "127.0.0.1") == 0 && strcmp(s.address.port, "0") == 0);
	CHECK(strcmp(s.path, "/in/here") == 0 && s.token == NULL);
	CHECK(s.max_body == 16 << 20 && s.memory == 64 << 20 && s.connections == 256);
	site_free(&s);
	CHECK(site_read(&s, "http-server://[::1]:80?max-body=1K&memory=1K&timeout=1s", why) == 0);
	CHECK(strcmp(s.address.host, "::1") == 0 && strcmp(s.address.port, "80") == 0);
	CHECK(strcmp(s.path, "/") == 0 && s.max_body == 1024 && s.timeout == CLOCK_S);
	site_free(&s);
}

int
main(void)
{
	check_targets();
	check_sites();
	return t_end();
}
