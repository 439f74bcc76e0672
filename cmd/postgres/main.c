/*
 * to-postgres: stores the records of pfanout in a table of PostgreSQL,
 * pchan-engines(7).
 */

#include <stdlib.h>

#include "delivery.h"
#include "engine/helper.h"
#include "target.h"

static const char help[] =
    "usage: to-postgres URL <records\n"
    "Stores each record in a table, and answers with an empty line when it is durable.\n"
    "  postgres://[USER@][HOST[:PORT][,HOST...]]/[DATABASE]?table=[SCHEMA.]TABLE&OPTION=VALUE...\n"
    "    column=record      the column that takes the record: jsonb, json or text\n"
    "    key=.id            the path of what tells records apart: duplicates vanish\n"
    "    key-column=key     the column that takes it, with a unique index\n"
    "    columns=1          each member of a record goes to the column of its name\n"
    "    create=1           make the table if it is missing\n"
    "    sslmode=, service= and the other parameters of libpq, but no password\n"
    "pchan-engines(7) has more.\n";

int
main(int argc, char **argv)
{
	const char *url = helper_begin(argc, argv, help);
	char why[URL_WHY_SIZE];
	struct target target;

	if (target_read(&target, url, why) == -1)
		helper_fail("%s", why);
	delivery_run(&target);
	target_free(&target);
	return EXIT_SUCCESS;
}
