#ifndef PCHAN_ADDRESS_H
#define PCHAN_ADDRESS_H

/*
 * Where a server listens: HOST:PORT, [IPV6]:PORT, or :PORT for all addresses of
 * the machine.  Port 0 is one that the system chooses.
 */

#include <stdbool.h>

#define ADDRESS_HOST_SIZE 256
#define ADDRESS_TEXT_SIZE (ADDRESS_HOST_SIZE + 16)

struct address {
	char host[ADDRESS_HOST_SIZE]; /* "": all addresses */
	char port[8];
};

/* -1 and *why, a static text: what is expected.  Pure. */
int address_parse(const char *text, struct address *, const char **why);

/*
 * A nonblocking socket that listens there; `name` is the address as it is part
 * of a URL, with the port that was chosen.  Of the addresses of a host name the
 * first one is taken, of IPv4 if there is one.  Blocks while the name is looked
 * up.  -1 and *why, a static text.
 */
int address_listen(const struct address *, char name[ADDRESS_TEXT_SIZE], const char **why);

/* Whether only this machine can reach a socket that listens. */
bool address_is_loopback(int fd);

#endif
