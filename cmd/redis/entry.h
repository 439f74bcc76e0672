#ifndef REDIS_ENTRY_H
#define REDIS_ENTRY_H

/*
 * Which record an entry of a stream is: the value of one of its fields; or, if
 * it has no such field, the value of its only field; or else an object with all
 * of its fields, whose values are strings.
 *
 * Nothing blocks.
 */

#include <hiredis/hiredis.h>

#include "json/json.h"
#include "json/text.h"

/*
 * The record of a list of fields and values, as Redis replies it: a part of the
 * reply, or what is in `scratch` then, which is emptied first.
 */
struct json_slice entry_record(const redisReply *fields, const char *field, struct text *scratch);

/* The member that says where the record comes from: "name":{...}. */
void entry_member(struct text *, const char *name, const char *stream, const char *id);

#endif
