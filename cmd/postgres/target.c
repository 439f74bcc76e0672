#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/clock.h"
#include "json/json.h"

#define N_OWN 7     /* options that libpq does not know, or not like that */
#define PATIENCE 10 /* seconds for each host, unless connect_timeout says so */

/*
 * A server that vanishes is noticed within a minute; libpq would wait for
 * hours.
 */
static const char *const lively[][2] = {
    {"keepalives_idle", "30"},
    {"keepalives_interval", "10"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "60000"},
};
#define N_LIVELY (sizeof(lively) / sizeof(lively[0]))

/* Parameters of libpq that are not for the URL, or that we read ourselves. */
static const char *const ours[] = {
    "password", "sslpassword", "client_encoding", "replication", "connect_timeout"};

static bool
is_ours(const char *name)
{
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(ours[i], name) == 0)
			return true;
	return false;
}

static int
complain(char *why, const char *text)
{
	snprintf(why, URL_WHY_SIZE, "%s", text);
	return -1;
}

/* The hosts, or their ports, with commas; NULL: none, or no memory. */
static char *
join(const struct url *url, bool ports)
{
	size_t len = 0, n = 0;
	bool any = false;
	char *list;

	for (size_t i = 0; i < url->n_hosts; i++) {
		const char *item = ports ? url->host[i].port : url->host[i].name;

		any |= *item != '\0';
		len += strlen(item) + 1;
	}
	if (!any || (list = malloc(len)) == NULL)
		return NULL;
	for (size_t i = 0; i < url->n_hosts; i++)
		n += (size_t)sprintf(list + n, "%s%s", i > 0 ? "," : "",
		    ports ? url->host[i].port : url->host[i].name);
	return list;
}

static void
set(struct target *t, size_t *n, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	t->names[*n] = name;
	t->values[(*n)++] = value;
}

/* Whether a file of services is to be read. */
static bool
names_service(const struct url_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rules[i].name, "service") == 0 && *(char **)rules[i].value != NULL)
			return true;
	return getenv("PGSERVICE") != NULL;
}

/*
 * Of a parameter that is there twice, libpq takes the last one.  A file of
 * services must not be overruled by what nobody has asked for.
 */
static void
fill(struct target *t, const struct url_rule *rules, size_t n_rules)
{
	bool service = names_service(rules, n_rules);
	size_t n = 0;

	for (size_t i = 0; !service && i < N_LIVELY; i++)
		set(t, &n, lively[i][0], lively[i][1]);
	set(t, &n, "host", t->hosts = join(&t->url, false));
	set(t, &n, "port", t->ports = join(&t->url, true));
	set(t, &n, "user", t->url.user);
	set(t, &n, "dbname", t->url.path);
	for (size_t i = 0; i < n_rules; i++)
		set(t, &n, rules[i].name, *(char **)rules[i].value);
	set(t, &n, "client_encoding", "UTF8");
	set(t, &n, "fallback_application_name", "pchan to-postgres");
}

/* Which options make no sense together. */
static int
check(struct target *t, const char *key, char *why)
{
	const char *error;
	char *dot;

	if (t->table == NULL || *t->table == '\0')
		return complain(why, "table= is missing: the table that takes the records");
	if (t->columns && (t->column != NULL || key != NULL))
		return complain(why,
		    "columns=1 has no column= and no key=: members go to the columns of their "
		    "names, and the primary key, or key-column=, tells what is there already");
	if (t->columns && t->create)
		return complain(why, "create=1 can't know the columns that columns=1 fills");
	if (!t->columns && key == NULL && t->key_column != NULL)
		return complain(why, "key-column= needs key=, the path of its value");
	if (key != NULL && (t->key = json_path_new(key, &error)) == NULL) {
		snprintf(why, URL_WHY_SIZE, "key=%s: %s", key, error);
		return -1;
	}
	if (!t->columns && t->column == NULL)
		t->column = "record";
	if (t->key != NULL && t->key_column == NULL)
		t->key_column = "key";
	if ((dot = strchr(t->table, '.')) != NULL) {
		*dot = '\0';
		t->schema = t->table;
		t->table = dot + 1;
	}
	return 0;
}

static int64_t
patience(const struct url *url, int64_t seconds)
{
	if (seconds <= 0)
		return CLOCK_NEVER;
	return seconds * CLOCK_S * (int64_t)(url->n_hosts > 0 ? url->n_hosts : 1);
}

/*
 * Reads our options by the first rules, and those of libpq by the rules that
 * are added; `texts` takes the latter.
 */
static int
read_options(struct target *t, const PQconninfoOption *libpq, struct url_rule *rules, char **texts,
    char *why)
{
	char *key = NULL;
	int64_t seconds = PATIENCE;
	const struct url_rule own[N_OWN] = {
	    {"table", URL_TEXT, &t->table, 0, 0},
	    {"column", URL_TEXT, &t->column, 0, 0},
	    {"key", URL_TEXT, &key, 0, 0},
	    {"key-column", URL_TEXT, &t->key_column, 0, 0},
	    {"columns", URL_FLAG, &t->columns, 0, 0},
	    {"create", URL_FLAG, &t->create, 0, 0},
	    {"connect_timeout", URL_NUMBER, &seconds, 0, 3600},
	};
	size_t n = N_OWN;

	memcpy(rules, own, sizeof(own));
	for (const PQconninfoOption *o = libpq; o->keyword != NULL; o++) {
		if (strcmp(o->keyword, "connect_timeout") == 0 && o->val != NULL)
			seconds = atoi(o->val); /* of PGCONNECT_TIMEOUT */
		if (!is_ours(o->keyword))
			rules[n++] = (struct url_rule){o->keyword, URL_TEXT, texts++, 0, 0};
	}
	if (url_options(&t->url, rules, why) == -1 || check(t, key, why) == -1)
		return -1;
	fill(t, rules + N_OWN, n - N_OWN);
	t->patience = patience(&t->url, seconds);
	return 0;
}

int
target_read(struct target *t, const char *url, char why[URL_WHY_SIZE])
{
	PQconninfoOption *libpq = PQconndefaults();
	struct url_rule *rules = NULL;
	char **texts = NULL;
	size_t n = 0;
	int status = -1;

	*t = (struct target){0};
	while (libpq != NULL && libpq[n].keyword != NULL)
		n++;
	rules = calloc(N_OWN + n + 1, sizeof(*rules));
	texts = calloc(n + 1, sizeof(*texts));
	t->names = calloc(N_LIVELY + n + 8, sizeof(*t->names));
	t->values = calloc(N_LIVELY + n + 8, sizeof(*t->values));
	if (libpq == NULL || rules == NULL || texts == NULL || t->names == NULL ||
	    t->values == NULL)
		complain(why, "out of memory");
	else if (url_parse(&t->url, url, why) == 0)
		status = read_options(t, libpq, rules, texts, why);
	free(rules);
	free(texts);
	PQconninfoFree(libpq);
	return status;
}

void
target_free(struct target *t)
{
	json_path_free(t->key);
	free(t->hosts);
	free(t->ports);
	free(t->names);
	free(t->values);
	url_free(&t->url);
}
