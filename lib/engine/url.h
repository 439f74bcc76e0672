#ifndef PCHAN_URL_H
#define PCHAN_URL_H

/*
 * The URL of an engine,
 *
 *	SCHEME://[USER@]HOST[:PORT][,HOST[:PORT]...]/PATH?OPTION=VALUE&...
 *
 * of which each scheme uses what makes sense for it.  In PATH, USER, OPTION and
 * VALUE %41 is the byte 0x41.  There are no passwords in URLs: everybody sees
 * them in the list of processes.
 *
 * Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define URL_WHY_SIZE 256

struct url_host {
	char *name; /* without the brackets of an IPv6 address */
	char *port; /* "" if there is none; else 0 to 65535 */
};

struct url_option {
	char *name, *value;
};

struct url {
	char *scheme;
	char *user; /* "" if there is none */
	size_t n_hosts;
	struct url_host *host; /* none in redis:///stream */
	char *path;            /* without its first slash; "": there is none */
	size_t n_options;
	struct url_option *option;
};

/* Whether the text begins with "SCHEME://", lower-case. */
bool url_is(const char *text);

/* The length of its scheme; 0 if there is none. */
size_t url_scheme(const char *text);

/*
 * Reads the text.  -1, and `why` names the part that is wrong, and what is
 * allowed there ("port 99999: a number from 0 to 65535").  url_free() frees it
 * all; {0} is fine.
 */
int url_parse(struct url *, const char *text, char why[URL_WHY_SIZE]);
void url_free(struct url *);

/*
 * Whether there is a password in the text, which need not be a URL otherwise;
 * url_parse() refuses such a URL.
 */
bool url_has_password(const char *text);

/* What it says then, for example behind "redis://: ". */
#define URL_PASSWORD                                                                          \
	"there is a password in it, which everybody sees in the list of processes: leave it " \
	"out, and give it as pchan-engines(7) says"

/*
 * What people are shown of the text: "kafka 127.0.0.1:9092/orders", without the
 * user and the options, which may have secrets; of PostgreSQL with the table.
 * Where that is too long, the host is cut ("..."), and then the path.
 */
void url_show(const char *text, char *shown, size_t size);

/* The options of a scheme, and how they are read. */
enum url_kind {
	URL_TEXT,     /* char * */
	URL_FLAG,     /* bool: "", 1, true or yes; 0, false or no */
	URL_NUMBER,   /* int64_t, from min to max */
	URL_DURATION, /* int64_t, ns: 250ms (base/units.h) */
	URL_SIZE,     /* uint64_t, bytes: 64K */
};

struct url_rule {
	const char *name;
	enum url_kind kind;
	void *value; /* keeps what it has if the URL has no such option */
	int64_t min, max;
};

/*
 * Reads all options by the rules; the last rule has no name.  -1, and `why`
 * names the option that is not there (and the one that was probably meant),
 * that is there twice, or whose value is wrong.  Texts belong to the url.
 */
int url_options(const struct url *, const struct url_rule *, char why[URL_WHY_SIZE]);

#endif
