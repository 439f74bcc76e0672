#ifndef ACCEPT_H
#define ACCEPT_H

/*
 * What a client wants, by its Accept and Accept-Encoding headers (RFC 9110,
 * sections 12.5.1 and 12.5.3).  Pure functions; NULL is a header that is
 * missing.
 */

#include <stdbool.h>

#include "exposition.h"

/*
 * The format that the client likes best.  It is OpenMetrics only for those who
 * ask for it; whoever asks for nothing that we have gets the other one, too,
 * rather than an error.
 */
enum exposition_format accept_format(const char *accept);

/* Whether the client takes gzip, and prefers it to plain bytes. */
bool accept_gzip(const char *accept_encoding);

#endif
