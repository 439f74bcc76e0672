#ifndef PCHAN_GZIP_H
#define PCHAN_GZIP_H

/* RFC 1952. */

#include <stddef.h>

/*
 * The bytes, compressed; the caller frees them.  NULL with errno ENOMEM.
 */
char *gzip(const char *data, size_t len, size_t *packed_len);

#endif
