#include "engine/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alike.h"
#include "base/hex.h"
#include "base/units.h"
#include "base/utf8.h"

#define CUT "..." /* what stands where something was left out */

/* What is being read, and what is wrong with it. */
struct parse {
	struct url *url;
	char *why;
};

#define FAIL(p, ...) (snprintf((p)->why, URL_WHY_SIZE, __VA_ARGS__), -1)

size_t
url_scheme(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

	if (n == 0 || text[0] < 'a' || text[0] > 'z' || strncmp(text + n, "://", 3) != 0)
		return 0;
	return n;
}

bool
url_is(const char *text)
{
	return url_scheme(text) > 0;
}

/* Whether the option that begins there has such a name. */
static bool
is_password(const char *option)
{
	const char *word = strcasestr(option, "password");

	return word != NULL && word < option + strcspn(option, "=&");
}

bool
url_has_password(const char *text)
{
	const char *authority = strstr(text, "://"), *at, *option;

	if (authority == NULL)
		return false;
	authority += strlen("://");
	at = memrchr(authority, '@', strcspn(authority, "/?#"));
	option = strchr(authority, '?');
	if (at != NULL && memchr(authority, ':', (size_t)(at - authority)) != NULL)
		return true;
	for (; option != NULL; option = strchr(option, '&'))
		if (is_password(++option))
			return true;
	return false;
}

/*
 * A copy of a part of the URL, with its %XX decoded.  NULL: it has a % that
 * begins no byte, or a NUL, or there is no memory.
 */
static char *
decode(struct parse *p, const char *part, const char *text, size_t len)
{
	char *copy = malloc(len + 1), *to = copy;

	if (copy == NULL) {
		(void)FAIL(p, "out of memory");
		return NULL;
	}
	for (const char *end = text + len; text < end; text++) {
		int high = -1, low = -1;

		if (*text != '%') {
			*to++ = *text;
			continue;
		}
		if (end - text > 2) {
			high = hex_digit(text[1]);
			low = hex_digit(text[2]);
		}
		if (high == -1 || low == -1 || high + low == 0) {
			(void)FAIL(p, "%s: %%%.2s is no byte: a %% is written as %%25", part,
			    end - text > 2 ? text + 1 : "");
			free(copy);
			return NULL;
		}
		*to++ = (char)(high << 4 | low);
		text += 2;
	}
	*to = '\0';
	return copy;
}

/* A port, which may be missing: ":9092" or "". */
static int
parse_port(struct parse *p, const char *text, size_t len, char **port)
{
	char number[8];
	const char *why;
	int64_t value;

	if (len == 0) {
		if ((*port = strdup("")) == NULL)
			return FAIL(p, "out of memory");
		return 0;
	}
	if (*text != ':')
		return FAIL(p, "a : is missing between ] and %.*s", (int)len, text);
	snprintf(number, sizeof(number), "%.*s", (int)(len - 1), text + 1);
	if (len - 1 >= sizeof(number) || units_number(number, 0, 65535, &value, &why) == -1)
		return FAIL(p, "port %.*s: a number from 0 to 65535", (int)(len - 1), text + 1);
	if ((*port = strdup(number)) == NULL)
		return FAIL(p, "out of memory");
	return 0;
}

/* HOST, HOST:PORT or [ADDRESS]:PORT. */
static int
parse_host(struct parse *p, const char *text, size_t len)
{
	struct url *u = p->url;
	struct url_host *host = reallocarray(u->host, u->n_hosts + 1, sizeof(*host));
	const char *end = text + len, *name = text, *name_end;

	if (host == NULL)
		return FAIL(p, "out of memory");
	u->host = host;
	host += u->n_hosts++;
	*host = (struct url_host){NULL, NULL};
	if (len > 0 && *text == '[') {
		name++;
		if ((name_end = memchr(text, ']', len)) == NULL)
			return FAIL(p, "host %.*s: its ] is missing", (int)len, text);
		text = name_end + 1;
	} else
		text = name_end = memchr(text, ':', len) != NULL ? memchr(text, ':', len) : end;
	if (name == name_end)
		return FAIL(p, "the host is missing");
	if ((host->name = decode(p, "host", name, (size_t)(name_end - name))) == NULL)
		return -1;
	return parse_port(p, text, (size_t)(end - text), &host->port);
}

/* USER@, and the hosts, between the slashes. */
static int
parse_authority(struct parse *p, const char *text, size_t len)
{
	const char *at = memrchr(text, '@', len), *end = text + len;
	size_t user = at != NULL ? (size_t)(at - text) : 0;

	if ((p->url->user = decode(p, "user", text, user)) == NULL)
		return -1;
	text += at != NULL ? user + 1 : 0;
	while (text < end) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		const char *stop = comma != NULL ? comma : end;

		if (parse_host(p, text, (size_t)(stop - text)) == -1)
			return -1;
		if (comma != NULL && comma + 1 == end)
			return FAIL(p, "a host is missing behind the last comma");
		text = comma != NULL ? comma + 1 : end;
	}
	return 0;
}

static int
parse_option(struct parse *p, const char *text, size_t len)
{
	struct url *u = p->url;
	struct url_option *option = reallocarray(u->option, u->n_options + 1, sizeof(*option));
	const char *is = memchr(text, '=', len), *end = text + len;
	size_t name = is != NULL ? (size_t)(is - text) : len;

	if (option == NULL)
		return FAIL(p, "out of memory");
	u->option = option;
	option += u->n_options++;
	*option = (struct url_option){NULL, NULL};
	if (name == 0)
		return FAIL(p, "an option has no name: '%.*s'", (int)len, text);
	text = is != NULL ? is + 1 : end;
	if ((option->name = decode(p, "option", end - len, name)) == NULL ||
	    (option->value = decode(p, option->name, text, (size_t)(end - text))) == NULL)
		return -1;
	/* Also where its name has a %. */
	if (strcasestr(option->name, "password") != NULL)
		return FAIL(p, URL_PASSWORD);
	return 0;
}

static int
parse_options(struct parse *p, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "&");

		if (len > 0 && parse_option(p, text, len) == -1)
			return -1;
		text += len + (text[len] == '&');
	}
	return 0;
}

static int
parse(struct parse *p, const char *text)
{
	size_t scheme = url_scheme(text), len;

	if (scheme == 0)
		return FAIL(p, "a URL begins with SCHEME://, such as kafka://");
	if (url_has_password(text))
		return FAIL(p, URL_PASSWORD);
	if ((p->url->scheme = strndup(text, scheme)) == NULL)
		return FAIL(p, "out of memory");
	text += scheme + strlen("://");
	len = strcspn(text, "/?#");
	if (parse_authority(p, text, len) == -1)
		return -1;
	text += len;
	text += *text == '/';
	len = strcspn(text, "?#");
	if ((p->url->path = decode(p, "path", text, len)) == NULL)
		return -1;
	text += len;
	if (strchr(text, '#') != NULL)
		return FAIL(p, "a # is written as %%23");
	return parse_options(p, text + (*text == '?'));
}

int
url_parse(struct url *u, const char *text, char why[URL_WHY_SIZE])
{
	struct parse p = {u, why};

	*u = (struct url){0};
	if (parse(&p, text) == 0)
		return 0;
	url_free(u);
	return -1;
}

void
url_free(struct url *u)
{
	free(u->scheme);
	free(u->user);
	free(u->path);
	for (size_t i = 0; i < u->n_hosts; i++) {
		free(u->host[i].name);
		free(u->host[i].port);
	}
	for (size_t i = 0; i < u->n_options; i++) {
		free(u->option[i].name);
		free(u->option[i].value);
	}
	free(u->host);
	free(u->option);
	*u = (struct url){0};
}

static bool
is_one_of(const char *value, const char *const words[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(value, words[i]) == 0)
			return true;
	return false;
}

static int
read_flag(const char *value, bool *flag, const char **why)
{
	static const char *const yes[] = {"", "1", "true", "yes"},
				 *const no[] = {"0", "false", "no"};

	*why = "1 or 0";
	*flag = is_one_of(value, yes, 4);
	return *flag || is_one_of(value, no, 3) ? 0 : -1;
}

/* Reads the value by its rule. */
static int
read_value(const struct url_rule *rule, char *value, const char **why)
{
	switch (rule->kind) {
	case URL_TEXT:
		*(char **)rule->value = value;
		*why = "a text";
		return *value != '\0' ? 0 : -1;
	case URL_FLAG:
		return read_flag(value, rule->value, why);
	case URL_NUMBER:
		return units_number(value, rule->min, rule->max, rule->value, why);
	case URL_DURATION:
		return units_duration(value, rule->value, why);
	case URL_SIZE:
		return units_size(value, rule->value, why);
	}
	return -1;
}

static const struct url_rule *
find_rule(const struct url_rule *rules, const char *name)
{
	for (; rules->name != NULL; rules++)
		if (strcmp(rules->name, name) == 0)
			return rules;
	return NULL;
}

/* The scheme has no such option: which one was meant, or which there are. */
static int
refuse(const struct url *u, const struct url_rule *rules, const char *name, char why[URL_WHY_SIZE])
{
	int n = snprintf(why, URL_WHY_SIZE, "%s:// has no option '%s'", u->scheme, name);

	for (const struct url_rule *rule = rules; rule->name != NULL; rule++)
		if (alike_is(name, rule->name) && n < URL_WHY_SIZE) {
			snprintf(why + n, URL_WHY_SIZE - (size_t)n, "; '%s'?", rule->name);
			return -1;
		}
	for (const struct url_rule *rule = rules; rule->name != NULL; rule++)
		if (n < URL_WHY_SIZE)
			n += snprintf(why + n, URL_WHY_SIZE - (size_t)n, "%s %s",
			    rule == rules ? ":" : ",", rule->name);
	return -1;
}

int
url_options(const struct url *u, const struct url_rule *rules, char why[URL_WHY_SIZE])
{
	for (size_t i = 0; i < u->n_options; i++) {
		const struct url_option *option = &u->option[i];
		const struct url_rule *rule = find_rule(rules, option->name);
		const char *allowed = "";

		if (rule == NULL)
			return refuse(u, rules, option->name, why);
		for (size_t j = 0; j < i; j++)
			if (strcmp(u->option[j].name, option->name) == 0) {
				snprintf(
				    why, URL_WHY_SIZE, "option %s is there twice", option->name);
				return -1;
			}
		if (read_value(rule, option->value, &allowed) == -1) {
			snprintf(why, URL_WHY_SIZE, "option %s=%s: must be %s", option->name,
			    option->value, allowed);
			return -1;
		}
	}
	return 0;
}

/* The first of several hosts, without the user: *from moves, its length. */
static size_t
first_host(const char **from, size_t len)
{
	const char *at = memrchr(*from, '@', len), *comma;

	if (at != NULL) {
		len -= (size_t)(at + 1 - *from);
		*from = at + 1;
	}
	comma = memchr(*from, ',', len);
	return comma != NULL ? (size_t)(comma - *from) : len;
}

/* In the query of any other engine the names are not ours. */
static bool
is_postgres(const char *text)
{
	return strncmp(text, "postgres", strlen("postgres")) == 0;
}

/* The value of the option `table`, or NULL. */
static const char *
find_table(const char *options, size_t *len)
{
	static const char name[] = "table=";

	for (; *options == '?' || *options == '&'; options += strcspn(options, "&#")) {
		options++;
		if (strncmp(options, name, strlen(name)) != 0)
			continue;
		*len = strcspn(options += strlen(name), "&#");
		return options;
	}
	return NULL;
}

/* Adds a text, cut to this room, behind a whole character. */
static size_t
show_part(char *to, const char *text, size_t len, size_t room)
{
	if (len > room) {
		size_t head = room > strlen(CUT) ? utf8_head(text, len, room - strlen(CUT)) : 0;

		memcpy(to, text, head);
		len = room > strlen(CUT) ? strlen(CUT) : room;
		memcpy(to + head, CUT, len);
		return head + len;
	}
	memcpy(to, text, len);
	return len;
}

void
url_show(const char *text, char *shown, size_t size)
{
	size_t scheme = url_scheme(text), left = size - 1, n, authority, host, path, table_len = 0;
	const char *from = text + scheme + strlen("://"), *table, *place;

	authority = strcspn(from, "/?#");
	place = from + authority;
	path = strcspn(place, "?#");
	host = first_host(&from, authority);
	table = is_postgres(text) ? find_table(place + path, &table_len) : NULL;
	n = show_part(shown, text, scheme, left);
	if (n < left)
		shown[n++] = ' ';
	left -= n;
	/* The host gives way to what is behind it. */
	authority = path + (table != NULL ? 1 + table_len : 0);
	authority = show_part(shown + n, from, host, left > authority ? left - authority : 0);
	n += authority;
	left -= authority;
	path = show_part(shown + n, place, path, left);
	n += path;
	left -= path;
	if (table != NULL && left > 1) {
		shown[n++] = ' ';
		n += show_part(shown + n, table, table_len, left - 1);
	}
	shown[n] = '\0';
}
