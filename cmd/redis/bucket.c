#include "bucket.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/*
 * KEYS[1]: the bucket.  ARGV: n, the rate, 1 to change the rate.  Returns 0 and
 * what is missing in the bucket, or 1 and the rate that is in force.
 */
static const char script[] =
    "local is = redis.call('HMGET', KEYS[1], 'rate', 'debt', 'at')\n"
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000000 + t[2]\n"
    "local debt = 0\n"
    /* What is earned in a us. */
    "local function speed(rate)\n"
    "  local amount, per = string.match(rate, '^(%d+) (%d+) ')\n"
    "  return amount * 1000 / per\n"
    "end\n"
    "if is[1] then\n"
    "  if is[1] ~= ARGV[2] and ARGV[3] == '0' then return {1, is[1]} end\n"
    /* A clock that was set back adds nothing. */
    "  local passed = math.max(now - is[3], 0)\n"
    "  debt = math.max(is[2] - passed * speed(is[1]), 0)\n"
    "end\n"
    "debt = debt + ARGV[1]\n"
    "local text = string.format('%.17g', debt)\n"
    "redis.call('HSET', KEYS[1], 'rate', ARGV[2], 'debt', text,\n"
    "  'at', string.format('%.0f', now))\n"
    "redis.call('PEXPIRE', KEYS[1],\n"
    "  string.format('%.0f', math.min(debt / speed(ARGV[2]) / 1000, 1e12) + 60000))\n"
    "return {0, text}\n";

bool
bucket_is_rate(const char *text)
{
	char again[BUCKET_RATE_SIZE], unit[8];
	uint64_t amount, per, burst;

	if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %7s", &amount, &per, &burst, unit) !=
	    4)
		return false;
	snprintf(again, sizeof(again), "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s", amount, per, burst,
	    unit);
	return strcmp(text, again) == 0 && amount > 0 && per > 0 && burst > 0 &&
	    (strcmp(unit, "records") == 0 || strcmp(unit, "bytes") == 0);
}

void
bucket_write_load(struct text *to)
{
	command_words(to, "SCRIPT", "LOAD", script, (char *)NULL);
}

void
bucket_write_take(
    struct text *to, const char *sha, const char *key, const char *rate, uint64_t n, bool changes)
{
	command_begin(to, 7);
	command_word(to, "EVALSHA");
	command_word(to, sha);
	command_word(to, "1");
	command_word(to, key);
	command_number(to, n);
	command_word(to, rate);
	command_word(to, changes ? "1" : "0");
}

bool
bucket_read_answer(const redisReply *reply, struct bucket_answer *a)
{
	redisReply *const *e = reply->element;

	*a = (struct bucket_answer){0};
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    e[0]->type != REDIS_REPLY_INTEGER || e[1]->type != REDIS_REPLY_STRING)
		return false;
	a->differs = e[0]->integer != 0;
	snprintf(a->text, sizeof(a->text), "%s", e[1]->str);
	return true;
}
