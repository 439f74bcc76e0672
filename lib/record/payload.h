#ifndef PCHAN_PAYLOAD_H
#define PCHAN_PAYLOAD_H

/*
 * The payload of an envelope: how the bytes of a record, whatever they are, are
 * written into a line of JSON.
 *
 *	"value":{"a":1}		a JSON text, byte for byte
 *	"text":"a \"line\""	UTF-8 that is not JSON, if shorter than base64
 *	"base64":"/w=="		anything else
 *
 * Any thread; nothing blocks.
 */

#include <stddef.h>

struct json_slice;

/*
 * Completes an envelope: head is a JSON object with at least one member, and
 * without its closing brace.  *line is malloc'd and the caller's; it ends with
 * an LF, which *len includes.  -1 with errno ENOMEM.
 */
int payload_seal(
    const char *head, const char *payload, size_t payload_len, char **line, size_t *len);

/*
 * Decode the JSON string of a text or base64 member.  If the bytes stand in the
 * string as they are, *payload points into it and *owned is NULL; else *payload
 * is *owned, which the caller frees.  -1 with errno: EINVAL (the string cannot
 * be decoded), ENOMEM.
 */
int payload_text(const struct json_slice *string, const char **payload, size_t *len, char **owned);
int payload_base64(
    const struct json_slice *string, const char **payload, size_t *len, char **owned);

#endif
