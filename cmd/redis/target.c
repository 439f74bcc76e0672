#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/helper.h"

#define RULES_MAX 32
#define PASSWORD "password="

/* What stands before the options, for messages. */
static void
show(struct target *t, const char *text)
{
	snprintf(t->shown, sizeof(t->shown), "%.*s", (int)strcspn(text, "?"), text);
}

/*
 * The value of the line password=... of a file.  Lines that are blank or begin
 * with # are skipped.
 */
static const char *
read_password(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, *password = NULL;
	size_t room = 0;
	unsigned number = 0;

	if (f == NULL)
		helper_fail("config=%s: %s", path, strerror(errno));
	while (getline(&line, &room, f) != -1) {
		number++;
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (strncmp(line, PASSWORD, strlen(PASSWORD)) != 0)
			helper_fail("config=%s: line %u is not password=...", path, number);
		free(password);
		password = strdup(line + strlen(PASSWORD));
	}
	if (ferror(f))
		helper_fail("config=%s: %s", path, strerror(errno));
	free(line);
	fclose(f);
	if (password == NULL)
		helper_fail("config=%s: there is no line password=...", path);
	return password;
}

static void
find_password(struct target *t)
{
	const char *given = getenv("REDISCLI_AUTH");

	if (t->config != NULL)
		t->password = read_password(t->config);
	else if (given != NULL && *given != '\0')
		t->password = strdup(given);
	if (t->password == NULL && *t->url.user != '\0')
		helper_fail("%s: user %s needs a password: set REDISCLI_AUTH, or write "
			    "password=... into a file, and name it with config=FILE",
		    t->shown, t->url.user);
}

static void
check_parts(const struct target *t, const char *kind)
{
	if (*t->key == '\0')
		helper_fail("%s: no %s is named: redis://HOST/%s", t->shown, kind, kind);
	if (t->socket == NULL && t->url.n_hosts == 0)
		helper_fail("%s: no host is named: redis://HOST/%s, or "
			    "redis:///%s?socket=PATH",
		    t->shown, kind, kind);
	if (t->socket != NULL && t->url.n_hosts > 0)
		helper_fail("%s: there is a host, and socket=%s: only one of them can be", t->shown,
		    t->socket);
	if (t->socket != NULL && t->tls)
		helper_fail("%s: rediss:// is TLS, which socket= does not have", t->shown);
	if (!t->tls && (t->ca != NULL || t->cert != NULL || t->cert_key != NULL))
		helper_fail("%s: cacert=, cert= and key= are for rediss://", t->shown);
	if ((t->cert == NULL) != (t->cert_key == NULL))
		helper_fail("%s: cert= and key= go together", t->shown);
}

void
target_read(struct target *t, const char *text, const char *kind, const struct url_rule *own)
{
	struct url_rule rules[RULES_MAX] = {
	    {"config", URL_TEXT, &t->config, 0, 0},
	    {"socket", URL_TEXT, &t->socket, 0, 0},
	    {"cacert", URL_TEXT, &t->ca, 0, 0},
	    {"cert", URL_TEXT, &t->cert, 0, 0},
	    {"key", URL_TEXT, &t->cert_key, 0, 0},
	    {"db", URL_NUMBER, &t->db, 0, INT32_MAX},
	};
	size_t n = 6;
	char why[URL_WHY_SIZE];

	*t = (struct target){0};
	show(t, text);
	for (; own->name != NULL && n < RULES_MAX - 1; own++)
		rules[n++] = *own;
	if (url_parse(&t->url, text, why) == -1)
		helper_fail("%s", why);
	if (url_options(&t->url, rules, why) == -1)
		helper_fail("%s: %s", t->shown, why);
	t->tls = strcmp(t->url.scheme, "rediss") == 0;
	if (!t->tls && strcmp(t->url.scheme, "redis") != 0)
		helper_fail("%s: the scheme is %s, not redis or rediss", t->shown, t->url.scheme);
	t->key = t->url.path;
	check_parts(t, kind);
	find_password(t);
}

void
target_free(struct target *t)
{
	free((void *)(uintptr_t)t->password);
	url_free(&t->url);
}
