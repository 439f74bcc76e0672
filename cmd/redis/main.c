/*
 * The helpers of Redis, pchan-engines(7), which are links to this program:
 * from-redis, to-redis, rate-redis, and the same with rediss.
 */

#include <string.h>

#include "engine/helper.h"
#include "from.h"
#include "rate.h"
#include "to.h"

static const struct {
	const char *begins;
	int (*run)(const char *url);
	const char *help;
} helpers[] = {
    {"from-", from_redis,
	"usage: from-redis 'redis://[USER@]HOST[:PORT]/STREAM?group=G&...'\n"
	"Prints the entries of a stream; pchan-engines(7).\n"},
    {"to-", to_redis,
	"usage: to-redis 'redis://[USER@]HOST[:PORT]/STREAM?...'\n"
	"Adds each line of standard input to a stream; pchan-engines(7).\n"},
    {"rate-", rate_redis,
	"usage: rate-redis 'redis://[USER@]HOST[:PORT]/KEY?...'\n"
	"Takes from a bucket that machines share; pchan-engines(7).\n"},
};

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash != NULL ? slash + 1 : argv[0];

	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		if (strncmp(name, helpers[i].begins, strlen(helpers[i].begins)) == 0)
			return helpers[i].run(helper_begin(argc, argv, helpers[i].help));
	helper_fail("start it by one of its names: from-redis, to-redis, rate-redis");
}
