/* The lines of marks, and the way back of their acknowledgements. */

#include "record/mark.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "t.h"

#define HEX "00112233445566778899aabbccddeeff"
#define MARK(rest) "{\"pchan\":\"mark/1\"," rest "}"

static const struct {
	const char *line;
	uint64_t n, weight; /* 0: it is no mark */
} lines[] = {
    {MARK("\"to\":\"" HEX "\",\"n\":17,\"w\":281474976710656"), 17, MARK_WHOLE},
    {"  { \"pchan\" : \"mark/1\" , \"w\":1,\"x\":[1],\"n\" : 2, \"to\":\"" HEX "\"} ", 2, 1},
    {MARK("\"to\":\"" HEX "\",\"n\":0,\"w\":1"), 0, 0},
    {MARK("\"to\":\"" HEX "\",\"n\":-1,\"w\":1"), 0, 0},
    {MARK("\"to\":\"" HEX "\",\"n\":1.0,\"w\":1"), 0, 0},
    {MARK("\"to\":\"" HEX "\",\"n\":1,\"w\":281474976710657"), 0, 0},
    {MARK("\"to\":\"" HEX "\",\"n\":1,\"w\":1e3"), 0, 0},
    {MARK("\"to\":\"" HEX "\",\"n\":9999999999999999999,\"w\":1"), 0, 0},
    {MARK("\"to\":\"" HEX "\",\"n\":1"), 0, 0},
    {MARK("\"to\":\"" HEX "0\",\"n\":1,\"w\":1"), 0, 0},
    {MARK("\"to\":\"x0112233445566778899aabbccddeeff\",\"n\":1,\"w\":1"), 0, 0},
    {MARK("\"to\":\"00112233445566778899AABBCCDDEEFF\",\"n\":1,\"w\":1"), 0, 0},
    {MARK("\"to\":[12345678901234567890123456789012],\"n\":1,\"w\":1"), 0, 0},
    {MARK("\"to\":\"" HEX "\",\"n\":1,\"w\":1") "x", 0, 0},
    {"{\"n\":1,\"pchan\":\"mark/1\",\"to\":\"" HEX "\",\"w\":1}", 0, 0},
    {"{\"pchan\":\"mark/2\",\"to\":\"" HEX "\",\"n\":1,\"w\":1}", 0, 0},
    {"{\"pchan\":\"mark/1\"", 0, 0},
    {"{}", 0, 0},
    {"", 0, 0},
};

static void
test_lines(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct mark m;
		bool is = mark_read(lines[i].line, strlen(lines[i].line), &m);

		CHECK(is == (lines[i].n != 0), "%s", lines[i].line);
		if (is)
			CHECK(m.n == lines[i].n && m.weight == lines[i].weight && m.to[1] == 0x11 &&
				m.to[15] == 0xff,
			    "%s", lines[i].line);
	}
}

static void
test_print(void)
{
	struct mark m = {{1, 2, 3, 254}, INT64_MAX, MARK_WHOLE}, again;
	char line[MARK_SIZE];
	size_t len;

	m.n = 999999999999999999;
	len = mark_print(&m, line);
	CHECK(len == strlen(line) && line[len - 1] == '\n', "%zu", len);
	CHECK(mark_read(line, len - 1, &again), "%s", line);
	CHECK(memcmp(&m, &again, sizeof(m)) == 0, "%s", line);
}

/* Sends any bytes to the socket. */
static void
send_text(const struct mark *m, const char *text)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), n;

	n = snprintf(to.sun_path + 1, sizeof(to.sun_path) - 1, "pchan/");
	for (int i = 0; i < MARK_TO; i++)
		n += snprintf(to.sun_path + 1 + n, 3, "%02x", m->to[i]);
	CHECK(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to,
		  (socklen_t)(sizeof(to.sun_family) + 1 + (size_t)n)) != -1,
	    "%s", strerror(errno));
	close(fd);
}

static void
test_acknowledge(void)
{
	static const char *const rubbish[] = {"", "ack", "ack 1", "ack 0 1", "ack 1 0", "ack x 1",
	    "ack 1 1x", "nak 1 1", "ack 1 281474976710657",
	    "ack 1 1                                                              "};
	struct mark m = {.n = 5, .weight = 7}, got = {.n = 0};
	pid_t from;
	int fd;

	for (size_t i = 0; i < MARK_TO; i++)
		m.to[i] = (unsigned char)(rand() >> 3);
	m.to[0] = (unsigned char)getpid();
	m.to[1] = (unsigned char)(getpid() >> 8);
	CHECK(mark_acknowledge(&m) == -1 && errno == ECONNREFUSED, "%s", strerror(errno));
	fd = mark_listen(m.to);
	CHECK(fd != -1, "%s", strerror(errno));
	CHECK(mark_listen(m.to) == -1 && errno == EADDRINUSE, "%s", strerror(errno));
	CHECK(mark_receive(fd, &got, &from) == 0, "none yet");
	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++)
		send_text(&m, rubbish[i]);
	CHECK(mark_receive(fd, &got, &from) == 0, "rubbish is left out");
	CHECK(mark_acknowledge(&m) == 0, "%s", strerror(errno));
	m.n = 6;
	CHECK(mark_acknowledge(&m) == 0, "%s", strerror(errno));
	CHECK(mark_receive(fd, &got, &from) == 1 && got.n == 5 && got.weight == 7, "%ju",
	    (uintmax_t)got.n);
	CHECK(from == getpid(), "%d", (int)from);
	CHECK(mark_receive(fd, &got, &from) == 1 && got.n == 6, "%ju", (uintmax_t)got.n);
	CHECK(mark_receive(fd, &got, &from) == 0, "no more");
	close(fd);
	CHECK(mark_acknowledge(&m) == -1 && errno == ECONNREFUSED, "%s", strerror(errno));
}

int
main(void)
{
	test_lines();
	test_print();
	test_acknowledge();
	return t_end();
}
