#ifndef PCHAN_PAYLOAD_H
#define PCHAN_PAYLOAD_H

/*
 * The payload of an envelope: how a record's bytes, whatever they are, stand in a line of JSON.
 *
 *	"value":{"a":1}		a JSON text, byte for byte
 *	"text":"a \"line\""	a UTF-8 line that is not JSON, where that is the shorter one
 *	"base64":"/w=="		anything else
 *
 * Thread-safe; nothing blocks.
 */

#include <stddef.h>

struct json_slice;

/*
 * Completes an envelope: head is a JSON object without its closing brace and with a
 * member at least.  *line is malloc'd, ends with an LF, and has *len bytes with it.
 * -1 with errno ENOMEM.
 */
int payload_seal(
    const char *head, const char *payload, size_t payload_len, char **line, size_t *len);

/*
 * Decode the JSON string of a text or base64 member.  *payload points into it if the bytes
 * stand there as they are, and *owned is NULL; else into *owned, which the caller
 * frees.  -1 with errno: EINVAL, ENOMEM.
 */
int payload_text(const struct json_slice *string, const char **payload, size_t *len, char **owned);
int payload_base64(
    const struct json_slice *string, const char **payload, size_t *len, char **owned);

#endif
