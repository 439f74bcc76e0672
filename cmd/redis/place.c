#include "place.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define PORT "6379"

/* A peer that is cut off is noticed after about this time. */
#define CUT_OFF_S 15

static const char *
add_socket(struct places *all, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&all->at[0].address;

	if (strlen(path) >= sizeof(un->sun_path))
		return "the path of the socket is too long";
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	all->at[0].len = sizeof(*un);
	all->at[0].host = NULL;
	all->n = 1;
	return NULL;
}

static const char *
add_host(struct places *all, const struct url_host *h)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	int error = getaddrinfo(h->name, *h->port != '\0' ? h->port : PORT, &hints, &found);

	if (error != 0)
		return error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error);
	for (const struct addrinfo *a = found; a != NULL && all->n < PLACES_MAX; a = a->ai_next) {
		struct place *p = &all->at[all->n++];

		memcpy(&p->address, a->ai_addr, a->ai_addrlen);
		p->len = a->ai_addrlen;
		p->host = h->name;
	}
	freeaddrinfo(found);
	return NULL;
}

const char *
places_find(struct places *all, const struct target *t)
{
	const char *why = NULL;

	all->n = 0;
	if (t->socket != NULL)
		return add_socket(all, t->socket);
	for (size_t i = 0; i < t->url.n_hosts; i++) {
		const char *error = add_host(all, &t->url.host[i]);

		if (error != NULL)
			why = error;
	}
	return all->n > 0 ? NULL : why;
}

/* A connection that stands still is to be noticed, and small writes go out. */
static void
set_up_tcp(int fd)
{
	static const int on = 1, idle = CUT_OFF_S / 3, tries = 3, patience = CUT_OFF_S * 1000;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof(patience));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int
place_connect(const struct place *p)
{
	int saved, fd = socket(p->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	if (p->address.ss_family != AF_UNIX)
		set_up_tcp(fd);
	if (connect(fd, (const struct sockaddr *)&p->address, p->len) == 0 || errno == EINPROGRESS)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}
