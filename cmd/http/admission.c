#include "admission.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The time does not tell how much of the token is right. */
static bool
is_same(const char *a, const char *b, size_t len)
{
	volatile unsigned char differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return differ == 0;
}

static bool
is_known(const char *authorization, const char *token)
{
	static const char scheme[] = "Bearer ";
	size_t skip = sizeof(scheme) - 1, len;

	if (strncasecmp(authorization, scheme, skip) != 0)
		return false;
	skip += strspn(authorization + skip, " ");
	len = strlen(authorization + skip);
	return len == strlen(token) && is_same(authorization + skip, token, len);
}

bool
admission_is_gzip(const char *encoding)
{
	return encoding != NULL &&
	    (strcasecmp(encoding, "gzip") == 0 || strcasecmp(encoding, "x-gzip") == 0);
}

static bool
is_encoding_known(const char *encoding)
{
	return encoding == NULL || strcasecmp(encoding, "identity") == 0 ||
	    admission_is_gzip(encoding);
}

struct admission_verdict
admission_judge(const struct admission *a, const struct admission_rules *r)
{
	uint64_t length = a->length != NULL ? strtoull(a->length, NULL, 10) : 0;

	if (strcmp(a->path, r->path) != 0)
		return (struct admission_verdict){404, "there is nothing at this path"};
	if (r->token != NULL && a->authorization == NULL)
		return (struct admission_verdict){401, "needs 'Authorization: Bearer TOKEN'"};
	if (r->token != NULL && !is_known(a->authorization, r->token))
		return (struct admission_verdict){401, "the token is wrong"};
	/* Any page on the web can have a browser post to this machine. */
	if (r->token == NULL && a->origin != NULL)
		return (struct admission_verdict){
		    403, "browsers may post only with a token: the server's option token-file"};
	if (strcmp(a->method, "POST") != 0 && strcmp(a->method, "PUT") != 0)
		return (struct admission_verdict){405, "only POST and PUT are understood"};
	if (!is_encoding_known(a->encoding))
		return (struct admission_verdict){415, "the only Content-Encoding is gzip"};
	if (length > r->max_body)
		return (struct admission_verdict){413, "the body is longer than max-body"};
	if (r->stopping)
		return (struct admission_verdict){503, "the server is stopping"};
	if (r->full || length > r->memory)
		return (struct admission_verdict){503, "no more records can be taken now"};
	return (struct admission_verdict){0, NULL};
}
