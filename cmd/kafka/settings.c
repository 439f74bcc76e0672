#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "engine/helper.h"
#include "json/text.h"
#include "conffile.h"

#define PORT "9092"
#define TOPIC_MAX 249 /* bytes of a topic's name: Kafka's rule */
#define WHY_SIZE 512

/* All hosts, with their ports, as librdkafka writes them. */
static char *
join_hosts(const struct url *url)
{
	struct text t = {0};

	for (size_t i = 0; i < url->n_hosts; i++) {
		const struct url_host *h = &url->host[i];
		bool ipv6 = strchr(h->name, ':') != NULL;

		text_raw(&t, i > 0 ? "," : "");
		text_raw(&t, ipv6 ? "[" : "");
		text_raw(&t, h->name);
		text_raw(&t, ipv6 ? "]:" : ":");
		text_raw(&t, *h->port != '\0' ? h->port : PORT);
	}
	text_bytes(&t, "", 1);
	if (t.failed)
		helper_fail("out of memory");
	return t.data;
}

static void
check_topic(const char *name)
{
	size_t len = strlen(name);

	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL)
			helper_fail(
			    "topic '%s': a name has letters, digits, '.', '_' and '-'", name);
	if (len == 0)
		helper_fail("the URL has no topic: kafka://HOST/TOPIC");
	if (len > TOPIC_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		helper_fail("topic '%.100s': it can have no such name", name);
}

static void
split_topics(struct settings *s)
{
	char *rest = s->url.path, *name;

	while ((name = strsep(&rest, ",")) != NULL) {
		check_topic(name);
		for (size_t i = 0; i < s->n_topics; i++)
			if (strcmp(s->topic[i], name) == 0)
				helper_fail("topic '%s' stands twice in the URL", name);
		s->topic = reallocarray(s->topic, s->n_topics + 1, sizeof(char *));
		if (s->topic == NULL)
			helper_fail("out of memory");
		s->topic[s->n_topics++] = name;
	}
}

/* What both directions have. */
static void
read_url(struct settings *s, const char *text, const struct url_rule *rules)
{
	char why[URL_WHY_SIZE];

	if (url_parse(&s->url, text, why) == -1 || url_options(&s->url, rules, why) == -1)
		helper_fail("%s", why);
	if (s->url.n_hosts == 0)
		helper_fail("the URL has no host: kafka://HOST/TOPIC");
	if (*s->url.user != '\0')
		helper_fail("user '%s': set sasl.username in the file of config=", s->url.user);
	s->hosts = join_hosts(&s->url);
	split_topics(s);
}

/* beginning, end, N, or -N: the last N. */
static int64_t
read_offset(const char *text, bool group)
{
	const char *why;
	int64_t n;

	if (strcmp(text, "beginning") == 0)
		return RD_KAFKA_OFFSET_BEGINNING;
	if (strcmp(text, "end") == 0)
		return RD_KAFKA_OFFSET_END;
	if (group)
		helper_fail("option offset=%s: 'beginning' or 'end', with group=", text);
	if (units_number(text, INT64_MIN / 2, INT64_MAX, &n, &why) == -1)
		helper_fail("option offset=%s: 'beginning', 'end', or a number", text);
	return n < 0 ? RD_KAFKA_OFFSET_TAIL(-n) : n;
}

void
settings_read_from(struct settings *s, const char *text)
{
	char beginning[] = "beginning", *offset = beginning;

	*s = (struct settings){0};
	const struct url_rule rules[] = {{.name = "group", .value = &s->group},
	    {.name = "offset", .value = &offset}, {"end", URL_FLAG, &s->end, 0, 0},
	    {.name = "meta", .value = &s->meta}, {.name = "config", .value = &s->config},
	    {.name = "client", .value = &s->client}, {"tls", URL_FLAG, &s->tls, 0, 0}, {0}};

	read_url(s, text, rules);
	s->offset = read_offset(offset, s->group != NULL);
}

void
settings_read_to(struct settings *s, const char *text)
{
	*s = (struct settings){0};
	const struct url_rule rules[] = {{.name = "key", .value = &s->key},
	    {.name = "compression", .value = &s->compression},
	    {.name = "config", .value = &s->config}, {.name = "client", .value = &s->client},
	    {"tls", URL_FLAG, &s->tls, 0, 0}, {0}};

	read_url(s, text, rules);
	if (s->n_topics > 1)
		helper_fail("the URL has %zu topics: records can go to one", s->n_topics);
}

void
settings_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[WHY_SIZE];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		helper_fail("%s", why);
}

bool
settings_is(const rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char has[WHY_SIZE];
	size_t size = sizeof(has);

	return rd_kafka_conf_get(conf, name, has, &size) == RD_KAFKA_CONF_OK &&
	    strcmp(has, value) == 0;
}

/* TLS, with SASL if the file asks for that. */
static void
set_tls(rd_kafka_conf_t *conf)
{
	bool sasl = settings_is(conf, "security.protocol", "sasl_plaintext") ||
	    settings_is(conf, "security.protocol", "sasl_ssl");

	settings_set(conf, "security.protocol", sasl ? "sasl_ssl" : "ssl");
}

rd_kafka_conf_t *
settings_conf(struct settings *s, const char *const *defaults)
{
	rd_kafka_conf_t *conf;

	if (s->conf != NULL)
		return rd_kafka_conf_dup(s->conf);
	conf = s->conf = rd_kafka_conf_new();
	settings_set(conf, "client.id", "pchan");
	for (; *defaults != NULL; defaults += 2)
		settings_set(conf, defaults[0], defaults[1]);
	if (s->config != NULL)
		conffile_read(conf, s->config);
	settings_set(conf, "bootstrap.servers", s->hosts);
	if (s->client != NULL)
		settings_set(conf, "client.id", s->client);
	if (s->tls)
		set_tls(conf);
	return rd_kafka_conf_dup(conf);
}
