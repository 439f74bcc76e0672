#include "greeting.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"

static void
write_auth(const struct target *t, struct text *to)
{
	if (*t->url.user != '\0')
		command_words(to, "AUTH", t->url.user, t->password, (char *)NULL);
	else
		command_words(to, "AUTH", t->password, (char *)NULL);
}

bool
greeting_write(enum greeting what, const struct target *t, struct text *to)
{
	switch (what) {
	case GREET_AUTH:
		if (t->password == NULL)
			return false;
		write_auth(t, to);
		return true;
	case GREET_SELECT:
		if (t->db == 0)
			return false;
		command_begin(to, 2);
		command_word(to, "SELECT");
		command_number(to, (uint64_t)t->db);
		return true;
	case GREET_PING:
		command_words(to, "PING", (char *)NULL);
		return true;
	case GREET_FSYNC:
		if (t->keeps_nothing)
			return false;
		command_words(to, "CONFIG", "GET", "append*", (char *)NULL);
		return true;
	case GREET_LONGEST:
		command_words(to, "CONFIG", "GET", "proto-max-bulk-len", (char *)NULL);
		return true;
	case GREETINGS:
		break;
	}
	return false;
}

/* The value of a setting; NULL: the reply has none. */
static const char *
setting(const redisReply *r, const char *name)
{
	if (r->type == REDIS_REPLY_ARRAY)
		for (size_t i = 0; i + 1 < r->elements; i += 2)
			if (strcmp(r->element[i]->str, name) == 0)
				return r->element[i + 1]->str;
	return NULL;
}

bool
greeting_is_durable(const redisReply *r)
{
	const char *only = setting(r, "appendonly"), *sync = setting(r, "appendfsync");

	return (only == NULL || strcmp(only, "yes") == 0) &&
	    (sync == NULL || strcmp(sync, "always") == 0);
}

uint64_t
greeting_longest(const redisReply *r)
{
	const char *longest = setting(r, "proto-max-bulk-len");

	return longest == NULL ? 0 : strtoull(longest, NULL, 10);
}
