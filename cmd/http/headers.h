#ifndef HEADERS_H
#define HEADERS_H

/*
 * The headers of requests: those of the body, and those that the user gives, in
 * a file with one `Name: value` a line, or in $PCHAN_HTTP_AUTHORIZATION.  Their
 * values may be secret, and are never shown.
 */

#include <stdbool.h>
#include <stddef.h>
#include <curl/curl.h>

#define HEADERS_WHY_SIZE 512

enum headers_type { HEADERS_JSON, HEADERS_TEXT, HEADERS_NDJSON, HEADERS_TYPES };

/* A list for each type of body. */
struct headers {
	struct curl_slist *list[HEADERS_TYPES];
	struct curl_slist *given; /* the user's */
};

/*
 * Reads the file (NULL: none) and the environment.  -1, and `why` names the
 * line that is wrong, or the file.  Free it with headers_free() in any case.
 */
int headers_read(struct headers *, const char *file, bool gzip, char why[HEADERS_WHY_SIZE]);
void headers_free(struct headers *);

/*
 * A list for a single request: a copy of this type's, and more headers; those
 * that are NULL are left out.  NULL: no memory.  The caller frees it.
 */
struct curl_slist *headers_copy(
    const struct headers *, enum headers_type, const char *const *more, size_t n);

/* Whether the text has the value of a header that the user gives. */
bool headers_are_in(const struct headers *, const char *text);

#endif
