#include "record/mark.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/hex.h"
#include "json/json.h"
#include "json/members.h"

#define KIND "mark/1"
#define PREFIX "pchan/"
#define ACK_SIZE 64 /* of a datagram */

/* A whole number of digits alone, from 1 to most; 0: it is none. */
static uint64_t
read_number(const char *text, size_t len, uint64_t most)
{
	uint64_t n = 0;

	if (len > 18)
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return 0;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	return n <= most ? n : 0;
}

bool
mark_may_be(const char *head, size_t len)
{
	/* Quick for what begins like another record. */
	if (len > 2 && head[0] == '{' && head[1] == '"' && head[2] != 'p')
		return false;
	return json_first_member(head, len, "pchan", KIND);
}

bool
mark_parse(const char *line, size_t len, struct mark *mark)
{
	static const char *const names[] = {"to", "n", "w"};
	struct json_slice v[3], last;

	if (!mark_may_be(line, len) || !json_check(line, len, NULL))
		return false;
	members_find(line, len, names, 3, v, &last);
	if (v[0].len < 2 || *v[0].data != '"')
		return false;
	mark->n = read_number(v[1].data, v[1].len, INT64_MAX);
	mark->weight = read_number(v[2].data, v[2].len, MARK_WHOLE);
	return mark->n > 0 && mark->weight > 0 &&
	    hex_read(v[0].data + 1, v[0].len - 2, mark->to, MARK_TO);
}

size_t
mark_print(const struct mark *mark, char line[MARK_SIZE])
{
	char to[2 * MARK_TO + 1];

	hex_print(mark->to, MARK_TO, to);
	return (size_t)snprintf(line, MARK_SIZE,
	    "{\"pchan\":\"" KIND "\",\"to\":\"%s\",\"n\":%" PRIu64 ",\"w\":%" PRIu64 "}\n", to,
	    mark->n, mark->weight);
}

/* The socket's address: a NUL before the name, and none behind it. */
static socklen_t
make_address(const unsigned char to[MARK_TO], struct sockaddr_un *address)
{
	size_t prefix = strlen(PREFIX);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + 1, PREFIX, prefix);
	hex_print(to, MARK_TO, address->sun_path + 1 + prefix);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + prefix + 2 * MARK_TO);
}

int
mark_acknowledge(const struct mark *mark)
{
	struct sockaddr_un address;
	socklen_t size = make_address(mark->to, &address);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), saved;
	char text[ACK_SIZE];
	ssize_t sent;

	if (fd == -1)
		return -1;
	snprintf(text, sizeof(text), "ack %" PRIu64 " %" PRIu64, mark->n, mark->weight);
	do
		sent = sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, size);
	while (sent == -1 && errno == EINTR);
	saved = errno;
	close(fd);
	errno = saved;
	return sent == -1 ? -1 : 0;
}

int
mark_listen(const unsigned char to[MARK_TO])
{
	struct sockaddr_un address;
	socklen_t size = make_address(to, &address);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, saved;

	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 &&
	    bind(fd, (struct sockaddr *)&address, size) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Whether the datagram is of our user, and from which process. */
static bool
is_ours(struct msghdr *m, pid_t *from)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct ucred who;

	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&who, CMSG_DATA(c), sizeof(who));
	*from = who.pid;
	return who.uid == geteuid();
}

/* What an acknowledgement says; false: it is none. */
static bool
read_ack(const char *text, struct mark *mark)
{
	const char *n = text + strlen("ack "), *weight;

	if (strncmp(text, "ack ", strlen("ack ")) != 0 || (weight = strchr(n, ' ')) == NULL)
		return false;
	mark->n = read_number(n, (size_t)(weight - n), INT64_MAX);
	mark->weight = read_number(weight + 1, strlen(weight + 1), MARK_WHOLE);
	return mark->n > 0 && mark->weight > 0;
}

int
mark_receive(int fd, struct mark *mark, pid_t *from)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	char text[ACK_SIZE];
	struct iovec iov = {text, sizeof(text) - 1};

	for (;;) {
		struct msghdr m = {.msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_control = control.bytes,
		    .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 0 : -1;
		text[n] = '\0';
		if (is_ours(&m, from) && (m.msg_flags & MSG_TRUNC) == 0 && read_ack(text, mark))
			return 1;
	}
}
