#include "base/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/units.h"

#define BACKLOG 128
#define EXPECTED "HOST:PORT, such as 127.0.0.1:9464, [::1]:9464 or :9464"

int
address_parse(const char *text, struct address *a, const char **why)
{
	const char *colon = strrchr(text, ':'), *end = colon;
	int64_t port;

	*why = EXPECTED;
	if (colon == NULL || units_number(colon + 1, 0, 65535, &port, &(const char *){NULL}) == -1)
		return -1;
	if (*text == '[') {
		text++;
		if (--end <= text || *end != ']')
			return -1;
	} else if (memchr(text, ':', (size_t)(end - text)) != NULL)
		return -1; /* IPv6 without brackets: where is the port? */
	if (end - text >= ADDRESS_HOST_SIZE)
		return -1;
	snprintf(a->host, sizeof(a->host), "%.*s", (int)(end - text), text);
	snprintf(a->port, sizeof(a->port), "%d", (int)port);
	return 0;
}

/* `all`: an address of IPv6 takes IPv4, too.  -1 with errno. */
static int
listen_at(const struct addrinfo *at, bool all)
{
	int fd, error, on = 1, only = !all;

	fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (at->ai_family != AF_INET6 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) == 0) &&
	    bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static const struct addrinfo *
find_family(const struct addrinfo *at, int family)
{
	while (at != NULL && at->ai_family != family)
		at = at->ai_next;
	return at;
}

/* One socket; for all addresses one of IPv6, which takes IPv4, too. */
static int
listen_first(const struct addrinfo *found, bool all)
{
	const struct addrinfo *v4 = find_family(found, AF_INET), *v6 = find_family(found, AF_INET6);
	int fd;

	if (!all)
		return listen_at(v4 != NULL ? v4 : found, false);
	if (v6 != NULL &&
	    ((fd = listen_at(v6, true)) != -1 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)))
		return fd;
	return listen_at(v4 != NULL ? v4 : found, true);
}

/* The address that it became. */
static void
write_name(const struct address *a, int fd, char name[ADDRESS_TEXT_SIZE])
{
	struct sockaddr_storage at = {0};
	socklen_t len = sizeof(at);
	const char *host = *a->host != '\0' ? a->host : "localhost";
	bool v6 = strchr(host, ':') != NULL;
	in_port_t port;

	(void)getsockname(fd, (struct sockaddr *)&at, &len);
	if (at.ss_family == AF_INET6)
		port = ((const struct sockaddr_in6 *)&at)->sin6_port;
	else
		port = ((const struct sockaddr_in *)&at)->sin_port;
	snprintf(name, ADDRESS_TEXT_SIZE, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
	    (unsigned)ntohs(port));
}

int
address_listen(const struct address *a, char name[ADDRESS_TEXT_SIZE], const char **why)
{
	bool all = *a->host == '\0';
	struct addrinfo *found,
	    hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	int error = getaddrinfo(all ? NULL : a->host, a->port, &hints, &found), fd;

	if (error != 0) {
		*why = error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error);
		return -1;
	}
	fd = listen_first(found, all);
	error = errno;
	freeaddrinfo(found);
	if (fd == -1)
		*why = strerror(error);
	else
		write_name(a, fd, name);
	return fd;
}

bool
address_is_loopback(int fd)
{
	struct sockaddr_storage at = {0};
	socklen_t len = sizeof(at);
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)&at)->sin6_addr;
	const struct in_addr *v4 = &((const struct sockaddr_in *)&at)->sin_addr;

	(void)getsockname(fd, (struct sockaddr *)&at, &len);
	if (at.ss_family == AF_INET)
		return ntohl(v4->s_addr) >> 24 == IN_LOOPBACKNET;
	if (at.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6))
		return v6->s6_addr[12] == IN_LOOPBACKNET;
	return at.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(v6);
}
