#ifndef HOST_H
#define HOST_H

/*
 * Whether the Host that a browser asks for is a name of this server.  A page
 * from elsewhere can let its own name mean an address of this machine (DNS
 * rebinding), and its scripts could then read what only this machine is to see.
 * The name gives it away.  A pure function.
 */

#include <stdbool.h>

/*
 * Whether `host`, the value of the header, names this machine: localhost,
 * 127.0.0.1, [::1], or `given`, where the server was told to listen (an IPv6
 * address has no brackets there); with or without a port.
 */
bool host_is_ours(const char *host, const char *given);

#endif
