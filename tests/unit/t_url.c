#include "engine/url.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "t.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
	const char *text;
	size_t scheme; /* its length; 0: it is no URL */
} schemes[] = {
    {"a://", 1},
    {"kafka://", 5},
    {"kafka://b/t", 5},
    {"http-server://:80/", 11},
    {"a1+.-://x", 5},
    {"", 0},
    {"a", 0},
    {"a:", 0},
    {"a:/", 0},
    {"a:/x", 0},
    {"a//x", 0},
    {"://x", 0},
    {"/a://x", 0},
    {"./x://y", 0},
    {"../x://y", 0},
    {".x://y", 0},
    {"-a://x", 0},
    {"+a://x", 0},
    {"1://x", 0},
    {"1a://x", 0},
    {"A://x", 0},
    {"aB://x", 0},
    {"Kafka://b/t", 0},
    {"a_b://x", 0},
    {"a b://x", 0},
    {" a://x", 0},
    {"a%41://x", 0},
    {"\xc3\xa9://x", 0},
    {"-", 0},
};

static void
test_passwords(void)
{
	static const char *const with[] = {"a://u:p@h", "a://:@h/x?y=:", "a://h:x:y?b=1&Password=x",
	    "a://h?password", "a://%?sasl.password=x"},
				 *const without[] = {"a://u@h:1/x:y@z",
				     "a://h/p?table=password&b=password", "a://[::1]:80", "",
				     "u:p@h", "a://h/password", "a://"};

	for (size_t i = 0; i < sizeof(with) / sizeof(*with); i++)
		CHECK(url_has_password(with[i]), "%s", with[i]);
	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++)
		CHECK(!url_has_password(without[i]), "%s", without[i]);
}

static void
test_schemes(void)
{
	for (size_t i = 0; i < LEN(schemes); i++) {
		CHECK(url_scheme(schemes[i].text) == schemes[i].scheme, "%s", schemes[i].text);
		CHECK(url_is(schemes[i].text) == (schemes[i].scheme > 0), "%s", schemes[i].text);
	}
}

/*
 * A URL, and its parts: scheme|user|HOST port,...|path|NAME=VALUE&...
 */
static const struct {
	const char *text, *parts;
} urls[] = {
    {"a://", "a||||"},
    {"a:///", "a||||"},
    {"a:///p", "a|||p|"},
    {"a:////p", "a|||/p|"},
    {"a://?o=v", "a||||o=v"},
    {"a://h", "a||h ||"},
    {"a://h/", "a||h ||"},
    {"a://h?o", "a||h ||o="},
    {"a://h:1/p/q?o=v", "a||h 1|p/q|o=v"},
    {"a://h:0", "a||h 0||"},
    {"a://h:65535", "a||h 65535||"},
    {"a://h:09092", "a||h 09092||"},
    {"a://h,i:2,j/p", "a||h ,i 2,j |p|"},
    {"a://[::1]", "a||::1 ||"},
    {"a://[::1]:80/p", "a||::1 80|p|"},
    {"a://[fe80::1%25eth0]:1,[::2],h:3", "a||fe80::1%eth0 1,::2 ,h 3||"},
    {"a://u@h", "a|u|h ||"},
    {"a://u@/p", "a|u||p|"},
    {"a://@h", "a||h ||"},
    {"a://u%40x@h:1,i", "a|u@x|h 1,i ||"},
    {"a://u@x@h", "a|u@x|h ||"},
    {"a://u@[::1]:5", "a|u|::1 5||"},
    {"a://%41%5a%5A/%2f%3F%23", "a||AZZ |/?#|"},
    {"a://h/caf%C3%A9", "a||h |caf\xc3\xa9|"},
    {"a://h/%01%7f%ff", "a||h |\x01\x7f\xff|"},
    {"a://h/a%25b%2525", "a||h |a%b%25|"},
    {"a://h/a+b", "a||h |a+b|"},
    {"a://h/u@p:1,2", "a||h |u@p:1,2|"},
    {"a://h?", "a||h ||"},
    {"a://h?&&", "a||h ||"},
    {"a://h?o=v&&p=w&", "a||h ||o=v&p=w"},
    {"a://h?o=&p", "a||h ||o=&p="},
    {"a://h?o=a=b", "a||h ||o=a=b"},
    {"a://h?o=a?b/c@d:e,f", "a||h ||o=a?b/c@d:e,f"},
    {"a://h?o%3D=%26", "a||h ||o==&"},
    {"a://h?o=v&o=w", "a||h ||o=v&o=w"},
};

static void
print_parts(const struct url *u, char *text, size_t size)
{
	FILE *f = fmemopen(text, size, "w");

	fprintf(f, "%s|%s|", u->scheme, u->user);
	for (size_t i = 0; i < u->n_hosts; i++)
		fprintf(f, "%s%s %s", i > 0 ? "," : "", u->host[i].name, u->host[i].port);
	fprintf(f, "|%s|", u->path);
	for (size_t i = 0; i < u->n_options; i++)
		fprintf(f, "%s%s=%s", i > 0 ? "&" : "", u->option[i].name, u->option[i].value);
	fclose(f);
}

static void
test_parts(void)
{
	for (size_t i = 0; i < LEN(urls); i++) {
		char why[URL_WHY_SIZE] = "", parts[200] = "";
		struct url u;

		if (CHECK(url_parse(&u, urls[i].text, why) == 0, "%s: %s", urls[i].text, why))
			continue;
		print_parts(&u, parts, sizeof(parts));
		CHECK(strcmp(parts, urls[i].parts) == 0, "%s: %s", urls[i].text, parts);
		url_free(&u);
	}
}

/* What is refused, and what the message names. */
static const struct {
	const char *text, *why;
} refused[] = {
    {"", "SCHEME://"},
    {"x", "SCHEME://"},
    {"A://x", "SCHEME://"},
    {"./x://y", "SCHEME://"},
    {"a://h:", "port : a number from 0 to 65535"},
    {"a://h:x", "port x: a number from 0 to 65535"},
    {"a://h:65536", "port 65536: a number"},
    {"a://h:99999", "port 99999: a number"},
    {"a://h:-1", "port -1: a number"},
    {"a://h:+1", "port +1: a number"},
    {"a://h: 1", "port  1: a number"},
    {"a://h:1 ", "port 1 : a number"},
    {"a://h:1.5", "port 1.5: a number"},
    {"a://h:0x50", "port 0x50: a number"},
    {"a://h:%38", "port %38: a number"},
    {"a://h:18446744073709551617", "port 18446744073709551617: a number"},
    {"a://h:00000000000000000080", "port 00000000000000000080: a number"},
    {"a://h:1:2", "port 1:2: a number"},
    {"a://::1", "host"},
    {"a://fe80::1", "port :1: a number"},
    {"a://:80", "the host is missing"},
    {"a://,h", "the host is missing"},
    {"a://h,,i", "the host is missing"},
    {"a://h,:1", "the host is missing"},
    {"a://h,", "behind the last comma"},
    {"a://h:1,/p", "behind the last comma"},
    {"a://[]", "the host is missing"},
    {"a://[]:1", "the host is missing"},
    {"a://[::1", "[::1: its ] is missing"},
    {"a://[::1:80,h", "[::1:80: its ] is missing"},
    {"a://[::1]80", "a : is missing between ] and 80"},
    {"a://[::1]80:1", "a : is missing between ] and 80:1"},
    {"a://u:p@h", "a password"},
    {"a://:p@h", "a password"},
    {"a://u:@h", "a password"},
    {"a://u:p@x@h", "a password"},
    {"a://u:@", "a password"},
    {"a://h?password=x", "a password"},
    {"a://h?password", "a password"},
    {"a://h?sasl.Password=x", "a password"},
    {"a://h?o=v&pass%77ord=x", "a password"},
    {"a://%@h", "user: % is no byte: a % is written as %25"},
    {"a://%zz@h", "user: %zz is no byte"},
    {"a://%", "host: %"},
    {"a://%4", "host: %"},
    {"a://%4g", "host: %4g is no byte"},
    {"a://%g4", "host: %g4 is no byte"},
    {"a://%00", "host: %00 is no byte"},
    {"a://h/%", "path: %"},
    {"a://h/x%4", "path: %"},
    {"a://h/x%4?1=2", "path: %"},
    {"a://h/x%-1", "path: %-1 is no byte"},
    {"a://h/x% 1", "path: % 1 is no byte"},
    {"a://h/a%00b", "path: %00 is no byte"},
    {"a://h?%=v", "option: % is no byte"},
    {"a://h?o%00=v", "option: %00 is no byte"},
    {"a://h?o=%4&1=2", "o: %"},
    {"a://h?o=%00", "o: %00 is no byte"},
    {"a://h?=v", "an option has no name: '=v'"},
    {"a://h?o=v&=", "an option has no name: '='"},
    {"a://#", "a # is written as %23"},
    {"a://h#f", "a # is written as %23"},
    {"a://h/p#f", "a # is written as %23"},
    {"a://h/p?o=v#f", "a # is written as %23"},
    {"a://h/p#?o=v", "a # is written as %23"},
};

static void
test_refused(void)
{
	static const struct url none;

	for (size_t i = 0; i < LEN(refused); i++) {
		char why[URL_WHY_SIZE] = "";
		struct url u;

		memset(&u, 0xaa, sizeof(u));
		CHECK(url_parse(&u, refused[i].text, why) == -1, "%s", refused[i].text);
		CHECK(strstr(why, refused[i].why) != NULL, "%s: %s", refused[i].text, why);
		CHECK(memcmp(&u, &none, sizeof(u)) == 0, "%s: all is freed", refused[i].text);
		url_free(&u);
	}
}

/* What the rules of a scheme read. */
static struct {
	char *topic;
	bool tls;
	int64_t count, wait;
	uint64_t size;
} got;

static const struct url_rule rules[] = {
    {"topic", URL_TEXT, &got.topic, 0, 0},
    {"tls", URL_FLAG, &got.tls, 0, 0},
    {"count", URL_NUMBER, &got.count, -1, 1000},
    {"timeout", URL_DURATION, &got.wait, 0, 0},
    {"size", URL_SIZE, &got.size, 0, 0},
    {0},
};

/* The options, and what they become, or what the message says. */
static const struct {
	const char *options;
	const char *want, *why; /* one of them */
} options[] = {
    {"", "- 0 7 7 7", NULL},
    {"topic=t", "t 0 7 7 7", NULL},
    {"topic=%20", "  0 7 7 7", NULL},
    {"topic=", NULL, "option topic=: must be a text"},
    {"topic", NULL, "option topic=: must be a text"},
    {"tls", "- 1 7 7 7", NULL},
    {"tls=", "- 1 7 7 7", NULL},
    {"tls=1", "- 1 7 7 7", NULL},
    {"tls=true", "- 1 7 7 7", NULL},
    {"tls=yes", "- 1 7 7 7", NULL},
    {"tls=0", "- 0 7 7 7", NULL},
    {"tls=false", "- 0 7 7 7", NULL},
    {"tls=no", "- 0 7 7 7", NULL},
    {"tls=2", NULL, "option tls=2: must be 1 or 0"},
    {"tls=on", NULL, "option tls=on: must be 1 or 0"},
    {"tls=True", NULL, "option tls=True: must be 1 or 0"},
    {"tls=%20", NULL, "option tls= : must be 1 or 0"},
    {"count=-1", "- 0 -1 7 7", NULL},
    {"count=0", "- 0 0 7 7", NULL},
    {"count=1000", "- 0 1000 7 7", NULL},
    {"count=-2", NULL, "option count=-2: must be"},
    {"count=1001", NULL, "option count=1001: must be"},
    {"count=", NULL, "option count=: must be"},
    {"count=x", NULL, "option count=x: must be"},
    {"count=1x", NULL, "option count=1x: must be"},
    {"timeout=0", "- 0 7 0 7", NULL},
    {"timeout=250ms", "- 0 7 250000000 7", NULL},
    {"timeout=1m30s", "- 0 7 90000000000 7", NULL},
    {"timeout=5", NULL, "option timeout=5: must be a duration"},
    {"timeout=", NULL, "option timeout=: must be a duration"},
    {"timeout=-1s", NULL, "option timeout=-1s: must be a duration"},
    {"size=1", "- 0 7 7 1", NULL},
    {"size=64K", "- 0 7 7 65536", NULL},
    {"size=0", NULL, "option size=0: must be"},
    {"size=x", NULL, "option size=x: must be"},
    {"topic=a&tls&count=3&timeout=1ns&size=2", "a 1 3 1 2", NULL},
    {"tls=0&topic=a&tls=0", NULL, "option tls is there twice"},
    {"topic=a&topic=b", NULL, "option topic is there twice"},
    {"tiemout=1s", NULL, "a:// has no option 'tiemout'; 'timeout'?"},
    {"sizes=1", NULL, "a:// has no option 'sizes'; 'size'?"},
    {"Topic=1", NULL, "a:// has no option 'Topic'; 'topic'?"},
    {"x=1", NULL, "a:// has no option 'x': topic, tls, count, timeout, size"},
    {"tls&x&x", NULL, "a:// has no option 'x': topic"},
};

static void
test_options(void)
{
	for (size_t i = 0; i < LEN(options); i++) {
		char text[100], why[URL_WHY_SIZE] = "", have[100];
		struct url u;
		int ret;

		got.topic = NULL;
		got.tls = false;
		got.count = got.wait = 7;
		got.size = 7;
		snprintf(text, sizeof(text), "a://h?%s", options[i].options);
		CHECK(url_parse(&u, text, why) == 0, "%s: %s", text, why);
		ret = url_options(&u, rules, why);
		CHECK((ret == 0) == (options[i].want != NULL), "%s: %s", text, why);
		if (ret == -1)
			CHECK(options[i].why != NULL && strstr(why, options[i].why) == why,
			    "%s: %s", text, why);
		else {
			snprintf(have, sizeof(have), "%s %d %jd %jd %ju",
			    got.topic != NULL ? got.topic : "-", got.tls, (intmax_t)got.count,
			    (intmax_t)got.wait, (uintmax_t)got.size);
			CHECK(strcmp(have, options[i].want) == 0, "%s: %s", text, have);
		}
		url_free(&u);
	}
}

static void
test_no_rules(void)
{
	static const struct url_rule none[] = {{0}};
	char why[URL_WHY_SIZE];
	struct url u;

	CHECK(url_parse(&u, "a://h", why) == 0);
	CHECK(url_options(&u, none, why) == 0);
	url_free(&u);
	CHECK(url_parse(&u, "a://h?x", why) == 0);
	CHECK(url_options(&u, none, why) == -1);
	CHECK(strcmp(why, "a:// has no option 'x'") == 0, "%s", why);
	url_free(&u);
	url_free(&u);
}

/* A part of the URL that is very long: %s. */
static const struct {
	const char *fmt;
	bool parses;
	const char *why; /* how the message begins */
} long_parts[] = {
    {"%s", false, "a URL begins with"},
    {"%s://h", true, ""},
    {"%s://h?x", true, "xxxxx"},
    {"%s://h?topics=1", true, "xxxxx"},
    {"a://%s", true, ""},
    {"a://%s@h", true, ""},
    {"a://h/%s", true, ""},
    {"a://h?%s", true, "a:// has no option 'xxxxx"},
    {"a://h?topic=%s", true, ""},
    {"a://h?tls=%s", true, "option tls=xxxxx"},
    {"a://h?count=%s", true, "option count=xxxxx"},
    {"a://h?timeout=%s", true, "option timeout=xxxxx"},
    {"a://h?size=%s", true, "option size=xxxxx"},
    {"a://h:%s", false, "port xxxxx"},
    {"a://[%s", false, "host [xxxxx"},
    {"a://h?%s=%%", false, "xxxxx"},
    {"a://h?=%s", false, "an option has no name: '=xxxxx"},
};

static void
test_long(size_t len)
{
	char *x = malloc(len + 1), *text;

	memset(x, 'x', len);
	x[len] = '\0';
	for (size_t i = 0; i < LEN(long_parts); i++) {
		struct {
			char why[URL_WHY_SIZE], behind[64];
		} m;
		struct url u;
		int ret;

		memset(&m, 0x55, sizeof(m));
		m.why[0] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		CHECK(asprintf(&text, long_parts[i].fmt, x) != -1);
#pragma GCC diagnostic pop
		ret = url_parse(&u, text, m.why);
		CHECK((ret == 0) == long_parts[i].parses, "%s", long_parts[i].fmt);
		if (ret == 0)
			ret = url_options(&u, rules, m.why);
		CHECK((ret == 0) == (*long_parts[i].why == '\0'), "%s", long_parts[i].fmt);
		CHECK(memchr(m.why, '\0', sizeof(m.why)) != NULL, "%s", long_parts[i].fmt);
		CHECK(strncmp(m.why, long_parts[i].why, strlen(long_parts[i].why)) == 0, "%s: %s",
		    long_parts[i].fmt, m.why);
		for (size_t j = 0; j < sizeof(m.behind); j++)
			CHECK(m.behind[j] == 0x55, "%s: byte %zu", long_parts[i].fmt, j);
		url_free(&u);
		free(text);
	}
	free(x);
}

/* What people are shown, in 40 bytes. */
static const struct {
	const char *text, *shown;
} shown[] = {
    {"kafka://127.0.0.1:9092/orders", "kafka 127.0.0.1:9092/orders"},
    {"kafka://127.0.0.1:9092/orders?group=g", "kafka 127.0.0.1:9092/orders"},
    {"kafka://a:1,b:2,c/orders", "kafka a:1/orders"},
    {"redis://me@h/s?table=x", "redis h/s"},
    {"x://me:secret@h:1/p", "x h:1/p"},
    {"x://me:sec/ret@h:1/p", "x me:sec/ret@h:1/p"},
    {"redis:///jobs?socket=/run/r.sock", "redis /jobs"},
    {"postgres:///app?key=.id&table=results&create=1", "postgres /app results"},
    {"postgresql://u@db,db2/app?table=s.t", "postgresql db/app s.t"},
    {"postgres://db/app?tables=x&atable=y", "postgres db/app"},
    {"postgres://db/app?&&table=", "postgres db/app "},
    {"https://h/hook?token=secret&table=secret#batch=5", "https h/hook"},
    {"https://h#batch=5", "https h"},
    {"http-server://[::1]:8080/events", "http-server [::1]:8080/events"},
    {"x://", "x "},
    {"x://h", "x h"},
    {"x://h/", "x h/"},
    {"x://h?a@b", "x h"},
    /* The host gives way, then the path. */
    {"kafka://broker-1.eu-west.example.com:9092/orders", "kafka broker-1.eu-west.exampl.../orders"},
    {"x://h.example/a-path-that-takes-all-the-room-there-is",
	"x /a-path-that-takes-all-the-room-th..."},
    {"a-scheme-that-is-much-longer-than-the-room-there-is://h/p",
	"a-scheme-that-is-much-longer-than-th..."},
};

static void
test_shown(void)
{
	char text[40];

	for (size_t i = 0; i < LEN(shown); i++) {
		url_show(shown[i].text, text, sizeof(text));
		CHECK(strncmp(text, shown[i].shown, sizeof(text)) == 0, "%s: %s", shown[i].text,
		    text);
	}
	for (size_t size = 1; size <= sizeof(text); size++) {
		url_show("postgres://db.example:5432/app?table=caf\xc3\xa9s", text, size);
		CHECK(strlen(text) < size, "%zu: %s", size, text);
	}
}

int
main(void)
{
	test_schemes();
	test_shown();
	test_parts();
	test_refused();
	test_passwords();
	test_options();
	test_no_rules();
	for (size_t len = 200; len < 300; len++)
		test_long(len);
	test_long(100000);
	return t_end();
}
