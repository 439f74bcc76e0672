#include "host.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Whether the first bytes are this name. */
static bool
is(const char *host, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(host, name, len) == 0;
}

bool
host_is_ours(const char *host, const char *given)
{
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	const char *port;

	if (len > strlen(host))
		return false; /* a bracket is open */
	port = host + len;
	if (*port != '\0' && (*port != ':' || port[1 + strspn(port + 1, "0123456789")] != '\0'))
		return false;
	if (is(host, len, "localhost") || is(host, len, "127.0.0.1") || is(host, len, "[::1]"))
		return true;
	if (*host == '[')
		return is(host + 1, len - 2, given);
	return is(host, len, given);
}
