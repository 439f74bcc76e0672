#ifndef REDIS_WIRE_H
#define REDIS_WIRE_H

/*
 * The bytes of a connection, as they are or in TLS (OpenSSL), on a descriptor
 * that does not block.
 *
 * The main thread's; nothing blocks.
 */

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "target.h"

#define WIRE_WHY_SIZE 256

struct wire {
	int fd;      /* -1: none */
	SSL *tls;    /* NULL: the bytes as they are */
	short wants; /* what TLS has to wait for, as poll(2) says; 0: nothing */
	char why[WIRE_WHY_SIZE];
};

/*
 * What TLS needs of the URL; NULL for redis://.  Ends the process if a file
 * cannot be used.
 */
SSL_CTX *wire_context(const struct target *);

/*
 * Takes over the descriptor, which wire_close() closes.  The certificate must
 * be for that host.  False: no memory.
 */
bool wire_open(struct wire *, int fd, SSL_CTX *, const char *host);
void wire_close(struct wire *);

/* Goes on with the handshake of TLS: 1 when it is done, 0: later, -1: `why`. */
int wire_shake(struct wire *);

/* How many bytes were read or written; 0: none now; -1: it is over, `why`. */
ssize_t wire_read(struct wire *, void *to, size_t room);
ssize_t wire_write(struct wire *, const void *from, size_t len);

#endif
