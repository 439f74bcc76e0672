#include "trace/tracestate.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"

#define MEMBERS_MAX 32
#define KEY_MAX 256
#define TENANT_MAX 241 /* in TENANT@SYSTEM */
#define SYSTEM_MAX 14
#define VALUE_MAX 256

/* The threshold has a hexadecimal digit for each four bits. */
#define DIGITS (TRACESTATE_BITS / 4)

/* A part of a text. */
struct part {
	const char *data;
	size_t len;
};

/* A member of the list. */
struct member {
	struct part key, value, all;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_key_char(char c)
{
	return is_lower(c) || is_digit(c) || (c != '\0' && strchr("_-*/", c) != NULL);
}

static bool
are_key_chars(const char *p, size_t len)
{
	while (len > 0 && is_key_char(p[len - 1]))
		len--;
	return len == 0;
}

/* A simple key, or TENANT@SYSTEM, whose tenant may begin with a digit. */
static bool
is_key(struct part key)
{
	const char *at = memchr(key.data, '@', key.len);
	size_t tenant, system;

	if (key.len == 0 || key.len > KEY_MAX)
		return false;
	if (at == NULL)
		return is_lower(*key.data) && are_key_chars(key.data, key.len);
	tenant = (size_t)(at - key.data);
	system = key.len - tenant - 1;
	return tenant >= 1 && tenant <= TENANT_MAX && system >= 1 && system <= SYSTEM_MAX &&
	    (is_lower(*key.data) || is_digit(*key.data)) && is_lower(at[1]) &&
	    are_key_chars(key.data, tenant) && are_key_chars(at + 1, system);
}

/* A blank at its end is not the value's, but white space around the member. */
static bool
is_value(struct part value)
{
	if (value.len == 0 || value.len > VALUE_MAX)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if (c < ' ' || c > '~' || c == ',' || c == '=')
			return false;
	}
	return true;
}

/* Cuts off the text up to the separator, and passes that. */
static struct part
cut(struct part *rest, char separator)
{
	const char *end = memchr(rest->data, separator, rest->len);
	struct part first = *rest;

	if (end == NULL) {
		*rest = (struct part){rest->data + rest->len, 0};
		return first;
	}
	first.len = (size_t)(end - rest->data);
	*rest = (struct part){end + 1, rest->len - first.len - 1};
	return first;
}

static struct part
trim(struct part p)
{
	for (; p.len > 0 && is_blank(*p.data); p.data++)
		p.len--;
	while (p.len > 0 && is_blank(p.data[p.len - 1]))
		p.len--;
	return p;
}

/* The next member that is not empty.  False: there is none. */
static bool
next_member(struct part *rest, struct member *m)
{
	while (rest->len > 0) {
		m->all = trim(cut(rest, ','));
		if (m->all.len == 0)
			continue;
		m->value = m->all;
		m->key = cut(&m->value, '=');
		return true;
	}
	return false;
}

static bool
is_same(struct part a, struct part b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static bool
is_ot(const struct member *m)
{
	return is_same(m->key, (struct part){"ot", 2});
}

bool
tracestate_is_valid(const char *text, size_t len)
{
	struct part rest = {text, len}, keys[MEMBERS_MAX];
	struct member m;

	for (size_t n = 0; next_member(&rest, &m); n++) {
		if (n == MEMBERS_MAX || !is_key(m.key) || !is_value(m.value))
			return false;
		for (size_t i = 0; i < n; i++)
			if (is_same(keys[i], m.key))
				return false;
		keys[n] = m.key;
	}
	return true;
}

/* The value of the ot member; empty: there is none. */
static struct part
find_ot(const char *text, size_t len)
{
	struct part rest = {text, len};
	struct member m;

	while (next_member(&rest, &m))
		if (is_ot(&m))
			return m.value;
	return (struct part){text, 0};
}

bool
tracestate_randomness(const char *text, size_t len, uint64_t *rv)
{
	struct part rest = find_ot(text, len);

	while (rest.len > 0) {
		struct part field = cut(&rest, ';');
		struct part key = cut(&field, ':');
		unsigned char bytes[DIGITS / 2]; /* all digits must be there */

		if (!is_same(key, (struct part){"rv", 2}))
			continue;
		if (!hex_read(field.data, field.len, bytes, sizeof(bytes)))
			return false;
		*rv = 0;
		for (size_t i = 0; i < sizeof(bytes); i++)
			*rv = *rv << 8 | bytes[i];
		return true;
	}
	return false;
}

/* A text that is being written. */
struct output {
	char *text;
	size_t len, members;
};

static void
append(struct output *o, const char *data, size_t len)
{
	memcpy(o->text + o->len, data, len);
	o->len += len;
}

/* ot=th:DIGITS, without trailing zeros, and the other fields of the old one. */
static void
append_ot(struct output *o, struct part rest, uint64_t th)
{
	char digits[DIGITS + 1];
	size_t n = DIGITS;

	snprintf(digits, sizeof(digits), "%014jx", (uintmax_t)th);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	append(o, "ot=th:", 6);
	append(o, digits, n);
	while (rest.len > 0) {
		struct part field = cut(&rest, ';');

		if (field.len == 0 || (field.len >= 3 && memcmp(field.data, "th:", 3) == 0))
			continue;
		if (o->len + 1 + field.len > sizeof("ot=") - 1 + VALUE_MAX)
			continue;
		append(o, ";", 1);
		append(o, field.data, field.len);
	}
	o->members = 1;
}

void
tracestate_set_threshold(const char *text, size_t len, uint64_t th, char result[TRACESTATE_SIZE])
{
	struct output o = {.text = result};
	struct part rest = {text, len};
	struct member m;

	append_ot(&o, find_ot(text, len), th);
	while (o.members < MEMBERS_MAX && next_member(&rest, &m)) {
		if (is_ot(&m))
			continue;
		if (o.len + 1 + m.all.len > TRACESTATE_MAX)
			break;
		append(&o, ",", 1);
		append(&o, m.all.data, m.all.len);
		o.members++;
	}
	o.text[o.len] = '\0';
}
