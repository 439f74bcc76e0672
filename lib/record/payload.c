#include "record/payload.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json/json.h"

/* Base64 as in RFC 4648, with padding. */
static size_t
base64_len(size_t len)
{
	return (len + 2) / 3 * 4;
}

static char *
base64_encode(const char *data, size_t len, char *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t bits = 0;

		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (i + j < len ? (unsigned char)data[i + j] : 0);
		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[bits & 63] : '=';
	}
	return out;
}

static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/*
 * Decodes to out, which can be the text's own place.  Returns how many bytes
 * were written, or -1 if the text is not base64.
 */
static ssize_t
base64_decode(const char *text, size_t len, char *out)
{
	const char *const start = out;
	uint32_t bits = 0;
	unsigned n = 0;

	if (len % 4 != 0)
		return -1;
	for (int padding = 0; padding < 2 && len > 0 && text[len - 1] == '='; padding++)
		len--;
	for (size_t i = 0; i < len; i++) {
		int digit = base64_digit(text[i]);

		if (digit == -1)
			return -1;
		bits = bits << 6 | (uint32_t)digit;
		n += 6;
		if (n >= 8) {
			n -= 8;
			*out++ = (char)(bits >> n);
		}
	}
	return out - start;
}

static char *
quote_base64(const char *data, size_t len)
{
	char *quoted = malloc(base64_len(len) + sizeof("\"\""));

	if (quoted == NULL)
		return NULL;
	quoted[0] = '"';
	memcpy(base64_encode(data, len, quoted + 1), "\"", sizeof("\""));
	return quoted;
}

/*
 * A malloc'd JSON string for a payload that is not JSON, and the name of the
 * member that it makes: text if it is UTF-8 and the string is shorter, else
 * base64.
 */
static char *
quote_payload(const char *payload, size_t len, const char **name)
{
	json_t *string = json_stringn(payload, len); /* NULL: not UTF-8 */
	char *text = string != NULL ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	json_decref(string);
	*name = "text";
	if (text != NULL && strlen("text") + strlen(text) < strlen("base64\"\"") + base64_len(len))
		return text;
	free(text);
	*name = "base64";
	return quote_base64(payload, len);
}

/* The line: the head, the last member and the closing brace. */
static int
join_line(const char *head, const char *name, const char *value, size_t value_len, char **line,
    size_t *len)
{
	size_t before = strlen(head) + strlen(",\"\":") + strlen(name);
	char *p;

	if ((p = malloc(before + value_len + sizeof("}\n"))) == NULL)
		return -1;
	*line = p;
	*len = before + value_len + strlen("}\n");
	snprintf(p, before + 1, "%s,\"%s\":", head, name);
	memcpy(p + before, value, value_len);
	memcpy(p + before + value_len, "}\n", sizeof("}\n"));
	return 0;
}

int
payload_seal(const char *head, const char *payload, size_t payload_len, char **line, size_t *len)
{
	const char *name;
	char *quoted;
	int rc;

	if (memchr(payload, '\n', payload_len) == NULL && json_check(payload, payload_len, NULL)) {
		if (join_line(head, "value", payload, payload_len, line, len) == -1)
			return -1;
		if (json_check(*line, *len, NULL))
			return 0;
		free(*line); /* the envelope makes it nest too deep */
	}
	if ((quoted = quote_payload(payload, payload_len, &name)) == NULL)
		return -1;
	rc = join_line(head, name, quoted, strlen(quoted), line, len);
	free(quoted);
	return rc;
}

/*
 * Decodes the string into *owned, with a NUL after it.  Its length, or -1 with
 * errno.
 */
static ssize_t
unquote_string(const struct json_slice *string, char **owned)
{
	size_t n;

	if ((*owned = malloc(string->len + 1)) == NULL)
		return -1;
	if ((n = json_unquote(string->data, string->len, *owned)) == (size_t)-1) {
		free(*owned);
		errno = EINVAL;
		return -1;
	}
	(*owned)[n] = '\0';
	return (ssize_t)n;
}

int
payload_text(const struct json_slice *string, const char **payload, size_t *len, char **owned)
{
	ssize_t n;

	if (memchr(string->data, '\\', string->len) == NULL) {
		*payload = string->data + 1;
		*len = string->len - 2;
		*owned = NULL;
		return 0;
	}
	if ((n = unquote_string(string, owned)) == -1)
		return -1;
	*payload = *owned;
	*len = (size_t)n;
	return 0;
}

int
payload_base64(const struct json_slice *string, const char **payload, size_t *len, char **owned)
{
	ssize_t n;

	/* A filter may have escaped a slash: decode the JSON string first. */
	if ((n = unquote_string(string, owned)) == -1)
		return -1;
	if ((n = base64_decode(*owned, (size_t)n, *owned)) == -1) {
		free(*owned);
		*owned = NULL;
		errno = EINVAL;
		return -1;
	}
	*payload = *owned;
	*len = (size_t)n;
	return 0;
}
